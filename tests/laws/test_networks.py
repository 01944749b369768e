"""Laws of networks and activations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen._files import dump_arrays, parse_arrays, tree_arrays, tree_with
from jensen.errors import OptionError
from jensen.parts.networks.mlp import ACTIVATIONS, MLP

from .zoo import NETWORKS, assert_finite, assert_same, jittered, network

on_networks = pytest.mark.parametrize("name", NETWORKS)
SHAPES = [((3,), (2,)), ((2, 3), (4,)), ((3,), (2, 2, 3))]


@pytest.mark.parametrize(("in_shape", "out_shape"), SHAPES, ids=str)
@on_networks
def test_any_shape_to_any_shape(name, in_shape, out_shape, key):
    net = jittered(network(name, in_shape, out_shape, key), key)
    x = jax.random.normal(key, (3, *in_shape))
    eager = jnp.stack([net(each) for each in x])
    assert eager.shape == (3, *out_shape)
    compiled = eqx.filter_jit(lambda net, x: jax.vmap(net)(x))(net, x)
    # Sums over a few products each: rounding in another order.
    np.testing.assert_allclose(compiled, eager, rtol=1e-5, atol=1e-5)


@on_networks
def test_gradients_are_finite(name, key):
    net = jittered(network(name, (3,), (2,), key), key)
    slope = eqx.filter_jit(eqx.filter_grad(lambda net, x: jnp.sum(net(x))))
    for size in (0.0, 1.0, 1e4):
        assert_finite(slope(net, jnp.full(3, size)))


@on_networks
def test_weights_follow_from_the_key(name, key):
    of = lambda key: network(name, (3,), (2,), key)
    assert_same(of(key), of(key))
    other = jax.tree.leaves(of(jax.random.key(1)))
    pairs = zip(jax.tree.leaves(of(key)), other, strict=True)
    assert any((np.asarray(a) != np.asarray(b)).any() for a, b in pairs)


def test_arrays_not_laid_out_in_order_are_saved_as_they_are():
    whole = np.arange(12.0).reshape(3, 4)
    for array in (whole[:, :2], whole.T, whole[::-1], np.float64(3.0)):
        saved = parse_arrays(dump_arrays({"a": np.asarray(array)}), "here")[0]["a"]
        np.testing.assert_array_equal(saved, array)
        assert saved.shape == np.shape(array)


@on_networks
def test_arrays_saved_and_loaded_are_the_same(name, key):
    net = jittered(network(name, (3,), (2,), key), key)
    arrays, _ = parse_arrays(dump_arrays(tree_arrays(net)), "here")
    blank = network(name, (3,), (2,), jax.random.key(9))
    assert_same(tree_with(blank, arrays, "here"), net)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_their_slopes_are_finite(activation):
    f = ACTIVATIONS[activation]
    for x in (-1e4, -30.0, -1.0, 0.0, 1.0, 30.0, 1e4):
        assert_finite(jax.value_and_grad(f)(x))
    assert f(1.0) > f(0.0) >= 0.0


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_can_be_chosen(activation, key):
    net = MLP((3,), (2,), hidden=(5,), activation=activation, key=key)
    x = jnp.array([0.3, -0.2, 1.0])
    first, last = net.layers
    by_hand = last(ACTIVATIONS[activation](first(x)))
    np.testing.assert_allclose(net(x), by_hand, rtol=1e-6)


def test_without_hidden_layers_it_is_linear(key):
    net = jittered(MLP((3,), (2,), hidden=(), key=key), key)
    x, y = jax.random.normal(key, (2, 3))
    at = lambda x: np.asarray(net(x)) - np.asarray(net(jnp.zeros(3)))
    np.testing.assert_allclose(at(x + 2 * y), at(x) + 2 * at(y), rtol=1e-4, atol=1e-5)


def test_what_makes_no_network_is_refused(key):
    with pytest.raises(OptionError, match=r"swish.*relu"):
        MLP((3,), (2,), hidden=(5,), activation="swish", key=key)
    with pytest.raises(OptionError, match="at least 1"):
        MLP((3,), (2,), hidden=(5, 0), key=key)


def test_networks_can_be_made_under_a_transformation():
    """An ensemble, and shapes alone: what users of Equinox do with modules of their own."""
    make = lambda key: MLP((3,), (2,), hidden=(4,), key=key)
    keys = jax.random.split(jax.random.key(0), 5)
    ensemble = eqx.filter_vmap(make)(keys)
    assert ensemble.layers[0].weight.shape == (5, 4, 3)
    assert np.ptp(np.asarray(ensemble.layers[0].weight), axis=0).min() > 0
    assert eqx.filter_eval_shape(make, keys[0]).layers[1].weight.shape == (2, 4)

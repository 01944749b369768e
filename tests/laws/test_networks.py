"""Laws of networks and activations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen._files import dump_arrays, parse_arrays, tree_arrays, tree_with
from jensen._sampling import standard_normal
from jensen._types import Constant
from jensen.errors import OptionError
from jensen.parts import networks
from jensen.parts.encoders import Encoder
from jensen.parts.networks.mlp import ACTIVATIONS, MLP

from .zoo import (
    ARCHITECTURES,
    NETWORKS,
    POSTERIORS,
    SHAPES,
    assert_finite,
    assert_same,
    jittered,
    network,
    rows_of,
)

on_networks = pytest.mark.parametrize("name", NETWORKS)
EVERY_SHAPE = [(name, *shapes) for name, each in SHAPES.items() for shapes in each]


def first_of(name, key):
    """A network for the first of its shapes."""
    return network(name, *SHAPES[name][0], key)


@pytest.mark.parametrize(("name", "in_shape", "out_shape"), EVERY_SHAPE, ids=str)
def test_any_shape_to_any_shape(name, in_shape, out_shape, key):
    net = jittered(network(name, in_shape, out_shape, key), key)
    x = standard_normal(key, (3, *in_shape))
    one = eqx.filter_jit(lambda net, x: net(x))
    alone = np.stack([one(net, each) for each in x])
    assert alone.shape == (3, *out_shape)
    together = eqx.filter_jit(lambda net, x: jax.vmap(net)(x))(net, x)
    # Sums over a few products each: rounding in another order.
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)


@on_networks
def test_gradients_are_finite(name, key):
    net = jittered(first_of(name, key), key)
    slope = eqx.filter_jit(eqx.filter_grad(lambda net, x: jnp.sum(net(x))))
    for size in (0.0, 1.0, 1e4):
        assert_finite(slope(net, np.full(SHAPES[name][0][0], size, np.float32)))


@on_networks
def test_weights_follow_from_the_key(name, key):
    of = lambda key: first_of(name, key)
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
    net = jittered(first_of(name, key), key)
    arrays, _ = parse_arrays(dump_arrays(tree_arrays(net)), "here")
    blank = first_of(name, jax.random.key(9))
    assert_same(tree_with(blank, arrays, "here"), net)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_their_slopes_are_finite(activation):
    both = jax.jit(jax.vmap(jax.value_and_grad(ACTIVATIONS[activation])))
    values, slopes = map(np.asarray, both(np.float32([-1e4, -30.0, -1.0, 0.0, 1.0, 30.0, 1e4])))
    assert_finite((values, slopes))
    assert values[4] > values[3] >= 0.0


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


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_make_networks_of_an_image_that_start_where_they_are_told(name, key):
    architecture, initial = ARCHITECTURES[name], jnp.asarray(rows_of("real")[:2])
    options = {"hidden": (4, 3), "activation": "tanh", "key": key}
    encoder = architecture.encoder((5, 6), 7, **options)
    assert eqx.filter_eval_shape(encoder, jnp.zeros((5, 6))).shape == (7,)
    decoder = architecture.decoder(2, initial, **options)
    found = eqx.filter_jit(decoder)(np.float32([0.5, -1.0]))
    # Last layers are a tenth of what keeps the size of numbers: some 0.1 beside numbers near 10.
    np.testing.assert_allclose(found, initial, atol=1.0)
    assert np.ptp(np.asarray(found - initial)) > 0


@pytest.mark.parametrize(
    ("shape", "channels", "smallest"),
    [((8, 8), 1, (4, 4)), ((28, 28), 2, (7, 7)), ((17, 23), 2, (5, 6)), ((32, 32, 3), 3, (4, 4))],
    ids=str,
)
def test_images_are_halved_until_they_are_small(shape, channels, smallest, key):
    architecture = ARCHITECTURES["conv"]
    hidden = architecture.usual_hidden(shape)
    assert hidden == (32, 64, 128)[:channels]
    options = {"hidden": hidden, "activation": "relu", "key": key}
    net = architecture.decoder(2, jnp.zeros((3, *shape)), **options)
    assert net.first.out_shape == (*smallest, hidden[-1])
    assert eqx.filter_eval_shape(net, jnp.zeros(2)).shape == (3, *shape)


def test_what_makes_no_convolutional_network_is_refused(key):
    conv = ARCHITECTURES["conv"]
    options = {"hidden": (3,), "activation": "relu", "key": key}
    with pytest.raises(OptionError, match=r"network='conv'.*\(784,\).*shape=\(28, 28\)"):
        conv.usual_hidden((784,))
    with pytest.raises(OptionError, match=r"network='conv'.*\(784,\)"):
        conv.encoder((784,), 2, **options)
    with pytest.raises(OptionError, match=r"image has shape.*\(3,\)"):
        networks.ConvDecoder((2,), (2, 3), **options)
    for wrong, told in (
        ({"activation": "swish"}, "swish.*relu"),
        ({"hidden": ()}, "at least one layer"),
        ({"hidden": (3, 0)}, "at least 1"),
    ):
        with pytest.raises(OptionError, match=told):
            conv.encoder((5, 6), 2, **(options | wrong))


@pytest.mark.parametrize("event", [(4,), (3, 4), (3, 4, 2)], ids=str)
def test_a_mask_that_an_encoder_sees_follows_as_numbers_or_as_channels(event):
    of = lambda value: Constant(jnp.full(event, value))
    seen = []

    def network(numbers):
        seen.append(np.asarray(numbers))
        return jnp.zeros(4)

    family = POSTERIORS["diagonal"](2)
    encoder = Encoder(network, family, of(1.0), of(2.0), sees_mask=True)
    x, mask = jnp.arange(float(np.prod(event))).reshape(event), jnp.ones(event, bool)
    mask = mask.at[(0,) * len(event)].set(False)
    encoder(x, mask)
    (told,) = seen
    entries = np.where(mask, (np.asarray(x) - 1) / 2, 0)
    channels = {1: event[0], 2: 1, 3: event[-1]}[len(event)]
    assert told.shape == ((2 * channels,) if len(event) == 1 else (3, 4, 2 * channels))
    np.testing.assert_allclose(told[..., :channels].reshape(event), entries)
    np.testing.assert_array_equal(told[..., channels:].reshape(event), mask)


def test_networks_can_be_made_under_a_transformation():
    """An ensemble, and shapes alone: what users of Equinox do with modules of their own."""
    make = lambda key: MLP((3,), (2,), hidden=(4,), key=key)
    keys = jax.random.split(jax.random.key(0), 5)
    ensemble = eqx.filter_vmap(make)(keys)
    assert ensemble.layers[0].weight.shape == (5, 4, 3)
    assert np.ptp(np.asarray(ensemble.layers[0].weight), axis=0).min() > 0
    assert eqx.filter_eval_shape(make, keys[0]).layers[1].weight.shape == (2, 4)
    image = lambda key: networks.ConvEncoder((5, 6), (2,), hidden=(3,), key=key)
    assert eqx.filter_vmap(image)(keys).stages[0][0].weight.shape == (5, 4, 4, 1, 3)

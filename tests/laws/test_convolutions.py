"""Convolutions by both formulations against their definition, and their gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen.errors import OptionError
from jensen.parts.networks import Conv, ConvTransposed, Linear, conv, with_precision
from jensen.parts.networks._products import pixel_product

# Height, width, channels in and out, kernel, stride: odd and even sizes, more channels in than
# out and fewer, kernels that are multiples of the stride, are none, and are smaller than it.
CASES = [
    (8, 6, 1, 3, 4, 2),
    (7, 9, 2, 5, 4, 2),
    (5, 4, 9, 2, 4, 2),
    (6, 5, 2, 2, 3, 1),
    (9, 8, 3, 2, 3, 2),
    (7, 6, 2, 3, 1, 2),
    (1, 3, 2, 3, 4, 2),
    (10, 7, 1, 2, 5, 3),
]
# Sums of at most 144 products in single precision, in another order: errors of some √144 roundings
# of 6e-8 each of numbers near 10.
CLOSE = {"rtol": 1e-5, "atol": 2e-5}


def by_definition(x, weight, stride):
    """y[i, j] = Σ x[i · stride + a − top, j · stride + b − left] · weight[a, b], zeros around."""
    kernel = weight.shape[0]
    sizes = [-(-side // stride) for side in x.shape[:2]]
    pads = [
        max((n - 1) * stride + kernel - side, 0) for n, side in zip(sizes, x.shape, strict=False)
    ]
    wide = np.pad(x, (*((pad // 2, pad - pad // 2 + stride) for pad in pads), (0, 0)))
    y = np.zeros((*sizes, weight.shape[-1]))
    for i, j in np.ndindex(*sizes):
        seen = wide[i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        y[i, j] = np.einsum("abc,abco->o", seen, weight)
    return y


def arrays(case):
    height, width, inputs, outputs, kernel, stride = case
    rng = np.random.default_rng(sum(case))
    x = rng.normal(size=(3, height, width, inputs)).astype(np.float32)
    weight = rng.normal(size=(kernel, kernel, inputs, outputs)).astype(np.float32)
    small = (-(-height // stride), -(-width // stride))
    y = rng.normal(size=(3, *small, outputs)).astype(np.float32)
    return x, weight, y


@jax.jit(static_argnames=("formulation", "arguments"))
def value_and_gradients(formulation, x, weight, target, arguments):
    """Of a batch, as training takes them: the loss is vmapped, and the gradient is outside."""
    run = lambda x, weight: jax.vmap(lambda x: formulation(x, weight, *arguments))(x)
    y, pull = jax.vjp(run, x, weight)
    return y, pull(target)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_formulations_are_the_definition_and_have_the_same_gradients(case):
    x, weight, y = arrays(case)
    stride, size = case[-1], x.shape[1:3]
    pairs = [
        (conv._conv_by_products, conv._conv_by_library, (x, weight, y), (stride,)),
        (
            conv._transposed_by_products,
            conv._transposed_by_library,
            (y, weight.swapaxes(2, 3), x),
            (stride, size),
        ),
    ]
    for products, library, (inputs, kernel, target), arguments in pairs:
        found = value_and_gradients(products, inputs, kernel, target, arguments)
        known = value_and_gradients(library, inputs, kernel, target, arguments)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), found, known)
        if products is conv._conv_by_products:
            exact = np.stack([by_definition(each, weight, stride) for each in x])
            np.testing.assert_allclose(found[0], exact, **CLOSE)
            gradient = found[1][0]
        else:
            # The transposed convolution is the convolution's gradient.
            np.testing.assert_allclose(found[0], gradient, **CLOSE)


def test_the_product_of_pixels_is_a_product_whatever_is_done_to_it():
    rng = np.random.default_rng(0)
    x, weight = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((2, 3, 4, 5), (5, 2)))

    def measures(product):
        loss = lambda x, weight: jnp.sum(jnp.sin(product(x, weight)))
        by_row = jax.vmap(jax.grad(loss, argnums=(0, 1)), in_axes=(0, None))(x, weight)
        whole = jax.grad(lambda w: jnp.sum(jax.vmap(lambda x: loss(x, w))(x)))(weight)
        many = jax.vmap(product, in_axes=(None, 1))(x, jnp.stack([weight, 2 * weight], axis=1))
        moved = jax.jvp(loss, (x, weight), (x, weight))
        bent = jax.jacfwd(jax.grad(loss, argnums=1), argnums=1)(x, weight)
        return by_row, whole, many, moved, bent, product(x, weight)

    found = jax.jit(lambda: measures(pixel_product))()
    known = jax.jit(lambda: measures(lambda x, weight: x @ weight))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), found, known)
    np.testing.assert_allclose(pixel_product(x, weight), x @ weight, **CLOSE)


@pytest.mark.parametrize(
    ("made", "shapes"),
    [
        (Conv, ((5, 4, 2), (3, 2, 3))),
        (ConvTransposed, ((3, 2, 3), (5, 4, 2))),
        (Linear, ((3, 4), (5, 2))),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_half_precision_is_for_accelerators_and_can_be_switched_off(made, shapes, key, monkeypatch):
    layer = made.draw(*shapes, key=key)
    low = with_precision({"layer": layer}, "bfloat16")["layer"]
    x = jax.random.normal(key, shapes[0])
    np.testing.assert_array_equal(low(x), layer(x))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    exact, rounded = layer(x), low(x)
    assert rounded.dtype == exact.dtype == low.weight.dtype == jnp.float32
    # Rounding to eight bits moves a number by 1/512 of itself at most: both factors of a product,
    # and a convolution's sum of them once more.
    of_sizes = eqx.tree_at(lambda each: each.weight, layer, jnp.abs(layer.weight))
    bound = of_sizes(jnp.abs(x)) * (3 / 512 + 1e-4)
    error = jnp.abs(exact - rounded)
    assert jnp.all(error <= bound)
    assert jnp.max(error / bound) > 0.05
    np.testing.assert_array_equal(with_precision(low, "float32")(x), exact)


def test_what_makes_no_convolution_is_refused(key):
    with pytest.raises(OptionError, match=r"makes no \(4, 4, 1\) of \(5, 4, 2\)"):
        Conv.draw((5, 4, 2), (4, 4, 1), key=key)
    with pytest.raises(OptionError, match=r"makes no \(5, 4, 1\) of \(2, 2, 2\)"):
        ConvTransposed.draw((2, 2, 2), (5, 4, 1), key=key)

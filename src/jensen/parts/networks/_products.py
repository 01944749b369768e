"""The product of an image's pixels with a matrix, whose gradient is one product as well."""

from collections.abc import Callable
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Float

__all__ = ["pixel_product"]


def pixel_product(
    x: Float[Array, "*pixels in"], weight: Float[Array, "in out"]
) -> Float[Array, "*pixels out"]:
    """x @ weight, with as many pixels as there are axes before the last.

    The gradient of `x @ weight` adds up over pixels, and over the rows of a batch. Over several
    axes XLA does that for a CPU after laying one of both arrays out anew, transposed, which takes
    about a fifth of a training step of a convolutional network. They must be one axis before
    there is a gradient, but the axis of the batch is not to be seen from within `jax.vmap`. Hence
    a primitive: it is told of a batch as of further pixels.
    """
    found: Array = _product.bind(x, weight)
    return found


def _flat(x: Array) -> Array:
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])


def _plain_product(x: Array, weight: Array) -> Array:
    return (_flat(x) @ weight).reshape(*x.shape[:-1], weight.shape[-1])


def _plain_gradient(x: Array, y: Array) -> Array:
    return _flat(x).T @ _flat(y)


def _bilinear(name: str, function: Callable[[Array, Array], Array]) -> Any:
    """A primitive of two arrays that is linear in each; a batch goes as it would without one."""
    made = Primitive(name)
    made.def_impl(jax.jit(function))
    made.def_abstract_eval(
        lambda a, b: jax.core.ShapedArray(jax.eval_shape(function, a, b).shape, a.dtype)
    )
    mlir.register_lowering(made, mlir.lower_fun(function, multiple_results=False))
    batching.primitive_batchers[made] = lambda arrays, axes: (
        jax.vmap(function, in_axes=tuple(axes))(*arrays),
        0,
    )
    return made


def _batched_product(arrays: Any, axes: Any) -> tuple[Array, int]:
    (x, weight), (of_x, of_weight) = arrays, axes
    if of_weight is None:
        return _product.bind(jnp.moveaxis(x, of_x, 0), weight), 0
    return jax.vmap(_plain_product, in_axes=(of_x, of_weight))(x, weight), 0


_product = _bilinear("pixel_product", _plain_product)
_gradient = _bilinear("pixel_product_gradient", _plain_gradient)
batching.primitive_batchers[_product] = _batched_product
ad.defbilinear(
    _product,
    lambda cotangent, x, weight: _product.bind(cotangent, weight.T),
    lambda cotangent, x, weight: _gradient.bind(x, cotangent),
)
ad.defbilinear(
    _gradient,
    lambda cotangent, x, y: _product.bind(y, cotangent.T),
    lambda cotangent, x, y: _product.bind(x, cotangent),
)

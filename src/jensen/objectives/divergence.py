"""KL(q ‖ p) in closed form where the pair has one."""

from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions.kl import kl_divergence

from jensen._types import Scalar

__all__ = ["closed_form_kl", "kl_by_dimension"]


def closed_form_kl(q: Any, p: Any) -> Scalar | None:
    """KL(q ‖ p) in nats, or `None` where no closed form is known."""
    diagonal = _independent_normal(p)
    if isinstance(q, dist.MultivariateNormal) and diagonal is not None:
        # NumPyro keeps one scale for all dimensions as it was given.
        loc, scale = (
            jnp.broadcast_to(each, p.event_shape) for each in (diagonal.loc, diagonal.scale)
        )
        p = dist.MultivariateNormal(loc, scale_tril=jnp.diag(scale))
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


def kl_by_dimension(q: Any, p: Any) -> Any | None:
    """The KL of each latent dimension, or `None` unless both are independent normals."""
    normals = _independent_normal(q), _independent_normal(p)
    return None if None in normals else kl_divergence(*normals)


def _independent_normal(distribution: Any) -> Any | None:
    if isinstance(distribution, dist.Independent) and isinstance(
        distribution.base_dist, dist.Normal
    ):
        return distribution.base_dist
    return None

"""Posterior families: what turns a network's numbers into q(z | x)."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from jensen._sampling import split
from jensen._types import Distribution, PRNGKey, Scalar
from jensen.errors import OptionError
from jensen.parts.networks import MLP

__all__ = ["DiagonalNormal", "Flow", "FullNormal", "PosteriorFamily"]

# softplus(raw + this) is one at raw = 0, the scale of the standard normal prior.
_UNIT_SOFTPLUS = 0.5413249
_SMALLEST_SCALE = 1e-5

# Couplings, each of which moves half of z, the width of their networks, and the numbers that
# tell them of x: small beside the encoder's own layers, which take most of a step.
_COUPLINGS, _WIDTH, _CONTEXT = 4, 32, 16
_MOST_LOG_SCALE = 2.0


def _positive(raw: Array) -> Array:
    return jax.nn.softplus(raw + _UNIT_SOFTPLUS) + _SMALLEST_SCALE


class PosteriorFamily(eqx.Module):
    """Turns a network's output into a distribution over a `latent_dim`-dimensional z."""

    latent_dim: int = eqx.field(static=True)

    @classmethod
    def build(cls, key: PRNGKey, latent_dim: int) -> "PosteriorFamily":
        """A member for a `latent_dim`-dimensional z; `key` draws the weights of those that have."""
        return cls(latent_dim)

    @property
    @abstractmethod
    def size(self) -> int:
        """How many numbers of the network's output a posterior takes."""

    @abstractmethod
    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        """q(z) with the parameters that `h` stands for, at first the standard normal at zero."""


class DiagonalNormal(PosteriorFamily):
    """q(z | x) = N(μ(x), diag σ²(x))."""

    name: ClassVar[str] = "diagonal"

    @property
    def size(self) -> int:
        """μ and σ: two numbers a dimension."""
        return 2 * self.latent_dim

    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        mean, raw = jnp.split(h, 2)
        return dist.Normal(mean, _positive(raw)).to_event(1)


class FullNormal(PosteriorFamily):
    """q(z | x) = N(μ(x), L(x) L(x)ᵀ) with L lower triangular."""

    name: ClassVar[str] = "full"

    @property
    def size(self) -> int:
        """μ and the entries of L on and below its diagonal."""
        return 2 * self.latent_dim + self.latent_dim * (self.latent_dim - 1) // 2

    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        d = self.latent_dim
        mean, raw, below = h[:d], h[d : 2 * d], h[2 * d :]
        scale_tril = jnp.diag(_positive(raw)).at[np.tril_indices(d, -1)].set(below)
        return dist.MultivariateNormal(mean, scale_tril=scale_tril)


class Flow(PosteriorFamily):
    """q(z | x): a normal bent by affine couplings, which see x (Rezende & Mohamed 2015).

        z = μ(x) + σ(x) · f(ε; c(x)),   ε ~ N(0, I)

    with f a composition of couplings (Dinh, Sohl-Dickstein & Bengio 2017): each keeps half of its
    numbers and scales and shifts the others by a network of those kept and of c(x), numbers
    between -1 and 1 that the encoder gives, and then turns the order around, so that each latent
    is moved by two of four at least. The networks are trained with the model. It follows bends
    and skews that no normal does, costs more per draw, and has neither a KL nor a mean in closed
    form: both are averages over draws. As each latent is bent by others, it takes two or more.
    """

    name: ClassVar[str] = "flow"
    networks: tuple[MLP, ...]

    @classmethod
    def build(cls, key: PRNGKey, latent_dim: int) -> "Flow":
        """Couplings whose last layers are zero, so that f is the identity at first."""
        if latent_dim < 2:
            raise OptionError(
                "posterior='flow' bends each latent by others: it takes latent_dim of at least 2,"
                f" and not {latent_dim}. Take posterior='diagonal'."
            )
        kept = latent_dim // 2
        networks = [
            MLP((kept + _CONTEXT,), (2, latent_dim - kept), hidden=(_WIDTH,), key=each)
            for each in split(key, _COUPLINGS)
        ]
        last = lambda network: (network.layers[-1].weight, network.layers[-1].bias)
        still = [eqx.tree_at(last, each, replace_fn=jnp.zeros_like) for each in networks]
        return cls(latent_dim, tuple(still))

    @property
    def size(self) -> int:
        """μ, σ and c."""
        return 2 * self.latent_dim + _CONTEXT

    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        d = self.latent_dim
        return _Bent(h[:d], _positive(h[d : 2 * d]), jnp.tanh(h[2 * d :]), self.networks)


class _Bent(eqx.Module):
    """μ + σ · f(ε; c) for ε ~ N(0, I)."""

    loc: Float[Array, " latent"]
    scale: Float[Array, " latent"]
    context: Float[Array, " context"]
    networks: tuple[MLP, ...]

    def _coupling(self, network: MLP, kept: Array) -> tuple[Array, Array]:
        """Log scale and shift of the numbers that are moved."""
        raw, shift = network(jnp.concatenate([kept, self.context]))
        # Bounded, lest several of them overflow.
        return _MOST_LOG_SCALE * jnp.tanh(raw / _MOST_LOG_SCALE), shift

    def _bend(self, noise: Float[Array, " latent"]) -> Float[Array, " latent"]:
        for network in self.networks:
            kept, moved = jnp.split(noise, [len(noise) // 2])
            log_scale, shift = self._coupling(network, kept)
            noise = jnp.concatenate([kept, moved * jnp.exp(log_scale) + shift])[::-1]
        return self.loc + self.scale * noise

    def _log_prob(self, z: Float[Array, " latent"]) -> Scalar:
        noise, log_det = (z - self.loc) / self.scale, jnp.sum(jnp.log(self.scale))
        for network in self.networks[::-1]:
            kept, moved = jnp.split(noise[::-1], [len(noise) // 2])
            log_scale, shift = self._coupling(network, kept)
            noise = jnp.concatenate([kept, (moved - shift) * jnp.exp(-log_scale)])
            log_det = log_det + jnp.sum(log_scale)
        normal = jnp.sum(noise**2) + len(noise) * np.log(2 * np.pi)
        return -0.5 * normal - log_det

    def sample(
        self, key: PRNGKey, sample_shape: tuple[int, ...] = ()
    ) -> Float[Array, "*draws latent"]:
        """Draws, reparameterised."""
        noise = jax.random.normal(key, (*sample_shape, *self.loc.shape))
        return jnp.vectorize(self._bend, signature="(d)->(d)")(noise)

    def log_prob(self, value: Float[Array, "*draws latent"]) -> Float[Array, "*draws"]:
        """log q(z), the couplings undone one by one."""
        return jnp.vectorize(self._log_prob, signature="(d)->()")(value)

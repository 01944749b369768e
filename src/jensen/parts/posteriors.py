"""Posterior families: what turns a network's numbers into q(z | x)."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from jensen._lenient import lenient
from jensen._types import Distribution, PRNGKey, Scalar

__all__ = ["DiagonalNormal", "Flow", "FullNormal", "PosteriorFamily"]

# softplus(raw + this) is one at raw = 0, the scale of the standard normal prior.
_UNIT_SOFTPLUS = 0.5413249
_SMALLEST_SCALE = 1e-5

# Couplings, each of which moves half of z, the width of their networks, and the numbers that
# tell them of x: small beside the encoder's own layers, which take most of a step.
_COUPLINGS, _WIDTH, _CONTEXT = 4, 32, 16


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
        """q(z) with the parameters that `h` stands for; at first the standard normal at zero."""


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
        scale_tril = jnp.diag(_positive(raw)).at[jnp.tril_indices(d, -1)].set(below)
        return dist.MultivariateNormal(mean, scale_tril=scale_tril)


class Flow(PosteriorFamily):
    """q(z | x): a normal bent by affine couplings, which see x (Rezende & Mohamed 2015).

        z = μ(x) + σ(x) · f(ε; c(x)),   ε ~ N(0, I)

    with f a composition of couplings (Dinh, Sohl-Dickstein & Bengio 2017), FlowJAX's, whose
    networks are given numbers c(x) between -1 and 1 by the encoder. Their weights are trained
    with the model. It follows bends and skews that no normal does, costs more per draw, and has
    no KL in closed form.
    """

    name: ClassVar[str] = "flow"
    # FlowJAX's `Transformed`, in two: what is trained or at least an array, and the rest.
    arrays: Any
    rest: Any = eqx.field(static=True)

    @classmethod
    def build(cls, key: PRNGKey, latent_dim: int) -> "Flow":
        """Couplings whose last layers are zero, so that f is the identity at first."""
        # Its import takes long, and few models need it.
        from flowjax.distributions import StandardNormal
        from flowjax.flows import coupling_flow

        # The call of their module, which its metaclass hides from checkers of types.
        base: Any = StandardNormal
        with lenient():
            flow = coupling_flow(
                key,
                base_dist=base((latent_dim,)),
                cond_dim=_CONTEXT,
                flow_layers=_COUPLINGS,
                nn_width=_WIDTH,
                # The direction of draws is the one that training takes.
                invert=False,
            )
        is_network = lambda node: isinstance(node, eqx.nn.MLP)
        still = lambda node: _without_last(node) if is_network(node) else node
        arrays, rest = eqx.partition(jax.tree.map(still, flow, is_leaf=is_network), eqx.is_array)
        return cls(latent_dim, arrays, rest)

    @property
    def size(self) -> int:
        """μ, σ and c."""
        return 2 * self.latent_dim + _CONTEXT

    def __call__(self, h: Float[Array, " size"]) -> Distribution:
        d = self.latent_dim
        return _Bent(h[:d], _positive(h[d : 2 * d]), jnp.tanh(h[2 * d :]), self)


def _without_last(network: eqx.nn.MLP) -> eqx.nn.MLP:
    last = lambda network: (network.layers[-1].weight, network.layers[-1].bias)
    return eqx.tree_at(last, network, replace_fn=jnp.zeros_like)


class _Bent(eqx.Module):
    """μ + σ · f(ε; c) for ε ~ N(0, I)."""

    loc: Float[Array, " latent"]
    scale: Float[Array, " latent"]
    context: Float[Array, " context"]
    family: Flow

    @property
    def _bend(self) -> Any:
        return eqx.combine(self.family.arrays, self.family.rest)

    def sample(
        self, key: PRNGKey, sample_shape: tuple[int, ...] = ()
    ) -> Float[Array, "*draws latent"]:
        """Draws, reparameterised."""
        with lenient():
            u = self._bend.sample(key, sample_shape, condition=self.context)
            return self.loc + self.scale * u

    def log_prob(self, value: Float[Array, "*draws latent"]) -> Float[Array, "*draws"]:
        """log q(z), the couplings undone one by one."""
        with lenient():
            u = (value - self.loc) / self.scale
            log_scale: Scalar = jnp.sum(jnp.log(self.scale))
            return self._bend.log_prob(u, condition=self.context) - log_scale

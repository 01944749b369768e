"""Priors p(z): a distribution over the latents, trainable or not."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jax.nn import log_softmax, logsumexp
from jaxtyping import Float

from jensen._runtime import on_device
from jensen._sampling import generator, standard_normal
from jensen._types import Constant, Distribution, PRNGKey, Scalar, held
from jensen.parts._standardise import standardisation
from jensen.parts.networks import MLP

__all__ = [
    "MOST_COMPONENTS",
    "ConditionalNormal",
    "FixedPrior",
    "GaussianMixturePrior",
    "Mixture",
    "Prior",
    "StandardNormal",
    "TrainablePrior",
    "VampPrior",
    "as_prior",
]

# Of pseudo-inputs, which begin as rows, no more can be asked for than a file's reader makes up.
MOST_COMPONENTS = 1000
# Of the network of a prior that depends on a condition: one layer, for what is no label may bear
# on z in curved ways.
_HIDDEN_OF_CONDITION = (64,)


class Prior(eqx.Module):
    """Answers with the distribution p(z) when it is called with the model's encoder.

    Class attributes:
        takes_value: whether a number of components may follow the name, as in "mixture:50".
        heeds_condition: whether, of a conditional model, z depends on the condition.
        needs_condition: whether it is of conditional models alone; `build` then takes the
            condition's size in place of rows.
    """

    takes_value: ClassVar[bool] = False
    heeds_condition: ClassVar[bool] = False
    needs_condition: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, encoder: Any, condition: Any = None) -> Distribution:
        """p(z), or p(z | condition), given the encoder, which most priors have no use for."""


class StandardNormal(Prior):
    """z ~ N(0, I), as in Kingma & Welling (2014)."""

    name: ClassVar[str] = "normal"
    latent_dim: int = eqx.field(static=True)

    @classmethod
    def build(cls, key: PRNGKey, latent_dim: int, rows: np.ndarray) -> "StandardNormal":
        """A member for a `latent_dim`-dimensional z."""
        return cls(latent_dim)

    def __call__(self, encoder: Any = None, condition: Any = None) -> Distribution:
        return dist.Normal(jnp.zeros(self.latent_dim), jnp.ones(self.latent_dim)).to_event(1)


class Mixture(eqx.Module):
    """Σ_k w_k p_k(z) of distributions of one family, stacked along their leaves' first axis.

    NumPyro's mixtures need components that know their batch shape; what `jax.vmap` returns
    (an encoder's posterior at many inputs) does not, and needs no more than this.
    """

    log_weights: Float[Array, " components"]
    components: Any

    def log_prob(self, z: Float[Array, " latent"]) -> Scalar:
        """log Σ_k w_k p_k(z), in nats."""
        each = jax.vmap(lambda component: component.log_prob(z))(self.components)
        return logsumexp(self.log_weights + each)

    def sample(self, key: PRNGKey, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draws of z: first a component, then from it."""
        count = int(np.prod(sample_shape))

        def draw(key: PRNGKey) -> Array:
            which, where = jax.random.split(key)
            chosen = jax.random.categorical(which, self.log_weights)
            return jax.tree.map(lambda leaf: leaf[chosen], self.components).sample(where)

        z = jax.vmap(draw)(jax.random.split(key, count))
        return z.reshape(*sample_shape, *z.shape[1:])


class GaussianMixturePrior(Prior):
    """A mixture of diagonal normals with trainable weights, means and scales.

    Starts with unit scales and means drawn from N(0, I), so that no component is idle.
    """

    name: ClassVar[str] = "mixture"
    takes_value: ClassVar[bool] = True
    logits: Float[Array, " components"]
    means: Float[Array, "components latent"]
    log_scales: Float[Array, "components latent"]

    @classmethod
    def build(
        cls, key: PRNGKey, latent_dim: int, rows: np.ndarray, components: int = 10
    ) -> "GaussianMixturePrior":
        """A member with `components` normals over a `latent_dim`-dimensional z."""
        means = standard_normal(key, (components, latent_dim))
        return cls(*map(on_device, (np.zeros(components), means, np.zeros(means.shape))))

    def __call__(self, encoder: Any = None, condition: Any = None) -> Distribution:
        components = jax.vmap(lambda m, s: dist.Normal(m, jnp.exp(s)).to_event(1))(
            self.means, self.log_scales
        )
        return Mixture(log_softmax(self.logits), components)


class VampPrior(Prior):
    """The encoder's posterior at trainable pseudo-inputs, averaged (Tomczak & Welling 2018, eq. 9).

    p(z) = 1/K Σ_k q(z | u_k), with u_k = shift + scale · v_k and v_k trained, so that a step of
    the optimiser means the same whatever the data's units. Of a conditional model it is
    p(z | c) = 1/K Σ_k q(z | u_k, c).
    """

    name: ClassVar[str] = "vamp"
    takes_value: ClassVar[bool] = True
    heeds_condition: ClassVar[bool] = True
    pseudo_inputs: Float[Array, "components *event"]
    shift: Constant
    scale: Constant

    @classmethod
    def build(
        cls, key: PRNGKey, latent_dim: int, rows: np.ndarray, components: int = 50
    ) -> "VampPrior":
        """A member whose pseudo-inputs start at `components` of the training `rows`."""
        components = min(components, len(rows))
        chosen = generator(key).choice(len(rows), components, replace=False)
        x = on_device(rows[chosen])
        shift, scale = standardisation(rows)
        standard = jax.vmap(lambda row: (row - shift) / scale)(x)
        return cls(standard, Constant(shift), Constant(scale))

    def __call__(self, encoder: Any, condition: Any = None) -> Distribution:
        given = () if condition is None else (condition,)
        components = jax.vmap(
            lambda v: encoder(self.shift.value + self.scale.value * v, None, *given)
        )(self.pseudo_inputs)
        count = len(self.pseudo_inputs)
        return Mixture(jnp.full(count, -np.log(count), dtype=jnp.float32), components)


class ConditionalNormal(Prior):
    """z ~ N(μ(c), diag σ(c)²), with μ and log σ from a network of the condition c.

    (Sohn, Lee & Yan 2015, section 4.) It starts near N(0, I).
    """

    name: ClassVar[str] = "conditional"
    heeds_condition: ClassVar[bool] = True
    needs_condition: ClassVar[bool] = True
    network: MLP

    @classmethod
    def build(cls, key: PRNGKey, latent_dim: int, size: int) -> "ConditionalNormal":
        """A member for a `latent_dim`-dimensional z, given conditions of `size` numbers."""
        return cls(MLP((size,), (2, latent_dim), hidden=_HIDDEN_OF_CONDITION, key=key))

    def __call__(self, encoder: Any = None, condition: Any = None) -> Distribution:
        mean, log_scale = self.network(condition)
        return dist.Normal(mean, jnp.exp(log_scale)).to_event(1)


class FixedPrior(Prior):
    """Any distribution over z, left as it is."""

    distribution: Any

    def __call__(self, encoder: Any = None, condition: Any = None) -> Distribution:
        return held(self.distribution)


class TrainablePrior(Prior):
    """Any module that is itself a distribution over z, trained with the model: a flow, say."""

    distribution: Any

    def __call__(self, encoder: Any = None, condition: Any = None) -> Distribution:
        return self.distribution


def as_prior(prior: Any) -> Prior:
    """Take a `Prior` as it is; wrap a distribution as one.

    A module is trained. A NumPyro distribution is not: its leaves are parameters under
    constraints that an optimiser would leave.
    """
    if isinstance(prior, Prior):
        return prior
    return TrainablePrior(prior) if isinstance(prior, eqx.Module) else FixedPrior(prior)

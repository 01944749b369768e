"""Laws of columns broken on purpose: what the tests ask of ours must reject each of them."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn import log_sigmoid

from jensen.parts._special import log1mexp
from jensen.parts.columns import AtomsDistribution, levels, real, whole

from ..laws.columns.members import alone, grid_probabilities, moderate, places
from ..laws.columns.test_digits import against_scipy, wide
from ..laws.columns.test_probabilities import SUM, at_atoms


class WithoutEndCells(whole.RoundedDistribution):
    """What lies beyond the ends is lost."""

    def log_prob(self, x):
        away = (x - self.loc) / self.scale
        half = 0.5 / self.scale
        inside = log1mexp(1.0 / self.scale)
        return log_sigmoid(away + half) + log_sigmoid(half - away) + inside


class WithoutHalves(whole.RoundedDistribution):
    """Each value stands for the step above it."""

    def log_prob(self, x):
        moved = self.loc - 0.5, self.scale, self.low, self.high
        return whole.RoundedDistribution(*moved).log_prob(x)


class WithoutJacobian(real.LogNormalDistribution):
    """A density of the logarithm, not of x."""

    def log_prob(self, x):
        return self.log.log_prob(jnp.log(x))


class CountedTwice(AtomsDistribution):
    """The base keeps all of its mass at the atom, and the atom's is added."""

    def log_prob(self, x, rest):
        both = jnp.logaddexp(log_sigmoid(self.logit), rest)
        return jnp.where(x == self.atom, both, log_sigmoid(-self.logit) + rest)


class HurdleWithItsBaseWhole(AtomsDistribution):
    """The law of the rest forgets that it has but a share."""

    def log_prob(self, x, rest):
        return jnp.where(x == self.atom, log_sigmoid(self.logit), rest)


class WithoutUnseen(levels.LevelsDistribution):
    """A share for what was never seen, on top of all the others."""

    def log_prob(self, x):
        less = jnp.log1p(-jnp.exp(self.log_unseen))
        found = super().log_prob(x)
        return jnp.where(x < self.levels, found - less, found)


class GammaByItsRate(real.GammaDistribution):
    """The mean is taken for the rate."""

    def log_prob(self, x):
        return real.GammaDistribution(-self.log_mean, self.shape).log_prob(x)


class WithEdgesOneByOne(whole.RoundedLogNormalDistribution):
    """A difference of two logarithms, which of large numbers are the same."""

    def log_prob(self, x):
        edge = lambda x: self._standard(jnp.maximum(x, 0.25))
        a, b = edge(x - 0.5), edge(x + 0.5)
        difference = jnp.log(jnp.maximum(jax.scipy.special.ndtr(b) - jax.scipy.special.ndtr(a), 0))
        first = jnp.where(x <= self.low, jax.scipy.special.log_ndtr(b), difference)
        return jnp.where(x >= self.high, jax.scipy.special.log_ndtr(-a), first)


class CutsOutOfOrder(levels.LevelsDistribution):
    """The first two cuts of each column stand in the other order, and overlap."""

    def log_prob(self, x):
        p = jnp.exp(self.log_probs)
        # P(x ≤ 1) − 0, and the second category's interval turned over.
        both = p[:, :1] + p[:, 1:2]
        turned = jnp.concatenate([both, p[:, 1:2], p[:, 2:] + p[:, 1:2] * 0], axis=1)
        logs = jnp.log(jnp.maximum(turned, 1e-30))
        return levels.LevelsDistribution(logs, self.levels, self.log_unseen).log_prob(x)


# The law that each was made from; and whether it is no distribution, or one of something else.
BROKEN = {
    WithoutEndCells: ("rounded", True),
    WithoutHalves: ("rounded", False),
    WithEdgesOneByOne: ("rounded-log-normal", False),
    WithoutJacobian: ("log-normal", True),
    GammaByItsRate: ("gamma", False),
    CountedTwice: ("inflated:rounded", True),
    HurdleWithItsBaseWhole: ("hurdle:normal", True),
    WithoutUnseen: ("categorical", True),
    CutsOutOfOrder: ("ordered-logistic", True),
}
on_each = pytest.mark.parametrize("kind", BROKEN, ids=[kind.__name__ for kind in BROKEN])


def broken(p, kind):
    """The columns' distribution with its law, or the atoms over it, as `kind` has them."""
    if kind is None:
        return p
    if issubclass(kind, AtomsDistribution):
        return replace(p, atoms=kind(**vars(p.atoms)))
    return replace(p, parts=tuple(kind(**vars(part)) for part in p.parts))


def checks(name, kind):
    """Whether a law agrees with SciPy, and is one in all, as `kind` has it; `None`: as it is."""
    _, columns, numbers, _ = places()[name]

    @eqx.filter_jit
    def log_probs(law, h, x):
        each = jax.vmap(lambda h, x: broken(law(h), kind).log_prob(x))
        return each(*(jnp.asarray(v, jnp.float32) for v in (h, x)))

    h, x, _ = wide()
    try:
        found = log_probs(alone(name), h[:, numbers], x[:, columns])
        against_scipy(name, np.asarray(found, np.float64))
        same = True
    except AssertionError:
        same = False
    values, _, weight = (each[:, columns] for each in grid_probabilities())
    fixed = np.broadcast_to(moderate()[numbers], (len(values), len(numbers)))
    p = np.exp(np.asarray(log_probs(alone(name), fixed, values), np.float64))
    total = (p * weight).sum(0) + at_atoms()[1][columns]
    return same, bool((np.abs(total - 1) <= SUM).all())


@on_each
def test_a_broken_law_is_rejected(kind):
    name, no_distribution = BROKEN[kind]
    same, one = checks(name, kind)
    assert not same
    assert one is not no_distribution


@pytest.mark.parametrize("name", sorted({name for name, _ in BROKEN.values()}))
def test_a_law_that_is_not_broken_passes(name):
    assert checks(name, None) == (True, True)

"""Annealing broken on purpose: the mean of the weights must give each away.

However badly chains mix, the mean of their weights is p(x) if every move leaves its density as
it is and nothing that a chain has done decides how it goes on. So that a fault shows, there are
few temperatures and large steps, and the chains mix badly.
"""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen import LinearGaussian
from jensen._sampling import row_keys, split
from jensen.evidence.annealing import runs
from jensen.evidence.annealing.annealed import Annealing, estimate_of
from jensen.evidence.annealing.bidirectional import bracket_of, simulate
from jensen.evidence.annealing.chains import Program
from jensen.inference.hamiltonian import Transition, transition

from ..annealing import COMPARISONS, problem
from ..statistics.budget import level, mean_p_values

ROWS, CHAINS, TEMPERATURES = 200, 16, 6
HOW = Annealing(chains=CHAINS, acceptance=0.6)


def settings_for(model, X, key, how):
    return runs.pilot(how.program(model), X, key, how.chains, how.acceptance)


def p_value(key, *, move=transition, model=None, how=HOW, rows=ROWS, temperatures=TEMPERATURES):
    """Of the mean of weight over evidence being one, over all rows and chains."""
    off, X, exact = problem("wide", rows=rows)
    program = Program(model or off, jnp.int32(1), how.start, 0.0, move)
    for_pilot, for_chains = jax.random.split(key)
    settings = settings_for(off, X, for_pilot, how)
    schedule = settings.schedule("adaptive", temperatures)
    ends = runs.run(program, X, for_chains, settings, schedule, how.chains)
    ratios = np.exp(ends.log_weights - exact[:, None]).mean(axis=1)
    return float(mean_p_values(ratios[:, None], 1.0)[0])


LEVEL = level("annealing", COMPARISONS)


def test_honest_chains_pass(key):
    assert p_value(key) > LEVEL


def to_noise(path, point, beta, unit, step_size, leapfrogs, key):
    """To the very numbers that a draw of the prior with this key would be."""
    return Transition(path.at(path.model.latent_prior().sample(key)), jnp.float32(1.0))


@pytest.mark.parametrize("partitionable", [False, True])
def test_no_chain_moves_by_the_numbers_that_it_began_with(key, monkeypatch, partitionable):
    """Keys that are told apart by one of JAX's generators may be the same by the other."""
    monkeypatch.setattr(runs, "quick_random", lambda: jax.threefry_partitionable(partitionable))
    off, X, _ = problem("wide", rows=runs.ROWS)
    program = Program(off, jnp.int32(1), "prior", 0.0, to_noise)
    settings = settings_for(off, X, key, HOW)
    schedule = np.tile([0.0, 1.0], (len(X), 1))
    ends = runs.run(program, X, key, settings, schedule, CHAINS).position
    starts = runs._drawn(program, X, row_keys(key, X), CHAINS).position
    assert np.abs(ends[:, :, None] - np.asarray(starts)[:, None]).max(axis=-1).min() > 0


def _with_acceptance(acceptance_of):
    """A move whose end is taken with another probability than it should be."""

    def move(path, point, beta, unit, step_size, leapfrogs, key):
        for_end, for_choice = jax.random.split(key)
        # An honest move to wherever the leapfrog steps end, with the choice made anew.
        end = _end(path, point, beta, unit, step_size, leapfrogs, for_end)
        acceptance = acceptance_of(point, end, beta)
        taken = jax.random.uniform(for_choice) < acceptance
        kept = jax.tree.map(lambda new, old: jnp.where(taken, new, old), end[0], point)
        return Transition(kept, acceptance)

    return move


def _end(path, point, beta, unit, step_size, leapfrogs, key):
    """One leapfrog step and the change of the energy over it."""
    start = jax.random.normal(key, point.position.shape)
    momentum = start + 0.5 * step_size * (unit.T @ point.gradient(beta))
    end = path.at(point.position + step_size * (unit @ momentum))
    momentum = momentum + 0.5 * step_size * (unit.T @ end.gradient(beta))
    risen = 0.5 * jnp.sum(momentum**2) - 0.5 * jnp.sum(start**2)
    return end, risen - end.log_density(beta) + point.log_density(beta)


honest_ratio = _with_acceptance(lambda point, end, beta: jnp.exp(jnp.minimum(-end[1], 0.0)))
accepts_always = _with_acceptance(lambda point, end, beta: jnp.float32(1.0))
with_the_sign_turned = _with_acceptance(lambda point, end, beta: jnp.exp(jnp.minimum(end[1], 0.0)))
without_the_momentum = _with_acceptance(
    lambda point, end, beta: jnp.exp(
        jnp.minimum(end[0].log_density(beta) - point.log_density(beta), 0.0)
    )
)


def at_the_next_temperature(path, point, beta, *rest):
    """Moves that leave another density as it is than the one they stand for."""
    return transition(path, point, jnp.minimum(1.0, beta + 0.3), *rest)


def _scaled(path, point, beta, key):
    for_scale, for_choice = jax.random.split(key)
    end = path.at(point.position * jnp.exp(0.5 * jax.random.normal(for_scale)))
    gained = end.log_density(beta) - point.log_density(beta)
    taken = jnp.log(jax.random.uniform(for_choice)) < gained
    return jax.tree.map(lambda new, old: jnp.where(taken, new, old), end, point)


def scaled_without_its_jacobian(path, point, beta, unit, step_size, leapfrogs, key):
    """Thrice z to z eˢ, whose acceptance forgets that volume has grown by e^(s size)."""
    key, *for_scaling = jax.random.split(key, 4)
    for each in for_scaling:
        point = _scaled(path, point, beta, each)
    return transition(path, point, beta, unit, step_size, leapfrogs, key)


def test_the_harness_passes_an_honest_move_of_its_own(key):
    assert p_value(key, move=honest_ratio) > LEVEL


BROKEN = {
    "accepts always": accepts_always,
    "sign turned": with_the_sign_turned,
    "momentum forgotten": without_the_momentum,
    "another temperature": at_the_next_temperature,
    "Jacobian of a move forgotten": scaled_without_its_jacobian,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_move_is_rejected(name, key):
    assert p_value(key, move=BROKEN[name]) < LEVEL


# A chain alone steers by nothing but its own past, over many temperatures.
HOW_ALONE = Annealing(chains=1, acceptance=0.4)
ALONE: dict[str, Any] = {"how": HOW_ALONE, "rows": 1000, "temperatures": 40}


def test_a_chain_alone_passes_when_its_steps_are_frozen(key):
    assert p_value(key, **ALONE) > LEVEL


def test_adaptation_left_on_is_rejected(key, monkeypatch):
    off, X, _ = problem("wide", rows=ALONE["rows"])
    frozen = settings_for(off, X, key, HOW_ALONE)
    monkeypatch.setattr(runs, "pilot", lambda *_: frozen)
    plain = runs._advance
    still_adapting = lambda *given: plain(*given[:-2], 2.0, HOW_ALONE.acceptance)
    monkeypatch.setattr(runs, "_advance", still_adapting)
    assert p_value(key, **ALONE) < LEVEL


def reverse_p_value(key, segment=runs.Settings.segment, exact=True):
    """Of the mean of evidence over the upper side's being one, over simulated rows.

    Fewer temperatures than make a segment, so that `segment` sees the whole schedule. Where not
    `exact`, the reverse chains begin at a draw of q.
    """
    model, _, _ = problem("shifted")
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    for_rows, for_start, for_pilot, for_chains = split(key, 4)
    simulated = simulate(model, for_rows, 400)
    settings = settings_for(model, simulated.X, for_pilot, HOW)
    if not exact:
        own = jax.vmap(lambda x, key: model.posterior(x).sample(key))
        simulated = replace(simulated, z=np.asarray(own(simulated.X, split(for_start, 400))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs.Settings, "segment", segment)
        found = bracket_of(model, simulated, for_chains, TEMPERATURES, HOW, settings)
    ratios = np.exp(lg.log_evidence(simulated.X) - found.upper.values)
    return float(mean_p_values(ratios[:, None], 1.0)[0])


def with_increments_turned(settings, schedule, steps, reverse):
    segment = HONEST_SEGMENT(settings, schedule, steps, reverse)
    return replace(segment, after=-segment.after) if reverse else segment


def with_temperatures_forward(settings, schedule, steps, reverse):
    return HONEST_SEGMENT(settings, schedule, steps[::-1] if reverse else steps, reverse)


HONEST_SEGMENT = runs.Settings.segment
BROKEN_REVERSE = {
    "from a draw of q": {"exact": False},
    "increments turned": {"segment": with_increments_turned},
    "temperatures forward": {"segment": with_temperatures_forward},
}


def test_honest_reverse_chains_pass(key):
    assert reverse_p_value(key) > LEVEL


@pytest.mark.parametrize("name", BROKEN_REVERSE)
def test_broken_reverse_chains_are_rejected(name, key):
    assert reverse_p_value(key, **BROKEN_REVERSE[name]) < LEVEL


class WithoutItsScale(eqx.Module):
    """A normal whose density forgets the Jacobian of z = μ + L ε."""

    honest: dist.MultivariateNormal

    @property
    def scale_tril(self):
        return self.honest.scale_tril

    def sample(self, key, sample_shape=()):
        return self.honest.sample(key, sample_shape)

    def log_prob(self, z):
        return self.honest.log_prob(z) + jnp.sum(jnp.log(jnp.diag(self.honest.scale_tril)))


def test_a_forgotten_jacobian_of_the_start_is_rejected(key):
    model, _, _ = problem("wide", rows=ROWS)
    encoder = model.encoder
    broken = eqx.tree_at(
        lambda m: m.encoder,
        model,
        lambda x, mask: WithoutItsScale(encoder(x, mask)),
        is_leaf=lambda node: node is encoder,
    )
    assert p_value(key, model=broken) < LEVEL


@pytest.mark.parametrize(("sign", "passes"), [(1, True), (-1, False)])
def test_weights_of_the_wrong_sign_are_rejected(sign, passes, key):
    """1 / w in place of w; of many temperatures, so that no side is far from the truth."""
    model, X, exact = problem("wide", rows=40)
    settings = settings_for(model, X, key, HOW)
    schedule = settings.schedule("adaptive", 100)
    ends = runs.run(HOW.program(model), X, key, settings, schedule, CHAINS)
    turned = replace(ends, log_weights=sign * ends.log_weights)
    found = estimate_of(turned, "annealed", 100)
    assert (abs(found.value - exact.mean()) < 4 * found.stderr + 0.01) == passes

"""Every digit against SciPy in double precision: far tails, ends of supports, atoms, all scales."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erfcx, expit

from jensen.parts.columns.whole import RoundedDistribution, _log_ndtr

from .members import BLOCK, alone, log_probs, on_every_law, places, support, table
from .references import EPSILON, reference


@cache
def wide():
    """Numbers of decoders that are at their wits' end, and values far out; log p of them."""
    _, rows, columns = table()
    rng = np.random.default_rng(5)
    h = rng.uniform(-8, 8, (BLOCK, *columns.h_shape))
    h[::2] = rng.uniform(-13, 13, h[::2].shape)
    h = h.astype(np.float32)
    x = rows[rng.integers(len(rows), size=BLOCK)].astype(np.float64)
    for name, (law, where, _, _) in places().items():
        low, high = support(name)
        kind = rng.integers(4, size=(BLOCK, len(where)))
        if law.categories:
            # Those never seen included.
            x[:, where] = rng.integers(0, np.array(law.counts) + 1, kind.shape)
            continue
        values = rows[:, where].astype(np.float64)
        if law.logarithmic:
            logs = np.log(np.maximum(values, 1e-3 * np.median(values, 0)))
            far = np.exp(logs.mean(0) + logs.std(0) * rng.uniform(-6, 6, kind.shape))
        else:
            far = values.mean(0) + values.std(0) * rng.uniform(-30, 30, kind.shape)
        if law.discrete:
            far = np.clip(np.rint(far), low, high)
        x[:, where] = np.where(kind == 0, far, x[:, where])
        for end, which in ((low, 1), (high, 2)):
            if law.discrete:
                x[:, where] = np.where((kind == which) & np.isfinite(end), end, x[:, where])
    x = x.astype(np.float32).astype(np.float64)
    return h.astype(np.float64), x, log_probs(h, x)


def against_scipy(name, found):
    """Terms of a law's columns at the wide h and x: as one that stands alone has them."""
    _, columns, numbers, _ = places()[name]
    h, x, _ = wide()
    h, x = h[:, numbers], x[:, columns]
    exact, rounding = reference(alone(name), h, x)
    assert np.isfinite(exact).all()
    allowed = 8 * (rounding + EPSILON * np.abs(exact))
    beyond = np.abs(found - exact) - allowed
    row, column = np.unravel_index(np.argmax(np.nan_to_num(beyond, nan=np.inf)), beyond.shape)
    assert (beyond <= 0).all(), (
        f"column {column}, x={x[row, column]}, h={h[row, column :: x.shape[1]]}:"
        f" {found[row, column]}, SciPy {exact[row, column]}, allowed {allowed[row, column]}"
    )


@on_every_law
def test_agrees_with_scipy(name):
    against_scipy(name, wide()[2][:, places()[name].columns])


def test_the_logarithm_of_a_normal_tail_has_the_slope_of_its_hazard():
    """φ(x) / Φ(x) = √(2/π) / erfcx(−x/√2), far beyond where φ and Φ are nought."""
    x = -np.concatenate([np.linspace(0, 20, 81), 10.0 ** np.arange(2, 10)]).astype(np.float32)
    found = jax.jit(jax.vmap(jax.grad(_log_ndtr)))(jnp.asarray(x))
    exact = np.sqrt(2 / np.pi) / erfcx(-x.astype(np.float64) / np.sqrt(2))
    # Up to the series' beginning, the exponential of a difference of numbers as large as 72.
    np.testing.assert_allclose(found, exact, rtol=4e-5)


def test_a_half_counts_among_numbers_that_have_none():
    """Of twenty million, single precision has every second whole number."""
    x = jnp.array([2e7])
    p = RoundedDistribution(x, jnp.ones(1), jnp.array([-1e30]), jnp.array([1e30]))
    found = eqx.filter_jit(lambda p, x: p.log_prob(x))(p, x)
    np.testing.assert_allclose(found, np.log(expit(0.5) - expit(-0.5)), rtol=1e-6)

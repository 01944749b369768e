"""What follows from some cells of a row: against a normal's conditionals and quadrature."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from jensen import LinearGaussian, Model
from jensen._types import Datum
from jensen.errors import OptionError
from jensen.inference import posterior
from jensen.parts.priors import StandardNormal
from jensen.queries.column_scores import column_scores
from jensen.queries.given import given, sample_given
from jensen.queries.impute import impute

from ..statistics.budget import ERRORS, level, middle_errors

ROWS, FEATURES, LATENT = 24, 6, 2


@pytest.fixture(scope="module")
def lg():
    return LinearGaussian.random(jax.random.key(2), features=FEATURES, latent=LATENT)


@pytest.fixture(scope="module")
def rows(lg):
    """Rows with holes, NaN where nothing was observed; one of all its cells and one of none."""
    rng = np.random.default_rng(0)
    x = lg.sample(rng, ROWS).astype(np.float32)
    mask = rng.random(x.shape) < 0.6
    mask[0], mask[1] = True, False
    return Datum(np.where(mask, x, np.nan).astype(np.float32), mask)


def with_encoder(lg, shift, narrower):
    """The model with an encoder whose mean is off and whose deviation is too small or large."""
    return eqx.tree_at(
        lambda m: (m.encoder.mean, m.encoder.scaled),
        lg.model(),
        replace_fn=lambda leaf: leaf + shift if leaf.ndim == 1 else leaf * narrower,
    )


@pytest.fixture(scope="module")
def models(lg):
    return {
        "exact": lg.model(),
        "wide": with_encoder(lg, 0.2, 0.8),
        "narrow": with_encoder(lg, 2.0, 3.0),
    }


def conditional(mean, covariance, x, seen):
    """Mean and covariance of the entries that were not seen, given those that were."""
    unseen = ~seen
    across = covariance[np.ix_(unseen, seen)]
    gain = across @ np.linalg.inv(covariance[np.ix_(seen, seen)])
    centre = mean[unseen] + gain @ (x[seen] - mean[seen])
    return centre, covariance[np.ix_(unseen, unseen)] - gain @ across.T


def exact_z(lg, x, seen):
    """Mean and covariance of z given the cells seen, from the joint normal of z and x."""
    w = np.concatenate([np.eye(LATENT), lg.weights])
    noise = np.concatenate([np.zeros(LATENT), lg.noise_variance])
    mean = np.concatenate([np.zeros(LATENT), lg.mean])
    known = np.concatenate([np.zeros(LATENT, bool), seen])
    both = np.concatenate([np.zeros(LATENT), x])
    kept = np.concatenate([np.ones(LATENT, bool), seen])
    sub = np.ix_(kept, kept)
    joint = w @ w.T + np.diag(noise)
    return conditional(mean[kept], joint[sub], both[kept], known[kept])


def exact_x(lg, x, seen):
    return conditional(lg.mean, lg.weights @ lg.weights.T + np.diag(lg.noise_variance), x, seen)


def standardised(lg, rows, z):
    """Draws of z in units in which they are standard normal if they are of the posterior."""
    result = []
    for x, seen, draws in zip(rows.x, rows.mask, z, strict=True):
        mean, covariance = exact_z(lg, x, seen)
        result.append(np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T).T)
    return np.stack(result)


def deviations(u, ess):
    """How far mean and second moments of all rows' draws lie off, in standard errors at most.

    A row's draws are taken from weighted ones, so that both numbers count.
    """
    of_row = 1 / ess + 1 / u.shape[1]
    variance = of_row.sum() / len(u) ** 2
    # Of each row on its own, rows being off to all sides.
    squares = np.sum(u.mean(1) ** 2 / of_row[:, None])
    by_row = (squares - u[:, 0].size) / np.sqrt(2 * u[:, 0].size)
    moments = np.einsum("rdi,rdj->ij", u, u) / (u.shape[0] * u.shape[1])
    off = np.abs(moments - np.eye(LATENT)) / np.sqrt((1 + np.eye(LATENT)) * variance)
    return max(np.abs(u.mean((0, 1))).max() / variance**0.5, off.max(), by_row)


# Of a few numbers, each beyond as many errors less than once in ten million times.
LIMIT = 6.0


@pytest.mark.parametrize("encoder", ["exact", "wide", "narrow"])
def test_draws_of_z_are_of_the_posterior_given_the_cells(lg, models, rows, key, encoder):
    found = given(models[encoder], rows, key, 200)
    assert deviations(standardised(lg, rows, found.z), found.ess) < LIMIT
    assert not found.unreliable.any()
    assert found.warning() is None
    # An encoder far off is mended, and one that is not is left alone.
    others = set(found.method) - {"resampled"}
    assert others == ({"refined"} if encoder == "narrow" else set())


def test_draws_of_the_encoder_alone_are_told_apart(lg, models, rows, key):
    for encoder, wrong in (("exact", False), ("wide", True), ("narrow", True)):
        plain = posterior(models[encoder], rows, key, "encoder", 200)
        u = standardised(lg, rows, np.asarray(plain.z))
        assert (deviations(u, np.full(ROWS, 200.0)) > LIMIT) == wrong
    # And so are those of rows whose holes are taken for what stands in them.
    filled = Datum(np.nan_to_num(rows.x), np.ones_like(rows.mask))
    found = given(models["exact"], filled, key, 200)
    assert deviations(standardised(lg, rows, found.z), found.ess) > LIMIT


def test_rows_that_stay_unreliable_are_named(models, rows, key):
    found = given(models["narrow"], rows, key, 200, fall_back=False)
    assert found.unreliable.any()
    assert set(found.method) == {"resampled"}
    first = np.flatnonzero(found.unreliable)[0]
    assert f"of 24 rows (the first: {first}" in str(found.warning())


def bent():
    """x ~ N(z₁ + 2 z₀², 0.3²) and a second cell of z₀ alone; the encoder knows nothing."""
    return Model(
        prior=StandardNormal(2),
        decoder=lambda z: jnp.stack([z[1] + 2.0 * z[0] ** 2, z[0]]),
        likelihood=lambda h: dist.Normal(h, jnp.array([0.3, 0.5])),
        encoder=lambda x, mask: dist.Normal(jnp.array([3.0, -3.0]), 0.1).to_event(1),
    )


def test_chains_draw_where_no_normal_does(key):
    x = np.array([[1.5, np.nan], [2.5, 0.6]], np.float32)
    rows = Datum(x, np.isfinite(x))
    found = given(bent(), rows, key, 2000)
    assert list(found.method) == ["hmc", "hmc"]
    grid = np.linspace(-5, 5, 801)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    for row in range(2):
        log_p = -0.5 * (a**2 + b**2) - 0.5 * ((x[row, 0] - b - 2 * a**2) / 0.3) ** 2
        if rows.mask[row, 1]:
            log_p = log_p - 0.5 * ((x[row, 1] - a) / 0.5) ** 2
        p = np.exp(log_p - log_p.max())
        p /= p.sum()
        for values, f in ((found.z[row, :, 1], b), (found.z[row, :, 0] ** 2, a**2)):
            mean = (p * f).sum()
            sd = np.sqrt((p * (f - mean) ** 2).sum())
            assert abs(values.mean() - mean) < LIMIT * sd / np.sqrt(found.ess[row])
    # The first few are of all chains, and not neighbours of one.
    z = found.z[0, :, 1]
    near = np.corrcoef(z[:-1], z[1:])[0, 1]
    assert abs(near) < LIMIT / np.sqrt(2000)


def test_rows_are_completed_by_their_exact_conditional(lg, models, key):
    x = lg.sample(np.random.default_rng(3), 1)[0].astype(np.float32)
    seen = np.array([True, False, True, False, False, True])
    mean, covariance = exact_x(lg, x, seen)
    n = 1000
    for encoder in ("wide", "narrow"):
        drawn, warning = sample_given(models[encoder], Datum(x, seen), key, n)
        assert warning is None
        assert drawn.shape == (n, FEATURES)
        np.testing.assert_array_equal(drawn[:, seen], np.broadcast_to(x[seen], (n, 3)))
        others = drawn[:, ~seen]
        u = np.linalg.solve(np.linalg.cholesky(covariance), (others - mean).T).T
        # Half of the draws' worth at least, as they are resampled.
        assert np.abs(u.mean(0)).max() < LIMIT * np.sqrt(2 / n)
        assert np.abs(u.T @ u / n - np.eye(3)).max() < LIMIT * np.sqrt(2 * 2 / n)
    # Had the cells not been heeded, the mean would be off.
    blind = sample_given(models["exact"], Datum(x, np.zeros(FEATURES, bool)), key, n)[0][:, ~seen]
    u = np.linalg.solve(np.linalg.cholesky(covariance), (blind - mean).T).T
    assert np.abs(u.mean(0)).max() > LIMIT * np.sqrt(2 / n)


def normal_scores(lg, rows):
    """log p(x_j | the rest) in closed form; NaN where a cell is missing."""
    covariance = lg.weights @ lg.weights.T + np.diag(lg.noise_variance)
    scores = np.full(rows.x.shape, np.nan)
    for row, column in zip(*np.nonzero(rows.mask), strict=True):
        seen = rows.mask[row].copy()
        seen[column] = False
        kept = rows.mask[row]
        mean, spread = conditional(
            lg.mean[kept], covariance[np.ix_(kept, kept)], rows.x[row][kept], seen[kept]
        )
        scores[row, column] = stats.norm.logpdf(rows.x[row, column], mean[0], spread[0, 0] ** 0.5)
    return scores


def test_scores_of_columns_are_conditional_densities(lg, models, rows, key):
    few = jax.tree.map(lambda leaf: leaf[:8], rows)
    exact = normal_scores(lg, few)

    def estimate(key):
        scores, errors = column_scores(models["wide"], few, key)
        np.testing.assert_array_equal(np.isnan(scores), ~few.mask)
        np.testing.assert_array_equal(np.isnan(errors), ~few.mask)
        return SimpleNamespace(values=scores[few.mask], standard_errors=errors[few.mask])

    off = np.abs(middle_errors(estimate, key, exact[few.mask]))
    assert off.max() < ERRORS
    # The density of a cell by itself is another.
    spread = np.sqrt(np.sum(lg.weights**2, 1) + lg.noise_variance)
    alone = stats.norm.logpdf(few.x, lg.mean, spread)[few.mask]
    assert np.abs(middle_errors(estimate, key, alone)).max() > ERRORS


def test_filled_cells_are_exact_means_within_honest_intervals(lg, models, key):
    """Of 400 cells nine in ten lie in their intervals, and means are those of a normal."""
    rng = np.random.default_rng(5)
    x = lg.sample(rng, 200).astype(np.float32)
    mask = np.ones(x.shape, bool)
    for row in mask:
        row[rng.choice(FEATURES, 2, replace=False)] = False
    holes = Datum(np.where(mask, x, np.nan).astype(np.float32), mask)
    found = impute(models["wide"], holes, key, draws=200, level=0.9, keep=4)
    each = [exact_x(lg, values, seen) for values, seen in zip(x, mask, strict=True)]
    means = np.concatenate([mean for mean, _ in each])
    spreads = np.concatenate([np.sqrt(np.diag(covariance)) for _, covariance in each])
    off = (found.values[~mask] - means) / spreads
    # Means over z given the cells, whose share of a cell's variance is below one.
    assert np.abs(off).max() < LIMIT * np.sqrt(2 / 200)
    assert abs(off.mean()) < LIMIT * np.sqrt(2 / 200 / len(x))
    inside = (found.lower <= x) & (x <= found.upper)
    # Cells of a row come together: as if there were half as many, to be safe.
    held = int(inside[~mask].sum())
    low, high = stats.binom.interval(1 - level("filled cells", 2), 200, 0.9)
    assert low <= held / 2 <= high
    narrow = (found.lower + 0.3 * spreads.max() <= x) & (x <= found.upper - 0.3 * spreads.max())
    assert narrow[~mask].sum() / 2 < low
    for values in (found.values, found.lower, found.upper):
        np.testing.assert_array_equal(values[mask], x[mask])
    assert found.draws.shape == (200, 4, FEATURES)
    for number in range(4):
        np.testing.assert_array_equal(found.draws[:, number][mask], x[mask])
        u = (found.draws[:, number][~mask] - means) / spreads
        assert abs(u.mean()) < LIMIT * np.sqrt(2 / u.size)
        assert abs((u**2).mean() - 1) < LIMIT * np.sqrt(2 * 2 / u.size)


def test_rows_without_holes_stay_as_they_are_and_change_no_other(lg, models, key):
    x = lg.sample(np.random.default_rng(5), 40).astype(np.float32)
    found = impute(models["exact"], Datum(x), key, draws=16, keep=1)
    for values in (found.values, found.mean, found.lower, found.upper, found.draws[:, 0]):
        np.testing.assert_array_equal(values, x)
    assert found.warning() is None
    mask = np.ones(x.shape, bool)
    mask[[3, 38], 0] = False
    # Far from anything that the model knows, and so not to be relied on.
    x[38, 1:] = 1e4
    found, alone = (
        impute(models["wide"], Datum(x[rows], mask[rows]), key, draws=16, keep=1)
        for rows in (slice(None), [3, 38])
    )
    for name in ("values", "lower", "upper", "draws", "ess"):
        np.testing.assert_array_equal(getattr(found, name)[[3, 38]], getattr(alone, name))
    np.testing.assert_array_equal(found.values[mask], x[mask])
    assert (np.delete(found.ess, [3, 38]) == 16).all()
    assert np.flatnonzero(found.unreliable).tolist() == [38]
    assert "1 of 40 rows (the first: 38)" in str(found.warning())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"draws": 18}, "draws=18"),
        ({"draws": 12}, "draws=12"),
        ({"level": 1.0}, "level=1.0"),
        ({"keep": 21, "draws": 20}, "keep=21"),
        ({"keep": -1}, "keep=-1"),
    ],
)
def test_impossible_options_are_refused(models, rows, key, options, words):
    with pytest.raises(OptionError, match=words):
        impute(models["exact"], rows, key, **options)


def test_draws_that_no_method_can_give_are_told(models, rows, key, monkeypatch):
    """As if what was tried had failed, whatever it gave."""

    def fails(*asked, **more):
        return replace(given(*asked, **more), unreliable=np.array([True]))

    # The package has the function by the module's name.
    monkeypatch.setattr(sys.modules[given.__module__], "given", fails)
    row = jax.tree.map(lambda leaf: leaf[0], rows)
    warning = sample_given(models["exact"], row, key, 2)[1]
    assert warning is not None
    assert "far from anything" in warning


def test_no_draws_of_a_row_are_refused(models, rows, key):
    with pytest.raises(OptionError, match="n=0"):
        sample_given(models["exact"], jax.tree.map(lambda leaf: leaf[0], rows), key, 0)

"""The mask beside the values: the integral over a missing cell, and what the mask tells."""

from itertools import pairwise, product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit, log_expit, softmax

from jensen import evidence
from jensen._types import Constant, Datum
from jensen.inference import posterior
from jensen.model import Model
from jensen.objectives import IWAE
from jensen.parts.columns import Columns, Facts
from jensen.parts.missingness import Missingness
from jensen.queries.column_scores import column_scores
from jensen.queries.impute import impute
from jensen.recipes import build_model
from jensen.training import Options, train

from ..statistics.budget import frequencies_p_value, level

# What the nodes may be off by, in nats: of one cell, where a change of the value by all of its
# spread given z changes the odds by no more than e¹⁰.
ALLOWED = 0.012

LAWS = ["normal", "log-normal", "student-t", "rounded", "hurdle:log-normal", "categorical"]


def column(law):
    """Facts and rows, (400, 1), of a column of this law."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=400)
    rows = {
        "normal": 5 + 2 * y,
        "log-normal": np.exp(1 + y),
        "student-t": 5 + 2 * y,
        "rounded": np.rint(20 + 6 * y),
        "hurdle:log-normal": np.where(rng.random(400) < 0.3, 0.0, np.exp(1 + y)),
        "categorical": rng.integers(0, 4, 400).astype(float),
    }[law]
    known = {"rounded": {"low": 0.0, "high": 40.0}, "categorical": {"levels": 4}}.get(law, {})
    return Facts(law, **known), rows[:, None]


def case(law, bias, slope):
    """p(x | z) as a function of h, and a `Missingness` with these log-odds."""
    facts, rows = column(law)
    mask = np.ones(rows.shape, bool)
    mask[:40] = False
    found = Missingness.of([facts], rows, mask, "self")
    levels = slope * jnp.linspace(-1.0, 1.0, found.of_level.shape[0])[:, None]
    found = eqx.tree_at(
        lambda m: (m.bias, m.weight, m.of_level),
        found,
        (jnp.array([bias]), jnp.array([slope]), levels),
    )
    return Columns.of([facts], rows), found, rows


def log_expected(columns, h, missingness, law):
    """log E[π(x)] under p(x | h), by SciPy."""
    h = np.asarray(h, float)
    shift, scale = float(missingness.shift.value[0]), float(missingness.scale.value[0])
    bias, slope = float(missingness.bias[0]), float(missingness.weight[0])
    logarithmic = law.endswith("log-normal")
    seen = np.log1p if logarithmic else (lambda x: x)
    chance = lambda x: expit(bias + slope * (seen(x) - shift) / scale)
    if law == "categorical":
        rate = expit(bias + np.asarray(missingness.of_level)[:4, 0])
        return np.log(rate @ softmax(h))
    base = columns.laws[0]
    spread = float(base.scale.value[0]) * np.exp(h[1])
    loc = float(base.shift.value[0]) + float(base.scale.value[0]) * 8 * np.tanh(h[0] / 8)
    if law == "rounded":
        below = expit((np.arange(40) + 0.5 - loc) / spread)
        return np.log(np.diff(np.concatenate([[0.0], below, [1.0]])) @ chance(np.arange(41.0)))
    df = 2 + np.log1p(np.exp(3.0))
    density = stats.t(df).pdf if law == "student-t" else stats.norm.pdf
    of = np.exp if logarithmic else (lambda y: y)
    f = lambda t: density(t) * chance(of(loc + spread * t))
    ends = [-np.inf, -8.0, -2.0, 0.0, 2.0, 8.0, np.inf]
    total = sum(integrate.quad(f, a, b)[0] for a, b in pairwise(ends))
    if ":" in law:
        at = expit(h[2])
        total = at * chance(0.0) + (1 - at) * total
    return np.log(total)


@pytest.mark.parametrize("law", LAWS)
def test_missing_cells_are_integrated_out(law):
    columns, _, rows = case(law, 0.0, 1.0)
    seen, hole = jnp.asarray(rows[0], jnp.float32), jnp.array([jnp.nan])

    @jax.jit
    @jax.value_and_grad
    def of_hole(h, missingness):
        return missingness.log_prob(columns(h), hole, jnp.array([False]))

    start = columns.initial(rows)

    @jax.jit
    def of_seen(missingness):
        log_p = missingness.log_prob(columns(start), seen, jnp.array([True]))
        return log_p, missingness.logits(seen)[0]

    log_spreads = (-6.0, -2.5, 0.0) if law != "categorical" else (0.0,)
    for (bias, slope), place, log_spread in product(
        ((-1.0, 0.5), (0.0, 2.0), (-3.0, -3.0)), (0.0, -0.5, 1.5), log_spreads
    ):
        _, missingness, _ = case(law, bias, slope)
        h = start.at[0].add(place)
        h = h if law == "categorical" else h.at[1].set(log_spread)
        exact = log_expected(columns, h, missingness, law)
        log_p, slope_of_h = of_hole(h, missingness)
        assert abs(float(log_p) - exact) < ALLOWED
        assert np.isfinite(slope_of_h).all()
        present, logit = of_seen(missingness)
        assert float(present) == pytest.approx(log_expit(-float(logit)))


def test_a_narrow_law_has_a_gradient_and_not_steps(key):
    """Nodes that stay where the data lie would have none between one and the next."""
    columns, missingness, _ = case("normal", 0.0, 2.0)
    at = lambda place: missingness.log_prob(
        columns(jnp.stack([place, jnp.float32(-5.0)])), jnp.zeros(1), jnp.array([False])
    )
    slope_at = jax.jit(jax.grad(at))
    for place in np.linspace(-1, 1, 9):
        # The slope of log σ(2 y), where y bends away from place.
        bent = np.tanh(place / 8)
        slope = 2 * expit(-2 * 8 * bent) * (1 - bent**2)
        assert float(slope_at(jnp.float32(place))) == pytest.approx(slope, abs=0.01)


def test_constant_rates_are_a_bernoulli_likelihood_of_the_mask(key):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype(np.float32)
    mask = rng.random(x.shape) < [0.9, 0.5, 1.0]
    facts = [Facts("normal")] * 3
    rates = Missingness.of(facts, x, mask, "random")
    assert not rates.depends
    columns = Columns.of(facts, x)
    p = columns(columns.initial(x))
    share = (np.sum(~mask, 0) + 0.5) / 51
    expected = np.where(mask, np.log1p(-share), np.log(share)).sum(1)
    each = jax.jit(lambda rates: jax.vmap(lambda x, mask: rates.log_prob(p, x, mask))(x, mask))
    found = each(rates)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    whole = jax.jit(lambda rates, x: rates.log_prob(p, x, None))(rates, x[0])
    assert float(whole) == pytest.approx(np.log1p(-share).sum(), rel=1e-5)
    # With weights that are free, and nought, it is the same.
    free = Missingness.of(facts, x, mask, "self")
    np.testing.assert_allclose(each(free), expected, rtol=1e-5)


@pytest.mark.parametrize("heeded", [True, False])
def test_missing_cells_are_drawn_as_missing_ones_are(key, heeded):
    columns, missingness, rows = case("normal", -0.5, 1.5)
    p = columns(columns.initial(rows))
    draws = 4000
    keys = jax.random.split(key, draws)
    draw = (lambda k: missingness.sample(p, k)) if heeded else p.sample
    x = np.sort(np.asarray(jax.jit(jax.vmap(draw))(keys))[:, 0]).astype(float)
    part = p.parts[0]
    grid = np.linspace(-10, 25, 200_001)
    density = stats.norm.pdf(grid, part.loc[0], part.scale[0])
    shift, scale = missingness.shift.value[0], missingness.scale.value[0]
    density *= expit(-0.5 + 1.5 * (grid - shift) / scale)
    below = np.cumsum(density) / density.sum()
    quantiles = np.interp([0.1, 0.25, 0.5, 0.75, 0.9], below, grid)
    counts = [(x <= each).sum() for each in quantiles]
    p_value = frequencies_p_value(np.array(counts), np.array([0.1, 0.25, 0.5, 0.75, 0.9]), draws)
    # 32 candidates of which a third are missing leave a bias below the error of 4,000 draws.
    assert (p_value > level("draws of missing cells", 1)) == heeded


def censored():
    """Rows of one latent, of which the first cell is missing where it lies above its mean."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 1))
    x = z @ np.array([[1.0, 1.0, -1.0]]) + 0.4 * rng.normal(size=(300, 3))
    mask = np.ones(x.shape, bool)
    mask[:, 0] = x[:, 0] < 0
    return x.astype(np.float32), mask


@pytest.fixture(scope="module")
def fits():
    x, mask = censored()
    rows = Datum(np.where(mask, x, np.nan).astype(np.float32), mask)
    facts = [{"law": "normal"}] * 3
    found = {}
    for missing in ("ignored", "random", "self", "self:high", "self:low"):
        model = build_model(
            rows,
            key=jax.random.key(0),
            latent_dim=1,
            columns=facts,
            hidden=(),
            posterior="full",
            missing=missing,
        )
        options = Options(max_epochs=60, batch_size=50, learning_rate=2e-2, weight_decay=0.0)
        found[missing] = train(model, IWAE(5), rows, None, options=options, seed=0).model
    return x, rows, found


def test_self_masking_is_found_out(fits, key):
    _, rows, models = fits
    assert models["self"].missingness.weight[0] > 1.0
    assert np.abs(models["self"].missingness.weight[1:]).max() < 5.0
    held = models["random"].missingness
    assert isinstance(held.weight, Constant)
    assert not np.asarray(held.weight.value).any()
    # Of the same data, values and mask: comparable.
    log_p = {name: evidence.importance(models[name], rows, key, 500) for name in ("random", "self")}
    gain = log_p["self"].values - log_p["random"].values
    assert gain.mean() > 5 * gain.std() / np.sqrt(len(gain))


def test_what_the_mask_tells_makes_better_imputations(fits, key):
    x, rows, models = fits
    holes = ~rows.mask[:, 0]
    off = {}
    for name in ("ignored", "self"):
        filled = impute(models[name], rows, key, draws=100, keep=1)
        off[name] = filled.values[holes, 0] - x[holes, 0]
        np.testing.assert_array_equal(filled.values[rows.mask], x[rows.mask])
    # What is missing is the upper half, which a model without the mask takes for the lower.
    assert off["ignored"].mean() < -0.25
    assert abs(off["self"].mean()) < 0.6 * abs(off["ignored"].mean())
    better = off["ignored"] ** 2 - off["self"] ** 2
    assert better.mean() > 5 * better.std() / np.sqrt(len(better))


@pytest.mark.parametrize(("missing", "sign"), [("self:high", 1), ("self:low", -1)])
def test_a_known_direction_is_kept_whatever_is_trained(missing, sign):
    facts, rows = column("normal")
    made = Missingness.of([facts], rows, np.ones(rows.shape, bool), missing)
    logits = jax.jit(jax.vmap(Missingness.logits, (None, 0)))
    x = np.linspace(0.0, 10.0, 5, dtype=np.float32)[:, None]
    # At first one standard deviation changes the odds by e.
    step = np.diff(np.asarray(logits(made, x))[:, 0]) / np.diff(x[:, 0])
    np.testing.assert_allclose(step, sign / rows.std(), rtol=1e-3)
    for raw in (-5.0, 0.0, 5.0):
        moved = eqx.tree_at(lambda m: m.weight, made, jnp.full(1, raw))
        assert (sign * np.diff(np.asarray(logits(moved, x))[:, 0]) > 0).all()


def test_a_known_direction_says_where_missing_cells_lie(fits, key):
    """Above what the mask alone tells if it is true, and below all if it is not."""
    _, rows, models = fits
    holes = ~rows.mask[:, 0]
    names = ("ignored", "self:high", "self:low")
    filled = [impute(models[name], rows, key, draws=100, keep=1).values[holes, 0] for name in names]
    ignored, high, low = (each.mean() for each in filled)
    assert low < ignored < high
    log_p = {name: evidence.importance(models[name], rows, key, 500).values for name in names[1:]}
    gain = log_p["self:high"] - log_p["self:low"]
    assert gain.mean() > 5 * gain.std() / np.sqrt(len(gain))


def test_scores_of_columns_are_of_cells_and_not_of_the_mask(fits, key):
    """Taking a cell away to score it is no event that its missingness has a chance for."""
    _, rows, models = fits
    few = jax.tree.map(lambda leaf: leaf[:20], rows)
    model = models["self"]
    plain = Model(model.prior, model.decoder, model.likelihood, model.encoder)
    mine, theirs = (column_scores(each, few, key, 100)[0] for each in (model, plain))
    np.testing.assert_array_equal(mine, theirs)
    # With the mask's model it would be another number.
    both = evidence.importance(model, few, key, 100).values
    assert np.abs(both - evidence.importance(plain, few, key, 100).values).max() > 0.05


def test_the_posterior_heeds_what_the_mask_tells(fits, key):
    _, _, models = fits
    alike = Datum(np.float32([[np.nan, 0.0, 0.0]]), np.array([[False, True, True]]))
    model = models["self"]
    plain = Model(model.prior, model.decoder, model.likelihood, model.encoder)
    with_mask, without = (
        np.asarray(posterior(each, alike, key, "resampled", 1000).z) for each in (model, plain)
    )
    # The decoder's first cell rises with z or falls: towards larger values of it.
    means = jax.jit(jax.vmap(lambda z: model.conditional(z).mean[0]))
    first = lambda z: float(means(z[0]).mean())
    assert first(with_mask) > first(without) + 0.02

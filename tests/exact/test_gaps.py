"""The gap split against closed forms: on a linear-Gaussian model every part of it is known."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jensen import queries
from jensen._types import Constant
from jensen.inference import best_in_family
from jensen.parts.encoders import Encoder
from jensen.parts.networks import Linear
from jensen.parts.posteriors import DiagonalNormal, FullNormal
from jensen.queries.diagnosis import Gap, diagnosing, gaps

# What single precision and a search that ends near the best, not at it, may be off, in nats.
SEARCH = 0.02
ERRORS = 5.0


def encoder_of(lg, family, shift=0.0, factor=1.0):
    """The family's best q for each row, then shifted and its scales multiplied by `factor`."""
    latent = lg.weights.shape[1]
    gain, covariance = lg.posterior(np.eye(len(lg.mean)) + lg.mean)
    precision = np.linalg.inv(covariance)
    diagonal = isinstance(family, DiagonalNormal)
    tril = np.diag(np.diag(precision) ** -0.5) if diagonal else np.linalg.cholesky(covariance)
    tril = factor * tril
    # softplus(raw + 0.54) is the scale.
    raw = np.log(np.expm1(np.diag(tril) - 1e-5)) - 0.5413249
    below = [] if diagonal else tril[np.tril_indices(latent, -1)]
    bias = np.concatenate([np.full(latent, shift), raw, below])
    weight = np.zeros((family.size, len(lg.mean)))
    weight[:latent] = gain.T
    network = Linear(jnp.float32(weight), jnp.float32(bias), (family.size,))
    return Encoder(
        network, family, Constant(jnp.float32(lg.mean)), Constant(jnp.ones(len(lg.mean)))
    )


def with_encoder(lg, encoder):
    return eqx.tree_at(lambda model: model.encoder, lg.model(), encoder)


def exact_gaps(lg, family, shift, factor):
    """KL(q ‖ p(z | x)) = ½ (tr ΛS − d − log |ΛS| + (m − μ)ᵀ Λ (m − μ)), Λ the exact precision.

    Over diagonal S it is least at 1/Λ_dd, where the trace is d: ½ (Σ log Λ_dd − log |Λ|).
    From the best, S times f² and the mean moved by δ cost ½ (d (f² − 1 − log f²) + δᵀ Λ δ).
    """
    latent = lg.weights.shape[1]
    precision = np.linalg.inv(lg.posterior(np.zeros((1, len(lg.mean))))[1])
    approximation = 0.0
    if isinstance(family, DiagonalNormal):
        log_det = np.linalg.slogdet(precision)[1]
        approximation = 0.5 * (np.log(np.diag(precision)).sum() - log_det)
    moved = np.full(latent, shift)
    stretched = latent * (factor**2 - 1 - np.log(factor**2))
    return approximation, 0.5 * (stretched + moved @ precision @ moved)


def agrees(gap, expected):
    """Whether the mean of a gap is the expected one, by its Monte Carlo error."""
    error = np.sqrt(np.sum(gap.errors**2)) / len(gap.errors)
    return bool(abs(gap.values.mean() - expected) < SEARCH + ERRORS * error)


def is_right(found, approximation, amortisation):
    return (
        agrees(found.approximation, approximation)
        and agrees(found.amortisation, amortisation)
        and agrees(found.total, approximation + amortisation)
    )


CASES = {
    "the exact posterior": (FullNormal, 0.0, 1.0),
    "a full one that is off": (FullNormal, 0.3, 0.7),
    "the best diagonal one": (DiagonalNormal, 0.0, 1.0),
    "a shifted diagonal one": (DiagonalNormal, 0.4, 1.0),
    "a narrow diagonal one": (DiagonalNormal, 0.0, 0.4),
    "a wide diagonal one": (DiagonalNormal, -0.2, 1.8),
}


@pytest.fixture(scope="module")
def rows(linear_gaussian):
    return linear_gaussian[1].astype(np.float32)


@pytest.mark.parametrize("case", CASES)
def test_both_gaps_are_those_of_the_closed_form(linear_gaussian, rows, case):
    of, shift, factor = CASES[case]
    lg, family = linear_gaussian[0], of(4)
    model = with_encoder(lg, encoder_of(lg, family, shift, factor))
    found = gaps(model, rows, jax.random.key(1))
    expected = exact_gaps(lg, family, shift, factor)
    assert is_right(found, *expected)
    if case != "a wide diagonal one":
        return
    # Broken on purpose: each of these must be seen.
    swapped = replace(found, evidence=found.elbo, elbo=found.evidence)
    assert not is_right(swapped, *expected)
    no_search = replace(found, best=found.elbo, amortisation=Gap(*2 * [0 * rows[:, 0]]))
    assert not is_right(no_search, *expected)
    assert not is_right(found, *expected[::-1])


def test_parts_add_up(linear_gaussian, rows):
    lg = linear_gaussian[0]
    model = with_encoder(lg, encoder_of(lg, DiagonalNormal(4), 0.3, 0.8))
    found = gaps(model, rows[:5], jax.random.key(2))
    both = found.approximation.values + found.amortisation.values
    np.testing.assert_allclose(both, found.total.values, atol=1e-9)
    told = found.to_json()
    assert told["total"]["value"] == pytest.approx(found.total.mean.value)
    assert told["rows"] == 5
    assert "per_row" not in told
    each = found.to_json(per_row=True)["per_row"]
    for name in ("total", "approximation", "amortisation"):
        assert each[name] == getattr(found, name).values.tolist()
    # JSON has no NaN for a gap that is not known.
    found.amortisation.values[1] = found.elbo.values[1] = np.nan
    each = found.to_json(per_row=True)["per_row"]
    assert [[row for row in range(5) if of[row] is None] for of in each.values()] == [[1], [1], [1]]


def test_an_encoder_without_a_family_has_its_gap_unsplit(linear_gaussian, rows):
    found = gaps(linear_gaussian[0].model(), rows, jax.random.key(3))
    assert found.best is None
    assert found.approximation is None
    assert found.amortisation is None
    # The exact posterior: no gap, and no noise but rounding.
    np.testing.assert_allclose(found.total.values, 0, atol=1e-3)
    told = found.to_json(per_row=True)
    assert told["approximation"] is None
    assert told["per_row"]["approximation"] is told["per_row"]["amortisation"] is None


@pytest.mark.parametrize("family", [DiagonalNormal(4), FullNormal(4)], ids=["diagonal", "full"])
def test_the_best_is_found_from_afar(linear_gaussian, rows, family):
    """Ten of the encoder's scales away, and three times too narrow."""
    lg = linear_gaussian[0]
    start = with_encoder(lg, encoder_of(lg, family, 1.0, 0.33))
    best = encoder_of(lg, family)
    search = jax.jit(jax.vmap(lambda x, key: best_in_family(start, x, key)))
    h = search(jnp.asarray(rows[:8]), jax.random.split(jax.random.key(4), 8))
    wanted = jax.vmap(lambda x: best.numbers(x))(jnp.asarray(rows[:8]))
    # A thirtieth of a scale costs a thousandth of a nat.
    scales = np.sqrt(np.diag(lg.posterior(rows[:1])[1]))
    assert np.max(np.abs(h - wanted)[:, :4] / scales) < 0.1
    assert np.max(np.abs(h - wanted)[:, 4:8]) < 0.15


def test_a_diagnosis_says_which_rows_were_annealed(linear_gaussian, monkeypatch):
    """Their gaps are those of the rows at these positions."""
    monkeypatch.setattr(diagnosing, "MOST_ANNEALED", 4)
    lg = linear_gaussian[0]
    model = with_encoder(lg, encoder_of(lg, DiagonalNormal(4), 0.3, 0.8))
    rows = lg.sample(np.random.default_rng(6), 10).astype(np.float32)
    seen = []

    def watched(model, X, key):
        seen.append(X)
        return gaps(model, X, key)

    monkeypatch.setattr(diagnosing, "gaps", watched)
    each = queries.diagnose(model, rows, jax.random.key(6)).to_json(per_row=True)["gaps"]["per_row"]
    assert each["rows"] == [0, 3, 6, 9]
    np.testing.assert_array_equal(seen[0], rows[each["rows"]])
    assert {name: len(of) for name, of in each.items()} == dict.fromkeys(each, 4)


def test_a_row_is_searched_alone(linear_gaussian, rows):
    """Its numbers do not depend on the rows beside it."""
    lg = linear_gaussian[0]
    model = with_encoder(lg, encoder_of(lg, DiagonalNormal(4), 0.3, 0.8))
    all_of_them = gaps(model, rows[:6], jax.random.key(5)).amortisation.values
    alone = gaps(model, rows[3:4], jax.random.key(5)).amortisation.values
    np.testing.assert_allclose(alone, all_of_them[3:4], atol=1e-4)


@pytest.mark.parametrize("has_family", [True, False])
def test_a_row_of_no_density_is_left_out_and_told(linear_gaussian, rows, has_family):
    """Its ELBO is minus infinity, of which there is neither error nor difference."""
    lg = linear_gaussian[0]
    model = lg.model()
    if has_family:
        model = with_encoder(lg, encoder_of(lg, DiagonalNormal(4), 0.3, 0.8))
    some = rows[:6].copy()
    some[1] = 1e30
    found = gaps(model, some, jax.random.key(5))
    assert found.elbo.values[1] == -np.inf
    assert found.known.tolist() == [True, False, True, True, True, True]
    told = found.to_json(per_row=True)
    assert told["known"] == 5
    of_rows = told["per_row"]["total"]
    assert of_rows[1] is None
    # The others are as they are without it.
    assert told["total"]["value"] == pytest.approx(np.mean([of_rows[0], *of_rows[2:]]))
    for part in (found.total, found.approximation, found.amortisation):
        assert part is None or np.isfinite(part.values).tolist() == found.known.tolist()

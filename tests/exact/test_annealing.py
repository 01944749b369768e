"""Annealed evidence against closed forms and quadrature, from both sides."""

import sys
from contextlib import contextmanager

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from jensen import Datum, LinearGaussian, Model, evidence
from jensen._sampling import split
from jensen.errors import OptionError
from jensen.evidence import Annealing
from jensen.evidence.annealing import runs
from jensen.evidence.annealing.bidirectional import simulate
from jensen.evidence.annealing.kept import Keeper
from jensen.evidence.annealing.schedules import equal_loss, sigmoid

from ..annealing import COMPARISONS, OFF, problem
from ..statistics.budget import level, mean_p_values

LEVEL = level("annealing", COMPARISONS)
# The function has the module's name.
CERTIFY = sys.modules[evidence.certify.__module__]


@pytest.mark.parametrize(
    ("how", "latent", "features"),
    [*((how, 2, 20) for how in OFF), ("wide", 10, 100), ("narrow", 50, 200)],
)
def test_within_a_twentieth_of_a_nat_of_the_exact_evidence(how, latent, features, key):
    model, X, exact = problem(how, latent, features, rows=20)
    temperatures = 400 if latent == 50 else 300
    found = evidence.annealed(model, X, key, temperatures, how=Annealing(leapfrogs=2))
    # Of 20 rows; benchmarks/evidence.py takes 200, whose mean is known three times as well.
    assert found.stderr < 0.04
    assert -0.05 - 4 * found.stderr < found.value - exact.mean() < 4 * found.stderr


@pytest.mark.parametrize("resample", [0.0, 0.9])
@pytest.mark.parametrize("start", ["encoder", "prior"])
@pytest.mark.parametrize("schedule", ["adaptive", "sigmoid"])
def test_weights_are_right_in_the_mean_however_badly_chains_mix(start, schedule, resample, key):
    """Not their logs, whose mean is too low; few temperatures leave the bias of those large."""
    model, X, exact = problem("wide", rows=200)
    how = Annealing(chains=16, start=start, schedule=schedule, resample=resample)
    found = evidence.annealed(model, X, key, 6, how=how)
    ratios = np.exp(found.values - exact)
    assert mean_p_values(ratios[:, None], 1.0)[0] > LEVEL
    assert found.value < exact.mean() + 4 * found.stderr


def test_resampling_happens_and_its_errors_say_how_far_off_it_is(key):
    model, X, exact = problem("wide", rows=200)
    how = Annealing(chains=64, resample=0.9)
    program = how.program(model)
    settings = runs.pilot(program, X, key, 64, 0.8)
    ends = runs.run(program, X, key, settings, settings.schedule("adaptive", 12), 64)
    assert (ends.resamplings > 0).mean() > 0.9
    found = evidence.annealed(model, X, key, 12, how=how)
    # The errors are never too small by more than chance: six deviations of a mean square over
    # 200 rows, a tenth for the skew; and the larger of two estimates is at most twice too large.
    squares = np.mean((found.values - exact) ** 2) / np.mean(found.standard_errors**2)
    assert 0.25 < squares < 1.1 + 6 * np.sqrt(2 / 200)


@pytest.mark.parametrize("how", OFF)
def test_errors_of_annealed_estimates_say_how_far_off_they_are(how, key):
    model, X, exact = problem(how, rows=100)
    found = evidence.annealed(model, X, key, 40, how=Annealing(chains=32))
    z = (found.values - exact) / found.standard_errors
    # A sixth for the skew of a row's weights, from which its error is made too.
    assert abs(np.mean(z**2) - 1) < 1 / 6 + 6 * np.sqrt(2 / 100)
    # An error made of 32 weights is itself off by a fifth or more, and 4 of it may be 3 of the
    # true one, beyond which lie 0.3 % of rows: more than 5 of 100 have a chance below 1e-6.
    assert np.sum(np.abs(z) > 4) <= 5
    # Errors that are four times too small are told.
    assert np.sum(np.abs(4 * z) > 4) > 10


@pytest.mark.parametrize("how", ["wide", "shifted"])
def test_the_bracket_holds_the_truth(how, key):
    """Its sides are bounds in the mean: over many rows the truth lies between them."""
    model, _, _ = problem(how)
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    found = evidence.bidirectional(model, key, 200, 6, how=Annealing(chains=16))
    for_rows, _, _ = split(key, 3)
    rows = simulate(model, for_rows, 200).X
    exact = lg.log_evidence(rows)
    assert found.lower.kind == "lower bound"
    assert found.upper.kind == "upper bound"
    # The weights of either side are right in the mean.
    for ratios in (np.exp(found.lower.values - exact), np.exp(exact - found.upper.values)):
        assert mean_p_values(ratios[:, None], 1.0)[0] > LEVEL
    below, above = exact - found.lower.values, found.upper.values - exact
    error = lambda gaps: gaps.std(ddof=1) / np.sqrt(len(gaps))
    assert below.mean() > -4 * error(below)
    assert above.mean() > -4 * error(above)
    assert found.gap > 0.02


def test_masked_rows_have_the_evidence_of_what_was_observed(key):
    lg = LinearGaussian.random(jax.random.key(5), features=6, latent=2)
    rows = lg.sample(np.random.default_rng(0), 20).astype(np.float32)
    mask = np.broadcast_to(np.arange(6) < 4, rows.shape)
    seen = LinearGaussian(lg.weights[:4], lg.mean[:4], lg.noise_variance[:4])
    data = Datum(np.where(mask, rows, np.nan), mask)
    found = evidence.annealed(lg.model(), data, key, 100, how=Annealing(start="prior"))
    z = (found.values - seen.log_evidence(rows[:, :4])) / found.standard_errors
    assert abs(np.mean(z**2) - 1) < 0.1 + 6 * np.sqrt(2 / 20)
    bracket = evidence.bidirectional(
        lg.model(), key, 20, 100, how=Annealing(start="prior"), like=data
    )
    # In the mean the gap is above nought; 100 temperatures leave a twentieth of a nat of it.
    assert -4 * bracket.gap_stderr < bracket.gap < 0.05 + 4 * bracket.gap_stderr


class InTwoParts(eqx.Module):
    """A normal over {"a": one number, "b": two}, known by its draws, density and variance."""

    normal: dist.Distribution

    def sample(self, key, sample_shape=()):
        z = self.normal.sample(key, sample_shape)
        return {"a": z[0], "b": z[1:]}

    def log_prob(self, z):
        return self.normal.log_prob(jnp.concatenate([z["a"][None], z["b"]]))

    @property
    def variance(self):
        return {"a": self.normal.variance[0], "b": self.normal.variance[1:]}


@pytest.mark.parametrize("start", ["encoder", "prior"])
def test_latents_may_be_a_pytree(start, key):
    lg = LinearGaussian.random(jax.random.key(3), features=4, latent=3)
    normal = dist.Normal(jnp.zeros(3), jnp.ones(3)).to_event(1)
    exact = lg.model()
    plain = Model(normal, exact.decoder, exact.likelihood, exact.encoder)
    model = Model(
        prior=InTwoParts(normal),
        decoder=lambda z: plain.decoder(jnp.concatenate([z["a"][None], z["b"]])),
        likelihood=plain.likelihood,
        encoder=lambda x, mask: InTwoParts(plain.encoder(x, mask)),
    )
    X = lg.sample(np.random.default_rng(0), 10).astype(np.float32)
    of = lambda model: evidence.annealed(model, X, key, 20, how=Annealing(start=start))
    # Chains see the same vectors, and draw the same numbers.
    assert np.allclose(of(model).values, of(plain).values, atol=1e-3)


def test_a_certificate_of_a_good_encoder_closes_and_carries_over(key):
    model, X, exact = problem("wide", rows=30)
    told = []
    found = evidence.certify(model, X, key, 0.05, tell=told.append)
    assert found.closed
    assert found.carries_over, found.misfits
    assert abs(found.value - exact.mean()) < 0.05
    assert found.lower < found.value
    assert told[0].startswith("a pilot"), "says what it begins before anything is known"
    stages = [line for line in told if not line.startswith("  ")]
    assert "about" in stages[1], "says what the rest will cost"
    assert "carries over" in repr(found)
    assert found.to_json()["bracket"]["rows"] == 40


def test_a_schedule_is_lengthened_until_the_bracket_closes(key, monkeypatch):
    monkeypatch.setattr(CERTIFY, "_FIRST", (3, 3))
    monkeypatch.setattr(CERTIFY, "_SAY_EVERY", 0.0)
    model, X, exact = problem("wide", rows=20)
    told = []
    found = evidence.certify(model, X, key, 0.05, tell=told.append)
    tried = [line for line in told if "nats apart" in line]
    assert len(tried) >= 2
    assert found.closed
    assert found.temperatures > 3
    assert abs(found.value - exact.mean()) < 0.05 + 4 * found.stderr
    assert f"  real {found.temperatures}: 20 rows done" in told


def test_the_first_schedule_follows_what_the_pilot_lost(key):
    beta = sigmoid(runs.PILOT)[1:]
    zero = np.zeros((2, len(beta)))
    deviation = np.stack([np.full(len(beta), 2.0), np.full(len(beta), np.nan)])
    # ∫ 2 dβ = 2 for one row, nothing known of the other.
    assert runs.Settings(beta, zero, zero[..., None], deviation).loss() == pytest.approx(4 / 2)
    model, X, _ = problem("exact")
    of = lambda start: runs.pilot(Annealing(start=start).program(model), X, key, 16, 0.8).loss()
    # From the exact posterior nothing is lost, and from the prior much.
    assert of("encoder") < 0.01 < 1.0 < of("prior")


def test_a_certificate_does_not_carry_over_to_rows_of_another_kind(key):
    """Rows far from all that the model makes: the encoder is off there as nowhere else."""
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    plain = lg.model()

    def encoder(x, mask):
        q = plain.encoder(x, mask)
        # Too narrow, and off, where x is far out.
        far = jax.nn.sigmoid(10 * (jnp.max(jnp.abs(x - plain.decoder.bias)) - 12))
        return dist.MultivariateNormal(q.loc + 2 * far, scale_tril=q.scale_tril * (1 - 0.8 * far))

    model = eqx.tree_at(
        lambda m: m.encoder, plain, encoder, is_leaf=lambda node: node is plain.encoder
    )
    X = lg.mean + 20 * np.sign(lg.sample(np.random.default_rng(0), 30) - lg.mean)
    found = evidence.certify(model, X.astype(np.float32), key, 0.1)
    assert found.closed
    assert not found.carries_over
    assert "does not carry over" in found.words()[1]


STOPPED = problem("narrow", rows=30)


@contextmanager
def computed():
    """The names of the pieces of work that are computed meanwhile, in their order."""
    names = []
    plain = Keeper.__call__

    def watched(keeper, name, temperatures, compute):
        def noted():
            names.append(name)
            return compute()

        return plain(keeper, name, temperatures, noted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "__call__", watched)
        yield names


@pytest.fixture(scope="module")
def whole():
    """A certificate that nothing stopped, and what was computed for it."""
    model, X, _ = STOPPED
    with computed() as names:
        return evidence.certify(model, X, jax.random.key(0), 0.05), names


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("forward: 20 rows done", "bracket-{}-forward-0"),
        ("reverse: 20 rows done", "bracket-{}-reverse-0"),
        ("  real {}: 20 rows done", "real-{}-0"),
    ],
)
def test_a_stopped_certificate_goes_on_with_the_same_numbers(
    whole, words, last, key, tmp_path, monkeypatch
):
    """Wherever it was stopped, within one side of the bracket too."""
    model, X, _ = STOPPED
    certified, order = whole

    def stop(text):
        if words.format(certified.temperatures) in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(CERTIFY, "_SAY_EVERY", 0.0)
    with pytest.raises(KeyboardInterrupt):
        evidence.certify(model, X, key, 0.05, folder=tmp_path, tell=stop)
    done = order.index(last.format(certified.temperatures)) + 1
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}
    assert {path.stem for path in kept} == set(order[:done])
    with computed() as rest:
        resumed = evidence.certify(model, X, key, 0.05, folder=tmp_path)
    # What was done was not done again.
    assert rest == order[done:]
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    for of in (lambda found: found, lambda found: found.bracket.lower, lambda f: f.bracket.upper):
        np.testing.assert_array_equal(of(resumed).values, of(certified).values)
        np.testing.assert_array_equal(of(resumed).standard_errors, of(certified).standard_errors)
    with pytest.raises(OptionError, match="keeps the work of another call"):
        evidence.certify(model, X[:20], key, 0.05, folder=tmp_path)


def test_a_certificate_ends_when_its_time_is_up_and_says_so(key):
    model, X, _ = problem("shifted", 10, 30, rows=20)
    found = evidence.certify(model, X, key, 1e-6, max_time=1.0)
    assert not found.closed
    assert "give more time" in found.words()[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chains": 0}, "chains=0"),
        ({"start": "posterior"}, "start='posterior' is unknown: choose encoder or prior"),
        ({"schedule": "linear"}, "schedule='linear' is unknown: choose adaptive or sigmoid"),
        ({"resample": 2}, "resample=2"),
        ({"acceptance": 1.0}, "acceptance=1.0"),
        ({"draws": 10}, "draws=10: method='annealed' does not have it"),
    ],
)
def test_impossible_options_are_named(options, message, key):
    model, X, _ = problem("wide", rows=2)
    with pytest.raises(OptionError, match=message.replace("(", r"\(")):
        evidence.by_method(model, X, key, "annealed", **options)


def test_schedules_rise_from_nought_to_one():
    beta = sigmoid(32)[1:]
    deviation = np.stack([np.ones(32), np.linspace(10, 1, 32), np.full(32, np.nan)])
    for schedule in (sigmoid(7)[None], equal_loss(beta, deviation, 7)):
        assert (schedule[:, 0] == 0).all()
        assert (schedule[:, -1] == 1).all()
        assert (np.diff(schedule) > 0).all()
    even, early, _ = equal_loss(beta, deviation, 7)
    np.testing.assert_allclose(even, np.linspace(0, 1, 8), atol=1e-9)
    # Steps are short where the ratio varies most.
    assert early[1] < even[1]


def test_rows_of_no_density_are_minus_infinity_and_said_to_be_unreliable(key):
    model, X, _ = problem("wide", rows=3)
    X[1] = 1e30
    found = evidence.annealed(model, X, key, 10)
    assert found.values[1] == -np.inf
    assert found.unreliable.tolist() == [False, True, False]


def test_a_start_that_does_not_know_its_variance_is_measured(key):
    lg = LinearGaussian.random(jax.random.key(0), features=5, latent=2)
    plain = lg.model()
    shifted = lambda x, mask: dist.TransformedDistribution(
        dist.Normal(jnp.zeros(2), 1.0).to_event(1),
        dist.transforms.AffineTransform(plain.encoder(x, mask).loc, 1.5),
    )
    model = eqx.tree_at(
        lambda m: m.encoder, plain, shifted, is_leaf=lambda node: node is plain.encoder
    )
    X = lg.sample(np.random.default_rng(0), 10).astype(np.float32)
    found = evidence.annealed(model, X, key, 60)
    assert abs(found.value - lg.log_evidence(X).mean()) < 0.05


def test_too_few_chains_to_know_their_khat_certify_nothing(key):
    model, X, _ = problem("wide", rows=20)
    found = evidence.certify(model, X, key, 0.2, how=Annealing(chains=16))
    assert not found.carries_over
    assert "k̂ cannot be known of 16 chains" in found.words()[1]


def test_a_folder_with_other_files_is_left_alone(key, tmp_path):
    model, X, _ = problem("wide", rows=2)
    (tmp_path / "weights.safetensors").write_bytes(b"a model's own")
    with pytest.raises(OptionError, match="holds other files"):
        evidence.certify(model, X, key, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]
    with pytest.raises(OptionError, match="chains=1: a certificate compares chains"):
        evidence.certify(model, X, key, how=Annealing(chains=1))


def test_a_folder_knows_other_chains_of_the_same_digits(key, tmp_path):
    model, X, _ = problem("wide", rows=20)
    evidence.certify(model, X, key, 1.0, how=Annealing(chains=2, leapfrogs=12), folder=tmp_path)
    how = Annealing(chains=21, leapfrogs=2)
    with pytest.raises(OptionError, match="keeps the work of another call"):
        evidence.certify(model, X, key, 1.0, how=how, folder=tmp_path)

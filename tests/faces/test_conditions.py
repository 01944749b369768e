"""`condition=` in Python: labels and numbers, in every question that a model answers."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_digits

import jensen
from jensen import VAE
from jensen.cli._reporting import _of_labels
from jensen.data import Conditioned, ConditionSchema, infer_condition
from jensen.errors import DataError, OptionError

HELD_OUT = slice(0, 60)


@pytest.fixture(scope="module")
def labelled():
    bunch = load_digits()
    return bunch.data, bunch.target


@pytest.fixture(scope="module")
def vae(labelled):
    X, labels = labelled
    return small().fit(X[60:], condition=labels[60:])


def small(**options):
    given = {"hidden": (32,), "max_epochs": 15, "likelihood": "binomial", "draws": 50}
    return VAE(3, **given | options, random_state=0)


def test_the_likeliest_condition_is_the_label(vae, labelled):
    X, labels = labelled
    scores = np.stack([vae.score_samples(X[HELD_OUT], condition=c) for c in range(10)])
    right = np.mean(scores.argmax(axis=0) == labels[HELD_OUT])
    # At chance it were one in ten. A model that had not heeded the condition could do no better.
    assert right > 0.7


def test_samples_are_like_the_rows_of_their_condition(vae, labelled):
    X, labels = labelled
    means = np.stack([X[labels == c].mean(axis=0) for c in range(10)])
    asked = np.repeat(np.arange(10), 20)
    for source in ("prior", "posterior"):
        drawn = vae.sample(200, source, condition=asked, mean=True, random_state=1)
        nearest = np.linalg.norm(drawn[:, None] - means[None], axis=2).argmin(axis=1)
        # At chance one in ten: of 200 one in three once in 10¹⁹ times.
        assert np.mean(nearest == asked) > 1 / 3, (source, np.mean(nearest == asked))
    assert vae.sample(4, condition=3).shape == (4, 64)
    # Without a condition those of rows that are kept.
    assert vae.sample(5).shape == (5, 64)
    assert vae.sample(5, "posterior").shape == (5, 64)


def test_every_question_takes_the_condition(vae, labelled, tmp_path):
    X, labels = labelled
    X, given = X[HELD_OUT][:12], labels[HELD_OUT][:12]
    assert vae.condition_.labels == tuple(range(10))
    answers = {
        "elbo": lambda **c: vae.elbo(X, 10, **c).values,
        "log_evidence": lambda **c: vae.log_evidence(X, draws=50, **c).values,
        "score_samples": lambda **c: vae.score_samples(X, **c),
        "score": lambda **c: vae.score(X, **c),
        "decision_function": lambda **c: vae.decision_function(X, **c),
        "tail_probability": lambda **c: vae.tail_probability(X, **c),
        "transform": lambda **c: vae.transform(X, **c),
        "inverse_transform": lambda **c: vae.inverse_transform(np.zeros((12, 3)), **c),
        "posterior_draws": lambda **c: vae.posterior_draws(X, draws=8, **c).z,
        "reconstruct": lambda **c: vae.reconstruct(X, **c),
        "vary": lambda **c: vae.vary(X, 2, random_state=0, **c),
        "denoise": lambda **c: vae.denoise(X, 2.0, "encoder", **c).mean,
        "impute": lambda **c: (
            vae.impute(X, 100, missing=np.arange(64) < 8, keep=0, random_state=0, **c).mean
        ),
        "interpolate": lambda **c: vae.interpolate(X[:6], X[6:], 3, **halves(c)),
    }
    for name, answer in answers.items():
        own = np.asarray(answer(condition=given))
        assert np.isfinite(own).all(), name
        other = np.asarray(answer(condition=(given + 1) % 10))
        assert not np.allclose(own, other), name
        with pytest.raises(OptionError, match="give one of 0, 1"):
            answer()
    both = Conditioned(X, given)
    np.testing.assert_array_equal(vae.score_samples(both), vae.score_samples(X, condition=given))
    assert vae.traverse(X[:1], 3, condition=4).rows.shape[1:] == (3, 64)
    assert len(vae.traverse(steps=3).latents)
    loaded = jensen.load(vae.save(tmp_path / "digits.jensen"))
    assert loaded.condition_ == vae.condition_
    np.testing.assert_array_equal(loaded.score_samples(both), vae.score_samples(both))
    np.testing.assert_array_equal(loaded.sample(3, condition=2), vae.sample(3, condition=2))


def halves(given):
    return {name: value[:6] for name, value in given.items()}


def test_checks_and_fidelity(vae, labelled):
    X, labels = labelled
    held_out = Conditioned(X[HELD_OUT], labels[HELD_OUT])
    assert vae.check(held_out).active_units == 3
    assert vae.fidelity(held_out, training=held_out).rows["synthetic"] == 60
    with pytest.raises(OptionError, match="another for each condition"):
        vae.diagnose(held_out)
    assert len(vae.closest(X[:3]).rows) == 3


def test_with_and_without_are_compared(vae, labelled):
    X, labels = labelled
    plain = small().fit(X[60:])
    found = vae.compare(plain, X[HELD_OUT], condition=labels[HELD_OUT], draws=50)
    gain = vae.score(X[HELD_OUT], condition=labels[HELD_OUT]) - plain.score(X[HELD_OUT])
    # As many draws of z, and others.
    assert abs(found.difference - gain) < 1
    with pytest.raises(OptionError, match="fitted without one"):
        plain.score_samples(X[:2], condition=[1, 2])


@pytest.mark.parametrize("prior", ["conditional", "vamp:5", "mixture:3"])
def test_numbers_as_condition(prior):
    rng = np.random.default_rng(0)
    given = rng.uniform(-2, 2, (300, 2))
    X = np.stack([given[:, 0] ** 2, given.sum(axis=1), -given[:, 1]], axis=1)
    X += 0.1 * rng.normal(size=X.shape)
    vae = VAE(1, hidden=(32,), prior=prior, max_epochs=60, random_state=0).fit(X, condition=given)
    assert vae.condition_.describe() == "condition: 2 numbers a row"
    drawn = vae.sample(200, condition=np.array([1.5, 0.5]), mean=True)
    # The truth is (2.25, 2, -0.5); rows lie within some 4 of the origin.
    assert np.abs(drawn.mean(axis=0) - [2.25, 2.0, -0.5]).max() < 0.6
    with pytest.raises(DataError, match="2 numbers a row"):
        vae.sample(3, condition=[1.0, 2.0, 3.0])
    with pytest.raises(OptionError, match="none of the rows kept"):
        vae.sample(1, "posterior", condition=[0.123, 0.456])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["a", "b"], "has shape (2,) for 3 rows"),
        (["a", "b", None], "row 2 has none"),
        ([1.0, np.nan, 2.0], "row 1 is not finite"),
        (["a", "a", "a"], "in each row, which tells nothing"),
        (np.array(["a", 1, "b"], object), "text in some rows and numbers in others"),
        ([[1], [1, 2], [3]], "not of one length"),
        (np.array([["a", "b"]] * 3), "holds text of shape (3, 2)"),
        (np.zeros((3, 2, 2)), "has shape (3, 2, 2)"),
    ],
)
def test_what_is_no_condition_is_refused(given, words):
    with pytest.raises(DataError) as caught:
        VAE(max_epochs=1).fit(np.arange(6.0).reshape(3, 2), condition=given)
    assert words in str(caught.value)


def test_too_many_labels_are_refused():
    with pytest.raises(DataError, match="1,500 labels"):
        infer_condition([f"name {i}" for i in range(1500)], 1500)


def test_a_label_of_no_row_to_fit_is_refused(vae):
    with pytest.raises(DataError, match="row 1 has 12, which no row to fit had"):
        vae.sample(2, condition=[3, 12])


def test_rows_with_conditions_are_cut_by_place():
    rows = Conditioned(np.arange(6).reshape(3, 2), pd.Series(["a", "b", "c"], index=[2, 0, 1]))
    assert rows[np.array([0, 2])].condition.tolist() == ["a", "c"]
    assert Conditioned(np.zeros((3, 2)), "10")[:1].condition == "10"
    frame = Conditioned(pd.DataFrame({"x": [1, 2, 3]}), np.array([4, 5, 6]))
    assert frame[np.array([2])].X["x"].tolist() == [3]


def test_a_report_shows_images_of_each_label():
    """Of label "c" all pixels are 0, of "b" all are 9; "a" has not been held out."""
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b", "c"])[rng.integers(0, 3, 150)]
    X = np.where(labels == "b", 9, np.where(labels == "c", 0, 4))[:, None, None]
    X = np.broadcast_to(X, (150, 3, 3)).astype(np.uint8)
    vae = VAE(
        1, hidden=(8,), likelihood="binomial", max_epochs=60, batch_size=32, learning_rate=0.02,
        weight_decay=0.0, draws=20, random_state=0,
    )  # fmt: skip
    vae.fit(X, condition=labels)
    told = labels != "a"
    held_out = Conditioned(X[told], labels[told])
    estimate = vae.log_evidence(held_out, draws=20)
    found = _of_labels(vae, held_out, estimate)
    by_name = {each["name"]: each for each in found["conditions"]}
    assert list(by_name) == ["a", "b", "c"]
    assert (by_name["a"]["rows"], by_name["a"]["value"]) == (0, None)
    for name in "bc":
        values = estimate.values[labels[told] == name]
        assert by_name[name]["rows"] == len(values)
        assert by_name[name]["value"] == pytest.approx(values.mean())
    means = found["given_labels_means"].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(means, [4, 9, 0], atol=1)
    assert found["given_labels"].shape == (3, 8, 3, 3)
    assert found["conditions_left"] == 0


def test_conditions_are_given_once(vae, labelled):
    X, labels = labelled
    with pytest.raises(OptionError, match="have theirs with them"):
        vae.score_samples(Conditioned(X[:3], labels[:3]), condition=labels[:3])


def test_one_condition_stands_for_all_only_where_it_is_whole():
    labels = infer_condition(["a", "b"], 2)
    np.testing.assert_array_equal(labels.check(["a"], 3), [[1, 0]] * 3)
    with pytest.raises(DataError, match="2 numbers a row"):
        infer_condition(np.array([[1.0, 2.0], [3.0, 5.0]]), 2).check(0.5, 2)
    with pytest.raises(DataError, match="row 1 has none"):
        infer_condition(["a", float("nan"), "b"], 3)


def test_rows_are_fitted_and_asked_about_at_once():
    X = np.random.default_rng(0).normal(size=(60, 2))
    vae = VAE(1, hidden=(4,), max_epochs=1, draws=5, random_state=0)
    labels = np.arange(60) % 2
    assert vae.fit_transform(X, condition=labels).shape == (60, 1)
    assert set(vae.fit_predict(X, condition=labels)) <= {-1, 1}
    plain = VAE(1, hidden=(4,), max_epochs=1, draws=5, random_state=0).fit(X)
    with pytest.raises(OptionError, match="fitted without one"):
        plain.compare(plain, X, condition=labels)


def test_a_table_takes_none():
    frame = pl.DataFrame({"a": ["x", "y"] * 20, "b": [1.5, 2.5] * 20})
    with pytest.raises(OptionError, match="sample_given"):
        VAE(max_epochs=1).fit(frame, condition=[0, 1] * 20)


@pytest.mark.parametrize(
    "given",
    [
        pd.Series(["b", "a", "b"], dtype="category"),
        pl.Series(["b", "a", "b"]),
        np.array([["b"], ["a"], ["b"]]),
        pd.DataFrame({"label": ["b", "a", "b"]}),
    ],
)
def test_labels_come_in_any_container(given):
    schema = infer_condition(given, 3)
    assert schema.labels == ("a", "b")
    np.testing.assert_array_equal(schema.check(given, 3), [[0, 1], [1, 0], [0, 1]])
    assert ConditionSchema.from_json(schema.to_json()) == schema


def test_whole_numbers_of_many_values_are_amounts():
    assert infer_condition(np.arange(101), 101).labels is None
    assert infer_condition(np.arange(100), 100).size == 100
    schema = infer_condition(np.array([1.0, 3.0]), 2)
    np.testing.assert_allclose(schema.check([1.0, 3.0], 2), [[-1], [1]])
    np.testing.assert_allclose(schema.check(3.0, 4), np.ones((4, 1)))


def test_a_constant_number_is_harmless():
    schema = infer_condition(np.array([[1.0, 7.0], [3.0, 7.0]]), 2)
    np.testing.assert_allclose(schema.check([[1.0, 7.0], [3.0, 8.0]], 2), [[-1, 0], [1, 1]])


def test_labels_are_asked_for_at_the_command_line(vae, tmp_path, capsys):
    from jensen.cli import main

    path = str(vae.save(tmp_path / "digits.jensen"))
    assert main(["sample", path, "-n", "2", "--condition", "3", "--seed", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["condition"] == "3"
    expected = vae.sample(2, condition=3, random_state=0)
    np.testing.assert_array_equal(told["samples"], expected)
    assert main(["info", path]) == 0
    assert "10 labels (0, 1," in capsys.readouterr().out
    assert main(["sample", path, "--condition", "twelve"]) == 2
    assert "give one of 0, 1, 2" in capsys.readouterr().err


@pytest.fixture(scope="module")
def place(vae, labelled, tmp_path_factory):
    """A folder with the model and a file of labels."""
    place = tmp_path_factory.mktemp("conditions")
    vae.save(place / "digits.jensen")
    lines = "\n".join(map(str, labelled[1]))
    (place / "labels.csv").write_text(f"label\n{lines}\n")
    (place / "few.csv").write_text("label\n1\n2\n")
    return place


@pytest.fixture
def run(place, monkeypatch, capsys):
    from jensen.cli import main

    monkeypatch.chdir(place)

    def run(line, code=0):
        assert main(line.split()) == code
        return capsys.readouterr()

    return run


def test_rows_have_their_conditions_at_the_command_line(run, vae, labelled):
    X, labels = labelled
    rows = Conditioned(X[:3], labels[:3])
    scores = lambda line: json.loads(run(f"{line} --rows 0:3 --json").out)["log_evidence"]
    for condition in ("labels", "labels.csv"):
        found = scores(f"score digits.jensen digits --condition {condition}")
        np.testing.assert_allclose(found, vae.score_samples(rows), rtol=1e-6)
    found = scores("score digits.jensen digits --condition 4")
    np.testing.assert_allclose(found, vae.score_samples(X[:3], condition=4), rtol=1e-6)
    told = run("encode digits.jensen digits --rows 0:3 --condition labels --json").out
    np.testing.assert_allclose(json.loads(told)["latents"], vae.transform(rows), rtol=1e-5)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("score digits.jensen digits", "--condition: the model is given one with each row"),
        ("score digits.jensen digits --condition few.csv", "2 for 1,797 rows"),
        ("score digits.jensen digits --condition none.csv", "for which give one of 0, 1"),
        ("fit digits --condition none.csv", "is no file; give labels, which come with digits"),
        ("fit labels.csv --condition labels", "none come with labels.csv"),
    ],
)
def test_conditions_that_are_none_are_refused(run, line, words):
    assert words in run(line, code=2).err


def test_fit_given_an_array_of_the_same_file(run, place):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    np.savez(place / "both.npz", X=labels[:, None] + rng.normal(size=(60, 2)), y=labels)
    small = "--latent 1 --hidden 4 --epochs 2 --quiet"
    told = run(f"fit both.npz --key X --condition y {small} --out run --json").out
    assert np.isfinite(json.loads(told)["log_evidence"]["value"])
    page = (place / "run" / "report.html").read_text(encoding="utf-8")
    assert "Given each label" in page
    assert "samples of each" not in page
    # An array that is called labels is what --condition labels names.
    np.savez(place / "named.npz", X=np.load(place / "both.npz")["X"], labels=labels)
    scores = [run(f"score run {each} --key X --json").out for each in (
        "both.npz --condition y", "named.npz --condition labels",
    )]  # fmt: skip
    assert json.loads(scores[0]) == json.loads(scores[1])
    # Where the conditions are is noted with the run.
    checked = run("check run both.npz --key X --json --quiet").out
    assert len(json.loads(checked)["rows"]) == 6
    with_test = run("fit both.npz --key X --condition y --test-key X", code=2).err
    assert "its rows have no condition" in with_test
    told = run("score run both.npz --key X --condition z", code=2).err
    assert "--condition z: is no file, nor an array of both.npz, which has X, y" in told
    assert "give one of 0, 1" in run("score run both.npz --key X --condition 7", code=2).err

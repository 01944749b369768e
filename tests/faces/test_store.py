"""Saved models: what was written comes back, and damage is named."""

import json
import shutil
import zipfile

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_iris

import jensen
from jensen.errors import FileError, OptionError
from jensen.objectives import ELBO, IWAE, BetaELBO

SMALL = {"latent_dim": 2, "hidden": (8,), "max_epochs": 2, "draws": 20, "random_state": 0}


@pytest.fixture(scope="module")
def iris():
    return load_iris().data


@pytest.fixture(scope="module", params=["normal", "mixture:3", "vamp:70"])
def fitted(request, iris):
    return jensen.VAE(**SMALL, prior=request.param, posterior="full").fit(iris)


@pytest.mark.parametrize("name", ["model", "model.jensen"])
def test_a_loaded_model_gives_the_same_numbers(fitted, iris, tmp_path, name, compiled_as):
    path = fitted.save(tmp_path / name)
    loaded = jensen.load(path)
    np.testing.assert_array_equal(loaded.score_samples(iris), fitted.score_samples(iris))
    np.testing.assert_array_equal(loaded.sample(5, "posterior"), fitted.sample(5, "posterior"))
    np.testing.assert_array_equal(loaded.predict(iris), fitted.predict(iris))
    assert loaded.history_ == fitted.history_
    assert loaded.schema_ == fitted.schema_
    assert loaded.get_params() == fitted.get_params()
    assert compiled_as(loaded) == compiled_as(fitted)
    name, _, components = fitted.prior.partition(":")
    if components:
        assert len(jax.tree.leaves(loaded.model_.prior)[0]) == int(components)
    # And once more from what was loaded.
    again = jensen.load(loaded.save(tmp_path / f"again-{name}"))
    np.testing.assert_array_equal(again.transform(iris), fitted.transform(iris))


@pytest.fixture
def folder(fitted, tmp_path):
    return fitted.save(tmp_path / "model")


def parts():
    return ["config.json", "schema.json", "weights.safetensors", "rows.safetensors",
            "history.jsonl"]  # fmt: skip


@pytest.mark.parametrize("part", parts())
def test_a_truncated_part_is_named(folder, part):
    data = (folder / part).read_bytes()
    (folder / part).write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match=part):
        jensen.load(folder)


@pytest.mark.parametrize("part", parts())
def test_a_missing_part_is_named(folder, part):
    (folder / part).unlink()
    with pytest.raises(FileError, match=part):
        jensen.load(folder)


@pytest.mark.parametrize(
    ("part", "words"), [("schema.json", "Restore it"), ("config.json", "unfinished run")]
)
def test_a_model_that_lacks_a_part_is_no_unfinished_run(folder, part, words):
    (folder / "run.json").write_text("{}")
    (folder / part).unlink()
    with pytest.raises(FileError, match=f"{part} is missing.*{words}"):
        jensen.load(folder)


@pytest.mark.parametrize("part", ["weights.safetensors", "schema.json", "history.jsonl"])
def test_an_altered_part_is_named(folder, part):
    data = bytearray((folder / part).read_bytes())
    data[-10] ^= 1
    (folder / part).write_bytes(bytes(data))
    with pytest.raises(FileError, match=f"{part} was altered"):
        jensen.load(folder)


def test_an_altered_config_is_named(folder):
    config = json.loads((folder / "config.json").read_text())
    config["assembly"]["latent_dim"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(FileError, match=r"config.json was altered"):
        jensen.load(folder)


def test_a_newer_format_says_what_to_do(folder):
    config = json.loads((folder / "config.json").read_text())
    config["format"] = 99
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(FileError, match="pip install -U jensen"):
        jensen.load(folder)


def test_a_truncated_zip_and_a_file_of_another_kind_are_named(fitted, tmp_path):
    path = fitted.save(tmp_path / "model.jensen")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match="truncated"):
        jensen.load(path)
    path.write_text("hello")
    with pytest.raises(FileError, match="not a model"):
        jensen.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(FileError, match="not a model"):
        jensen.load(path)
    with pytest.raises(FileError, match="no such file"):
        jensen.load(tmp_path / "nothing")


def test_saving_over_a_model_replaces_it_and_leaves_nothing_behind(fitted, folder, iris):
    other = jensen.VAE(**(SMALL | {"random_state": 1})).fit(iris)
    other.save(folder)
    np.testing.assert_array_equal(jensen.load(folder).transform(iris), other.transform(iris))
    assert sorted(path.name for path in folder.iterdir()) == sorted(parts())


def test_a_folder_that_cannot_be_written_is_named(fitted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file"):
        fitted.save(tmp_path / "file" / "model")


@pytest.mark.parametrize(
    "objective",
    [
        BetaELBO(beta=2.0, warmup=1.0, free_bits=0.1),
        ELBO(draws=3, gradient="score"),
        IWAE(4, gradient="reparameterised"),
    ],
    ids=repr,
)
def test_an_objective_comes_back_with_all_its_options(iris, tmp_path, objective):
    vae = jensen.VAE(**SMALL, objective=objective).fit(iris[:40])
    loaded = jensen.load(vae.save(tmp_path / "model"))
    assert type(loaded.objective) is type(objective)
    assert vars(loaded.objective) == vars(objective)


def test_numpy_s_numbers_come_back_as_python_s(iris, tmp_path):
    given = {
        "latent_dim": np.int64(2),
        "hidden": np.array([8]),
        "max_epochs": np.int32(2),
        "learning_rate": np.float32(0.25),
        "early_stopping": np.bool_(False),
        "high": None,
        "shape": np.array([2, 2]),
        "dtype": np.str_("float32"),
        "prior": np.str_("normal"),
        "random_state": np.uint32(5),
    }
    vae = jensen.VAE(**given, draws=20).fit(iris[:40])
    loaded = jensen.load(vae.save(tmp_path / "model"))
    found = loaded.get_params()
    assert {name: found[name] for name in given} == {
        "latent_dim": 2,
        "hidden": (8,),
        "max_epochs": 2,
        "learning_rate": 0.25,
        "early_stopping": False,
        "high": None,
        "shape": (2, 2),
        "dtype": "float32",
        "prior": "normal",
        "random_state": 5,
    }
    assert not any(isinstance(value, np.generic) for value in found.values())
    np.testing.assert_array_equal(loaded.score_samples(iris), vae.score_samples(iris))


class Doubling(eqx.Module):
    """A decoder of one's own."""

    weight: jax.Array

    def __call__(self, z):
        return (self.weight @ z)[None]


def test_parts_of_ones_own_must_be_given_again(iris, tmp_path):
    decoder = Doubling(jnp.ones((4, 2)))
    vae = jensen.VAE(**SMALL, decoder=decoder).fit(iris)
    assert not np.array_equal(vae.model_.decoder.weight, decoder.weight)
    path = vae.save(tmp_path / "own")
    with pytest.raises(FileError, match=r"decoder=\.\.\."):
        jensen.load(path)
    loaded = jensen.load(path, decoder=decoder)
    np.testing.assert_array_equal(loaded.score_samples(iris), vae.score_samples(iris))
    with pytest.raises(OptionError, match="decoder"):
        jensen.load(path, decoder=Doubling(jnp.ones((3, 2))))


def test_no_file_is_left_when_writing_is_interrupted(fitted, tmp_path, monkeypatch):
    path = fitted.save(tmp_path / "model.jensen")
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(FileError, match="No space left"):
        fitted.save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["model.jensen"]
    shutil.rmtree(tmp_path)

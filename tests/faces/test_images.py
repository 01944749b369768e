"""Images, fitted with convolutional networks."""

import numpy as np
import pytest

import jensen


@pytest.mark.parametrize(("width", "latents"), [(399, 10), (400, 20)])
def test_rows_of_many_numbers_have_more_latents(tmp_path, width, latents):
    X = np.random.default_rng(0).integers(0, 2, (30, width))
    vae = jensen.VAE(hidden=(2,), max_epochs=1, draws=5, random_state=0).fit(X)
    assert vae.transform(X[:2]).shape == (2, latents)
    loaded = jensen.load(vae.save(tmp_path / "many.jensen"))
    assert (loaded.latent_dim, loaded.latent_dim_) == ("auto", latents)
    assert loaded.inverse_transform(np.zeros((1, latents))).shape == (1, width)


def test_a_convolutional_vae_learns_and_comes_back_from_its_file(tmp_path):
    """Images of one upright bar, of odd sides: log p(x) is -log 7 at best, and what they start at
    is the entropy of 35 pixels that know nothing of each other, 14.4 nats."""
    rng = np.random.default_rng(0)
    X = np.zeros((256, 5, 7), np.uint8)
    X[np.arange(256), :, rng.integers(0, 7, 256)] = 1
    vae = jensen.VAE(
        2, network="conv", hidden=(8,), batch_size=32, learning_rate=0.01, max_epochs=40,
        draws=20, random_state=0,
    ).fit(X)  # fmt: skip
    first, *_, last = (record["validation_elbo"] for record in vae.history_)
    assert last > first + 5
    assert vae.sample(3).shape == (3, 5, 7)
    loaded = jensen.load(vae.save(tmp_path / "bars.jensen"))
    assert loaded.get_params() == vae.get_params()
    np.testing.assert_array_equal(loaded.score_samples(X[:9]), vae.score_samples(X[:9]))

"""Questions about images: hidden pixels, walks through the latent space, the closest training row.

That the answers are right is held in `tests/exact`; here, that they come in the data's form.
"""

import numpy as np
import pandas as pd
import pytest

import jensen
from jensen.errors import DataError, OptionError

BLOCK = np.zeros((8, 8), bool)
BLOCK[2:5, 3:7] = True


@pytest.fixture(scope="module")
def vae(digits):
    """Digits from the mean of their pixels, mostly; as whole numbers of 8 x 8."""
    small = {"latent_dim": 2, "hidden": (8,), "max_epochs": 20, "learning_rate": 1e-2}
    # Of normals, which compile soonest.
    return jensen.VAE(**small, shape=(8, 8), likelihood="normal-shared", random_state=0).fit(
        digits[:200].astype(np.uint8)
    )


@pytest.fixture(scope="module")
def found(vae, digits):
    return vae.impute(digits[200:220].astype(np.uint8), 40, missing=BLOCK, keep=2)


def test_what_is_seen_stays_and_what_is_hidden_is_filled(found, digits):
    x = digits[200:220].reshape(-1, 8, 8)
    for rows in (found.table, found.mean, found.lower, found.upper, *found.draws):
        assert rows.shape == x.shape
        np.testing.assert_array_equal(rows[:, ~BLOCK], x[:, ~BLOCK])
    assert (found.lower[:, BLOCK] <= found.upper[:, BLOCK]).all()
    assert found.lower.dtype == found.draws[0].dtype == np.uint8
    assert (found.table != np.rint(found.table)).any()
    assert (found.draws[0] != found.draws[1]).any()
    assert found.ess.shape == found.unreliable.shape == (20,)


def test_what_stands_where_a_pixel_is_missing_tells_nothing(vae, found, digits):
    x = digits[200:220].reshape(-1, 8, 8).copy()
    x[:, BLOCK] = np.nan
    again = vae.impute(x, 40, keep=2)
    np.testing.assert_array_equal(again.table, found.table)
    assert again.draws[1].tolist() == found.draws[1].tolist()
    # The same for flat rows, and masks of each.
    each = np.broadcast_to(BLOCK.reshape(-1), (20, 64))
    flat = vae.impute(np.nan_to_num(x, nan=7).reshape(20, 64), 40, missing=each, keep=2)
    np.testing.assert_array_equal(flat.table, found.table)


@pytest.mark.parametrize(
    ("missing", "error", "words"),
    [
        (None, DataError, "no entry is missing"),
        (np.zeros((8, 8), bool), DataError, "no entry is missing"),
        (np.ones((4, 8), bool), OptionError, r"missing: has shape \(4, 8\); give \(8, 8\)"),
        (BLOCK * 1.0, OptionError, "truth values"),
    ],
)
def test_masks_that_say_nothing_are_refused(vae, digits, missing, error, words):
    with pytest.raises(error, match=words):
        vae.impute(digits[:3], missing=missing)


def test_rows_that_do_not_fit_are_refused_as_ever(vae, digits):
    with pytest.raises(ValueError, match="63"):
        vae.impute(digits[:3, :63], missing=BLOCK)
    with pytest.raises(DataError, match="17 is above 16"):
        vae.impute(np.full((2, 8, 8), 17), missing=BLOCK)


def test_frames_and_shapes_that_are_none(vae, digits):
    with pytest.raises(DataError, match="shape"):
        vae.impute(digits[:4].reshape(4, 4, 16), missing=BLOCK)
    x = digits[200:203].copy()
    x[:, BLOCK.reshape(-1)] = np.nan
    frame = pd.DataFrame(x).convert_dtypes()
    assert frame.dtypes.astype(str).str.fullmatch("Int64").all()
    found = vae.impute(frame, 40, keep=2)
    np.testing.assert_array_equal(found.table, vae.impute(x, 40, keep=2).table)


def test_what_is_seen_is_binarised_as_if_nothing_were_hidden(digits):
    grey = digits[:30].astype(np.uint8)
    drawn = jensen.VAE(2, hidden=(4,), max_epochs=1, binarise="fixed", high=16, random_state=0)
    drawn.fit(grey)
    hidden = np.zeros(64, bool)
    hidden[20:30] = True
    found = drawn.impute(grey, 16, missing=hidden, keep=1)
    seen = drawn.schema_.check(grey).reshape(30, 64)[:, ~hidden]
    np.testing.assert_array_equal(found.table[:, ~hidden], seen)


def test_channels_of_a_pixel_are_hidden_together():
    colour = np.random.default_rng(0).integers(0, 256, (30, 2, 2, 3)).astype(np.uint8)
    small = {"hidden": (4,), "likelihood": "logistic-mixture:1", "max_epochs": 1}
    vae = jensen.VAE(2, **small, random_state=0).fit(colour)
    red = np.zeros((2, 2, 3), bool)
    red[0, 0, 0] = True
    with pytest.raises(OptionError, match="missing together"):
        vae.impute(colour[:2], 16, missing=red)


def test_samples_are_judged_as_they_are_given_away(digits):
    """By a normal, of which draws before they are rounded equal no row."""
    few = np.rint(digits[:200, 20:22] / 8).astype(np.uint8)
    small = {"hidden": (4,), "likelihood": "normal", "max_epochs": 3}
    vae = jensen.VAE(1, **small, random_state=0).fit(few[:150])
    found = vae.fidelity(few[150:])
    assert found.nearest["synthetic"]["copies"] > 0.5


def test_walks_are_in_the_shape_of_images(vae, digits):
    x = digits[200:204].reshape(-1, 8, 8)
    between = vae.interpolate(x[:2], x[2:], steps=3)
    assert between.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(between[:, 0], vae.reconstruct(x[:2]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(between[:, 2], vae.reconstruct(x[2:]), rtol=1e-4, atol=1e-4)
    found = vae.traverse(x[:1], steps=4)
    assert found.rows.shape == (len(found.latents), 4, 8, 8)
    with pytest.raises(DataError, match="takes one row, and got 4"):
        vae.traverse(x)


def test_the_closest_training_row_comes_as_it_was(vae, digits):
    copy = vae.schema_.restore(vae.rows_[5:6])
    found = vae.closest(np.concatenate([copy, 16 - copy]))
    np.testing.assert_array_equal(found.rows[0], copy[0])
    assert found.rows.dtype == np.uint8
    assert found.distances[0] == found.nearer[0] == 0
    assert found.distances[1] > 0
    assert found.nearer[1] == 1

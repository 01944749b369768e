"""Grey values made 0 and 1: by what rule, the same again, and remembered; and square images."""

import json
from hashlib import sha256

import numpy as np
import pytest

import jensen
from jensen.data import Schema, infer
from jensen.data.images import BINARISATIONS, binarise
from jensen.errors import DataError, FileError, OptionError
from jensen.queries import require_same_units

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (40, 8, 8)).astype(np.uint8)
WAYS = BINARISATIONS[1:]


@pytest.mark.parametrize(
    ("values", "high", "ones"),
    [
        (np.array([[0, 127, 128, 255]], np.uint8), 255, [0, 0, 1, 1]),
        (np.array([[0, 127, 128, 255]], np.float64), 255, [0, 0, 1, 1]),
        (np.array([[0, 7, 8, 16]]), 16, [0, 0, 1, 1]),
        (np.array([[0, 0.49, 0.5, 1]]), 1, [0, 0, 1, 1]),
        (np.array([[0, 2, 3, 5]], np.int8), 5, [0, 0, 1, 1]),
    ],
)
def test_the_threshold_is_half_of_the_largest(values, high, ones):
    assert binarise(values, "threshold", high).tolist() == [ones]


@pytest.mark.parametrize("how", ["fixed", "fresh"])
def test_a_rows_draw_is_its_own_whatever_comes_with_it(how):
    schema = infer(GREY, binarise=how)
    drawn = schema.check(GREY)
    assert set(np.unique(drawn)) == {0, 1}
    np.testing.assert_array_equal(schema.check(GREY[7:8]), drawn[7:8])
    np.testing.assert_array_equal(schema.check(GREY[::-1]), drawn[::-1])
    for again in (GREY.astype(np.float64), GREY.astype(np.int16), GREY.reshape(40, 64)):
        np.testing.assert_array_equal(schema.check(again), drawn)
    assert (schema.check(np.roll(GREY, 1, axis=1)) != np.roll(drawn, 1, axis=1)).any()


def test_draws_are_those_of_the_digest_for_good():
    """Whoever fitted a model to them finds the same ones in later versions."""
    grey = np.arange(64, dtype=np.uint8)[None] * 4
    drawn = binarise(grey, "fixed", 255).astype(np.uint8)
    assert sha256(drawn.tobytes()).hexdigest()[:16] == "8129aa63fcc74bf2"


def test_a_pixel_is_one_as_often_as_it_is_light():
    """Shares of 20,000 rows, told apart by their last pixels, within 5 standard errors. Draws are
    those of a digest, so that this holds for good or never."""
    n = 20_000
    grey = np.tile(np.array([0, 51, 204, 255, 0, 0], np.uint8), (n, 1)).astype(np.int64)
    grey[:, 4:] = np.stack(np.divmod(np.arange(n), 200), axis=1)
    shares = binarise(grey, "fixed", 255).mean(axis=0)
    assert (shares[0], shares[3]) == (0, 1)
    assert abs(shares[1] - 0.2) < 5 * np.sqrt(0.16 / n)
    assert abs(shares[2] - 0.8) < 5 * np.sqrt(0.16 / n)


def test_negative_zero_is_zero():
    grey = np.array([[0.0, 0.5, 0.25, 0.75]])
    np.testing.assert_array_equal(
        binarise(grey, "fixed", 1), binarise(np.where(grey == 0, -0.0, grey), "fixed", 1)
    )


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_rows_come_back_as_zeros_and_ones_in_their_type(how, dtype):
    schema = infer(GREY.astype(dtype), high=255, binarise=how)
    assert (schema.kind, schema.low, schema.high) == ("binary", 0, 1)
    assert (schema.binarised, schema.binarised_from) == (how, 255)
    rows = schema.check(GREY)
    back = schema.restore(rows)
    assert (back.dtype, back.shape) == (np.dtype(dtype), GREY.shape)
    np.testing.assert_array_equal(back, rows)
    # What the model draws is binarised already.
    np.testing.assert_array_equal(schema.check(back), rows)
    np.testing.assert_array_equal(schema.check(back.astype(bool)), rows)
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_real_numbers_of_one_range_are_grey():
    schema = infer(GREY / 255, binarise="threshold")
    assert (schema.binarised_from, schema.dtype) == (1, "float64")
    np.testing.assert_array_equal(schema.check(GREY / 255), GREY > 127)
    with pytest.raises(DataError, match=r"row 0 .*entry \(0, 0\): 1.5 is outside 0..1"):
        schema.check(np.full((1, 8, 8), 1.5))
    assert infer(GREY / 255, dtype="bool", binarise="threshold").restore(GREY > 9).dtype == bool


def test_later_rows_must_be_grey_of_the_same_range():
    schema = infer(GREY, binarise="threshold")
    for wrong, why in ((256, "is above 255"), (-1, "is below 0"), (0.5, "is not a whole number")):
        with pytest.raises(DataError, match=f"row 1 .*{why}; bounded data hold whole numbers"):
            schema.check(np.concatenate([GREY[:1], np.full((1, 8, 8), wrong)]))


def test_rows_of_zeros_and_ones_among_grey_ones_are_told_of():
    mixed = np.concatenate([GREY, np.zeros((1, 8, 8), np.uint8), np.eye(8, dtype=np.uint8)[None]])
    schema = infer(mixed, binarise="threshold")
    (caution,) = schema.cautions
    assert caution.startswith("1 row, the first of them row 41 (counting from 0), hold 0 and 1")
    np.testing.assert_array_equal(schema.check(mixed)[40:], mixed[40:])
    assert infer(mixed[:-1], binarise="threshold").cautions == ()


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (GREY, {"binarise": "stochastic"}, "legal are none, threshold, fixed, fresh"),
        (GREY, {"binarise": None}, "legal are none, threshold, fixed, fresh"),
        (GREY > 127, {}, "are 0 and 1 already; leave it out"),
        ((GREY > 127).astype(int), {}, "are 0 and 1 already; leave it out"),
        (GREY, {"kind": "real"}, "makes data binary, and kind='real' says others"),
        (GREY, {"kind": "count"}, "makes data binary, and kind='count' says others"),
        (RNG.normal(size=(9, 4)), {}, "these rows are real, .*; scale them to 0..1"),
        (RNG.poisson([3, 300], (50, 2)), {}, "these rows are count, .*largest value with high"),
    ],
)
def test_what_cannot_be_binarised(X, options, message):
    with pytest.raises(OptionError, match=message):
        infer(X, **({"binarise": "fixed"} | options))


def test_kind_may_say_what_comes_of_it():
    for kind in ("binary", "bounded"):
        assert infer(GREY, kind=kind, binarise="fixed") == infer(GREY, binarise="fixed")


def test_it_is_described():
    for how, told in (
        ("threshold", "binarised: threshold, 1 where a value of 0..255 is at least 127.5; the way"),
        ("fixed", "binarised: fixed, 1 with probability x / 255, drawn once for each row; the way"),
        ("fresh", "drawn anew in each epoch, and once for each row to score; the way moves"),
    ):
        text = "\n".join(infer(GREY, binarise=how).describe())
        assert told in text
        assert "of MNIST by some nats a row" in text
        assert "images: 8 × 8, grey" in text
    assert "binarised" not in "\n".join(infer(GREY).describe())


def test_probabilities_are_what_fresh_draws_come_from():
    schema = infer(GREY, binarise="fresh")
    np.testing.assert_allclose(schema.probabilities(GREY), GREY / 255, rtol=1e-6)
    rows = schema.check(GREY)
    np.testing.assert_array_equal(schema.probabilities(rows), rows)
    fixed = infer(GREY, binarise="fixed")
    np.testing.assert_array_equal(fixed.probabilities(GREY), fixed.check(GREY))
    with pytest.raises(OptionError, match="only binary rows have probabilities"):
        infer(GREY).probabilities(GREY)


def test_schemas_of_before_still_load():
    stored = infer(GREY).to_json()
    assert not {"flat", "binarised", "binarised_from"} & set(stored)
    assert Schema.from_json(stored) == infer(GREY)


@pytest.mark.parametrize(
    "change",
    [
        {"binarised": "fair"},
        {"binarised": None},
        {"binarised_from": None},
        {"binarised_from": 0.5},
        {"binarised_from": float("inf")},
        {"binarised_from": "255"},
        {"flat": "yes"},
        {"kind": "bounded", "high": 255.0},
    ],
    ids=str,
)
def test_altered_schemas_are_refused(change):
    stored = infer(GREY, binarise="fixed").to_json() | change
    with pytest.raises(FileError, match="schema: "):
        Schema.from_json(stored)


def test_images_that_are_black_and_white_are_pointed_to_it():
    black = np.where(GREY > 127, 255, 0).astype(np.uint8)
    (caution,) = infer(black).cautions
    assert caution.startswith("all values are 0 or 255: --binarise threshold")
    np.testing.assert_array_equal(infer(black, binarise="threshold").check(black), GREY > 127)
    np.testing.assert_array_equal(infer(black, binarise="fixed").check(black), GREY > 127)


def test_models_of_rows_binarised_otherwise_are_not_held_against_each_other(save_model, tmp_path):
    save_model(tmp_path / "a", (GREY > 127).astype(np.uint8), likelihood="bernoulli")
    model = jensen.load(tmp_path / "a").model_
    schemas = {how: infer(GREY, binarise=how) for how in WAYS}
    with pytest.raises(OptionError, match=r"binarised by threshold of 0..255 and B .* a draw"):
        require_same_units(model, model, (schemas["threshold"], schemas["fixed"]))
    # Both are scored on the same draws, and zeros and ones are the same to all.
    require_same_units(model, model, (schemas["fresh"], schemas["fixed"]))
    require_same_units(model, model, (schemas["threshold"], infer(GREY > 127)))


FLAT = GREY.reshape(40, 64)


def test_flat_bytes_are_square_images():
    schema = infer(FLAT)
    assert (schema.shape, schema.row_shape, schema.flat) == ((8, 8), (64,), True)
    rows = schema.check(FLAT)
    assert rows.shape == (40, 8, 8)
    np.testing.assert_array_equal(schema.check(GREY), rows)
    # As they were given, so they come back.
    np.testing.assert_array_equal(schema.restore(rows), FLAT)
    told = "images: 8 × 8, grey; flat rows read as images, --shape 64 for rows without an order"
    assert told in schema.describe()
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    asked = infer(FLAT, shape=(8, 8))
    assert (asked.flat, asked.restore(rows).shape) == (False, (40, 8, 8))
    assert infer(FLAT, binarise="fixed").shape == (8, 8)
    assert infer(FLAT.astype(float), dtype="uint8").shape == (8, 8)


@pytest.mark.parametrize(
    ("X", "options"),
    [
        pytest.param(FLAT, {"shape": (64,)}, id="asked"),
        pytest.param(FLAT.astype(np.int64), {}, id="no-bytes"),
        pytest.param(FLAT[:, :63], {}, id="no-square"),
        pytest.param(FLAT[:, :49], {}, id="small"),
        pytest.param(FLAT % 17, {}, id="dark"),
        pytest.param(FLAT, {"kind": "real"}, id="real"),
        pytest.param(FLAT, {"high": 300}, id="another-bound"),
        pytest.param(FLAT, {"names": tuple(f"p{n}" for n in range(64))}, id="names"),
    ],
)
def test_other_rows_have_no_shape_that_was_not_given(X, options):
    schema = infer(X, **options)
    assert (schema.shape, schema.flat) == ((X.shape[1],), False)
    assert not any("images" in line for line in schema.describe())


def test_digits_are_rows_of_64():
    digits = jensen.data.load("digits").X
    assert (digits.dtype, infer(digits).shape) == (np.float64, (64,))


def test_colour_is_told():
    assert "images: 8 × 8, colour" in infer(np.stack([GREY] * 3, axis=-1)).describe()
    assert "images: 8 × 8, grey" in infer(GREY[..., None]).describe()
    assert not any("images" in line for line in infer(GREY.reshape(40, 4, 4, 4)).describe())

"""MNIST's idx format: arrays come back, and damaged files are refused."""

import gzip
import struct
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jensen.data import load
from jensen.data.images import is_idx, read_idx
from jensen.errors import DataError, OptionError

CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def idx(X):
    """An array as the format has it."""
    header = bytes([0, 0, CODES[X.dtype.name], X.ndim]) + struct.pack(f">{X.ndim}I", *X.shape)
    return header + X.astype(X.dtype.newbyteorder(">")).tobytes()


@given(
    st.sampled_from(sorted(CODES)).flatmap(
        lambda name: arrays.arrays(name, arrays.array_shapes(max_dims=4, max_side=4))
    ),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_arrays_come_back(tmp_path_factory, X, packed):
    path = tmp_path_factory.mktemp("idx") / "x-ubyte"
    path.write_bytes(gzip.compress(idx(X)) if packed else idx(X))
    back = read_idx(path)
    assert (back.dtype, back.shape) == (X.dtype, X.shape)
    assert back.dtype.isnative
    assert back.tobytes() == X.tobytes()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("train-images-idx3-ubyte", "train-images"),
        ("train-images-idx3-ubyte.gz", "train-images"),
        ("t10k-images.idx3-ubyte", "t10k-images"),
        ("images.idx3-ubyte.gz", "images"),
        ("rows.idx", "rows"),
        ("rows.IDX3.GZ", "rows"),
        ("rows.idx.gz", "rows"),
        ("digits-ubyte", "digits"),
    ],
)
def test_names(tmp_path, name, kept):
    X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    data = idx(X)
    (tmp_path / name).write_bytes(gzip.compress(data) if name.lower().endswith(".gz") else data)
    assert is_idx(name)
    found = load(tmp_path / name)
    assert (found.name, found.X.dtype) == (kept, np.uint8)
    np.testing.assert_array_equal(found.X, X)
    with pytest.raises(OptionError, match=r"only \.npz files have keys"):
        load(tmp_path / name, key="a")


def test_other_names_are_none():
    assert not any(map(is_idx, ("idx.npy", "ubyte.csv", "x.gz", "images", "x.idxes")))


def test_compression_is_told_by_the_content(tmp_path):
    X = np.arange(8, dtype=np.int16).reshape(2, 4)
    (tmp_path / "x.idx.gz").write_bytes(idx(X))
    (tmp_path / "y.idx").write_bytes(gzip.compress(idx(X)))
    for name in ("x.idx.gz", "y.idx"):
        np.testing.assert_array_equal(load(tmp_path / name).X, X)


WHOLE = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
PACKED = gzip.compress(WHOLE)
BAD = {
    "empty": (b"", "the file is empty"),
    "short": (b"\0\0", "begins with 00 00, where"),
    "text": (b"a,b\n1,2\n", "is not in idx format: it begins with 61 2c 62 0a"),
    "type": (b"\0\0\x0a" + WHOLE[3:], "is not in idx format"),
    "axes": (b"\0\0\x08\0", "is not in idx format"),
    "header": (WHOLE[:9], "ends within its header"),
    "truncated": (WHOLE[:-1], r"2 x 3 x 4 numbers of uint8, and it ends before them"),
    "longer": (WHOLE + b"\0", "goes on behind them"),
    "none": (idx(np.zeros((0, 3, 4), np.uint8)), r"0 sample\(s\)"),
    "huge": (b"\0\0\x0e\3" + b"\xff" * 12 + b"\0" * 99, "ends before them"),
    "packed-and-huge": (gzip.compress(b"\0\0\x0e\3" + b"\xff" * 12), "ends before them"),
    "packed-and-truncated": (PACKED[:-9], "truncated or damaged; download it again"),
    "packed-and-damaged": (PACKED[:15] + b"\xff\xff\xff" + PACKED[18:], "truncated or damaged"),
    "not-packed": (b"\x1f\x8b\0\0", "truncated or damaged"),
    "labels": (idx(np.arange(9, dtype=np.uint8)), "as labels do; give the file of the images"),
    "nan": (idx(np.array([[1.0, np.nan]])), r"contains NaN, first at row 0 .*column 1"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, data, message):
    path = tmp_path / "x-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "train-images-idx3-ubyte.gz")


def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(tmp_path):
    """The bound for compressed files is a little above what deflate can make of a byte."""
    X = np.zeros((1000, 28, 28), np.uint8)
    (tmp_path / "x.idx.gz").write_bytes(gzip.compress(idx(X)))
    assert (tmp_path / "x.idx.gz").stat().st_size * 1100 > prod(X.shape)
    assert load(tmp_path / "x.idx.gz").X.shape == X.shape

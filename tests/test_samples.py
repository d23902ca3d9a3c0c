"""Sample and label files of every kind, and the broken ones."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.sim.data.whole import labels_beside, read_labels, read_samples
from threshc.tasks.samples import write_array


def _idx(array: np.ndarray, code: int) -> bytes:  # type: ignore[type-arg]
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_npy_npz_and_idx_give_the_same(tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x, y=np.array([1, 2]))
    (tmp_path / "x.idx").write_bytes(_idx(x, 0x08))
    (tmp_path / "x.idx.gz").write_bytes(gzip.compress(_idx(x, 0x08)))
    for name in ("x.npy", "x.npz", "x.idx", "x.idx.gz"):
        found = read_samples(tmp_path / name)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, x)


def test_idx_numbers_are_big_endian(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(_idx(np.array([[1, -2]], ">i4"), 0x0C))
    np.testing.assert_array_equal(read_samples(tmp_path / "x"), [[1, -2]])


def test_labels_beside_samples(tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", x=np.zeros((2, 3)), y=np.array([[7], [8]]))
    np.savez(tmp_path / "one.npz", x=np.zeros((2, 3)))
    found = labels_beside(tmp_path / "both.npz")
    assert found is not None
    assert found.tolist() == [7, 8]
    assert labels_beside(tmp_path / "one.npz") is None
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    assert labels_beside(tmp_path / "x.npy") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"hello, this is text", "format is not known"),
        (b"\0\0\x08\x02\0\0\0\x02", "damaged or truncated"),
        (_idx(np.zeros((2, 3), np.uint8), 0x08)[:-1], "damaged or truncated"),
        (b"\x93NUMPY\x01\x00", "this is not a .npy array"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
        (b"\x1f\x8b\x08\x00 not gzip", "cannot be read"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(CompileError, match=said) as caught:
        read_samples(path)
    assert str(path) in str(caught.value)


def test_pickles_are_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[print]], object), allow_pickle=True)
    with pytest.raises(CompileError, match="the array has dtype object, numbers are needed"):
        read_samples(tmp_path / "x.npy")


def test_missing_and_wrongly_shaped(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="No such file"):
        read_samples(tmp_path / "nothing.npy")
    np.save(tmp_path / "flat.npy", np.zeros(3))
    with pytest.raises(CompileError, match=r"samples have shape \(3,\), \(N, features\) is needed"):
        read_samples(tmp_path / "flat.npy")
    np.save(tmp_path / "half.npy", np.array([0.5]))
    with pytest.raises(CompileError, match=r"\(N,\) integers are needed"):
        read_labels(tmp_path / "half.npy")
    np.savez(tmp_path / "odd.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    with pytest.raises(CompileError, match="holds no array named x, X") as caught:
        read_samples(tmp_path / "odd.npz")
    assert "it holds a, b" in str(caught.value)


def test_write_array_keeps_the_name(tmp_path: Path) -> None:
    write_array(tmp_path / "labels", np.arange(3))
    np.testing.assert_array_equal(np.load(tmp_path / "labels"), [0, 1, 2])
    with pytest.raises(CompileError, match="cannot be written"):
        write_array(tmp_path / "no" / "labels", np.arange(3))

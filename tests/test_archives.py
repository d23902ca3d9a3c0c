"""Archives that checkpoints are kept in: bombs, damage and false sizes are errors, as checkpoints too."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from threshc.compiler.archives import read_npz, read_stored
from threshc.compiler.diagnostics import CompileError


def archive(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def false_header() -> bytes:
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (8000000000,), }".ljust(117) + "\n"
    return archive({"a.npy": b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()})


NOT_NPZ = {
    "no zip": (b"12345", "is not an .npz of a"),
    "cut off": (npz(a=np.zeros(1000))[:-30], "is not an .npz of a"),
    "another name": (npz(b=np.zeros(3)), "is not an .npz of a"),
    "objects": (npz(a=np.array([None])), "numbers are needed"),
    "false header": (false_header(), "takes 64,000,000,000 bytes; 2,147,483,648 bytes are the limit"),
    "no array": (archive({"a.npy": b"12345"}), "this is not a .npy array"),
}


@pytest.mark.parametrize("kind", NOT_NPZ)
def test_npz_that_are_refused(kind: str, tmp_path: Path) -> None:
    data, said = NOT_NPZ[kind]
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(CompileError, match=said):
        read_npz(tmp_path / "x", ("a",))


def test_npz_that_are_read(tmp_path: Path) -> None:
    wanted = np.arange(6.0).reshape(2, 3), np.array(2.5), np.array([], np.int64)
    (tmp_path / "x").write_bytes(npz(a=wanted[0], b=wanted[1], c=wanted[2]))
    for found, want in zip(read_npz(tmp_path / "x", ("a", "b", "c")), wanted, strict=True):
        assert (found.dtype, found.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(found, want)


def test_archives_that_hold_more_than_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(archive({"data": bytes(1 << 20)}, zipfile.ZIP_DEFLATED))
    with pytest.raises(CompileError, match=r"holds more than its bytes(.|\n)*hold 1,048,576"):
        read_stored(tmp_path / "bomb")
    (tmp_path / "none").write_bytes(b"PK\3\4 and so on")
    with pytest.raises(CompileError, match="is not a zip archive"):
        read_stored(tmp_path / "none")
    (tmp_path / "plain").write_bytes(plain := archive({"data": bytes(1000)}))
    assert read_stored(tmp_path / "plain") == plain


@pytest.mark.parametrize("data", [v[0] for v in NOT_NPZ.values()], ids=NOT_NPZ)
def test_checkpoints_of_convex_training(data: bytes, tmp_path: Path) -> None:
    from threshc.train.arrangement import Arrangement
    from threshc.train.convex_checkpoint import restore

    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ValueError, match="is not a checkpoint of convex training"):
        restore(tmp_path / "x", "name", Arrangement.__new__(Arrangement), np.random.default_rng(1))


@pytest.mark.parametrize("kind", ["bomb", "text", "pipe"])
def test_checkpoints_of_deep_training(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs PyTorch")
    import os

    from threshc.train.deep.checkpoint import Checkpoint

    path = tmp_path / "x"
    match kind:
        case "bomb":
            path.write_bytes(archive({"x/data.pkl": bytes(1 << 20)}, zipfile.ZIP_DEFLATED))
        case "text":
            path.write_bytes(b"12345")
        case _:
            os.mkfifo(path)
    with pytest.raises(CompileError, match="the file is not a checkpoint"):
        Checkpoint(path, "mark").read()

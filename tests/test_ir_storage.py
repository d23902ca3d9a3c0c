"""`.thresh` files: round trip, same bytes every time, and an error for every way a file can be wrong."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tangled import tangled

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir import storage
from threshc.compiler.ir.isomorphism import first_difference
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.storage import load_thresh, save


def large() -> Network:
    return networks.random_dense(np.random.default_rng(5), (100, 70, 5), "int", "uint8/255")


def npy(array: object, **options: bool) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), **options)
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def unpacked(path: Path) -> tuple[bytes, dict[str, bytes]]:
    """The text and the members of the inner zip of a good file."""
    with zipfile.ZipFile(path) as outer, zipfile.ZipFile(io.BytesIO(outer.read("arrays.npz"))) as inner:
        return outer.read("network.txt"), {name: inner.read(name) for name in inner.namelist()}


def message(path: Path) -> str:
    with pytest.raises(CompileError) as caught:
        load_thresh(path)
    assert all(str(path) in d.where for d in caught.value.diagnostics)
    first = caught.value.diagnostics[0]
    return first.why or first.what


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    path = tmp_path_factory.getbasetemp() / "random.thresh"
    network = tangled(np.random.default_rng(seed))
    save(network, path)
    assert first_difference(network, load_thresh(path), locs=True) is None


def test_large_round_trip_same_bytes_and_nothing_left(tmp_path: Path) -> None:
    save(large(), tmp_path / "a.thresh")
    save(large(), tmp_path / "b.thresh")
    assert (tmp_path / "a.thresh").read_bytes() == (tmp_path / "b.thresh").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.thresh", "b.thresh"]
    assert first_difference(large(), load_thresh(tmp_path / "a.thresh"), locs=True) is None
    with zipfile.ZipFile(tmp_path / "a.thresh") as archive, archive.open("arrays.npz") as file:
        assert set(np.load(io.BytesIO(file.read()))) == {"2.weights", "2.bias", "3.threshold", "4.weights"}


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    assert message(tmp_path / "none.thresh") == "No such file or directory"
    assert message(tmp_path) == "it is a folder"
    with pytest.raises(CompileError, match="cannot be written"):
        save(networks.xor(), tmp_path / "no" / "x.thresh")
    (tmp_path / "dir").mkdir()
    with pytest.raises(CompileError, match="cannot be written"):
        save(networks.xor(), tmp_path / "dir")
    assert [p.name for p in tmp_path.iterdir()] == ["dir"]


@pytest.mark.parametrize("data", [b"", b"text", b"PK\3\4", b"\0" * 1000])
def test_not_a_zip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.thresh"
    path.write_bytes(data)
    assert message(path) == "BadZipFile: File is not a zip file"


def test_truncated_anywhere_or_damaged(tmp_path: Path) -> None:
    """A file cut short is an error; with one byte changed it is an error or, where the zip does not look, the same."""
    path = tmp_path / "x.thresh"
    save(large(), path)
    data = path.read_bytes()
    for cut in range(0, len(data), len(data) // 40):
        path.write_bytes(data[:cut])
        message(path)
    for at in range(0, len(data), len(data) // 150):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        try:
            network = load_thresh(path)
        except CompileError:
            continue
        assert first_difference(large(), network, locs=True) is None


def test_members(tmp_path: Path) -> None:
    path = tmp_path / "x.thresh"
    save(networks.xor(), path)
    text, _ = unpacked(path)
    empty = zipped({})
    for members, said in (
        ({"network.txt": text}, "it holds 'network.txt', not 'network.txt', 'arrays.npz'"),
        ({}, "it holds nothing, not 'network.txt', 'arrays.npz'"),
        ({"network.txt": b"\xff\xfe", "arrays.npz": empty}, "network.txt is not UTF-8 text"),
        ({"network.txt": b"garbage", "arrays.npz": empty}, "expected 'network', found 'garbage'"),
        ({"network.txt": text, "arrays.npz": b"no"}, "BadZipFile: File is not a zip file"),
    ):
        path.write_bytes(zipped(members))
        assert message(path) == said


def test_zip_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are bounded as declared, and what is read is bounded by what is declared."""
    path = tmp_path / "x.thresh"
    monkeypatch.setattr(storage, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(storage, "MAX_TEXT", 1 << 16)
    empty = zipped({})
    path.write_bytes(zipped({"network.txt": b" " * (1 << 17), "arrays.npz": empty}))
    assert message(path) == f"unpacked it would have {(1 << 17) + len(empty)} bytes, more than 1048576 (65536 for text)"
    bomb = zipped({"0.bias.npy": b"\0" * (1 << 21)})
    path.write_bytes(zipped({"network.txt": b"", "arrays.npz": bomb}))
    assert message(path) == "unpacked it would have 2097152 bytes, more than 1048576 (65536 for text)"
    lying = zipped({"network.txt": b" " * (1 << 17), "arrays.npz": empty})
    path.write_bytes(lying.replace((1 << 17).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    assert message(path).startswith("BadZipFile: Bad CRC-32")
    path.write_bytes(b"x" * ((1 << 20) + 1))
    assert message(path) == "it has 1,048,577 bytes; 1,048,576 bytes are the limit"


def test_arrays(tmp_path: Path) -> None:
    path = tmp_path / "x.thresh"
    save(large(), path)
    text, arrays = unpacked(path)
    weights = np.load(io.BytesIO(arrays["2.weights.npy"]))
    good = npy(weights)
    huge = good.replace(b"(70, 800)", b"(7000000000, 800)").replace(b" " * 8, b"", 1)
    for content, said in (
        (npy(np.array([{}], object), allow_pickle=True), "2.weights.npy has dtype object; plain little-endian numbers"),
        (npy(weights.astype(np.uint8)), "2.weights.npy has dtype uint8; plain little-endian numbers"),
        (npy(weights.astype(">i2")), "2.weights.npy has dtype >i2; plain little-endian numbers"),
        (npy(np.asfortranarray(weights)), "2.weights.npy has dtype int8; plain little-endian numbers in C order"),
        (npy(np.array(3)), "2.weights.npy states shape [] and holds 8 bytes of int64"),
        (
            npy(weights.astype(np.int16)),
            "array @2.weights is int16[70, 800] in the side table, int8[70, 800] in the text",
        ),
        (npy(weights[:, 1:].copy()), "array @2.weights is int8[70, 799] in the side table, int8[70, 800] in the text"),
        (good[:-1], "2.weights.npy states shape [70, 800] and holds 55999 bytes of int8"),
        (huge, "2.weights.npy states shape [7000000000, 800] and holds 56000 bytes of int8"),
        (b"no array", "2.weights.npy is not an array: ValueError"),
        (good.replace(b"'descr'", b"__imp__"), "2.weights.npy is not an array: ValueError"),
        (b"", "2.weights.npy is not an array: ValueError"),
    ):
        inner = zipped(arrays | {"2.weights.npy": content})
        path.write_bytes(zipped({"network.txt": text, "arrays.npz": inner}))
        assert message(path).startswith(said), said
    arrays.pop("2.weights.npy")
    path.write_bytes(zipped({"network.txt": text, "arrays.npz": zipped(arrays)}))
    assert message(path) == "array @2.weights is not in the side table"


def test_loading_verifies(tmp_path: Path) -> None:
    path = tmp_path / "x.thresh"
    save(networks.xor(), path)
    text, _ = unpacked(path)
    bad = text.replace(b"compare %2 row=[0, 0]", b"compare %2 row=[0, 9]")
    path.write_bytes(zipped({"network.txt": bad, "arrays.npz": zipped({})}))
    assert message(path) == "row reaches outside the 1 sums"

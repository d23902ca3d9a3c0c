"""The image in a flash decoded to the network's integers: every bit of it, words and memories in another place."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from test_folded_spram import FOLD, chain, network

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.storage import save
from threshc.hdl.flow.flash_image import image_files
from threshc.hdl.flow.prove_flash import prove_flash
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.shell.image import HEADER, OFFSET, make_image

CHAIN = chain()
IMAGE = make_image(CHAIN.interface)


def repaired(data: bytes) -> bytes:
    """With the checksum that it then has."""
    crc = zlib.crc32(data[:20] + data[HEADER:])
    return data[:20] + struct.pack("<I", crc) + data[HEADER:]


def test_the_image_is_decoded() -> None:
    assert CHAIN.interface.load is not None
    assert prove_flash(CHAIN, IMAGE) == CHAIN.interface.load.words == 22


@pytest.mark.parametrize("byte", range(len(IMAGE)))
def test_no_bit_may_be_another_one(byte: int) -> None:
    for bit in range(8):
        data = bytearray(IMAGE)
        data[byte] ^= 1 << bit
        for changed in (bytes(data), repaired(bytes(data))):
            if changed == IMAGE:
                continue  # a bit of the checksum, repaired
            with pytest.raises(Unproved):
                prove_flash(CHAIN, changed)


def at(words: list[int]) -> bytes:
    """The image with its words in another order."""
    body = struct.unpack("<22H", IMAGE[HEADER:])
    return repaired(IMAGE[:HEADER] + struct.pack("<22H", *(body[k] for k in words)))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin"),
        (IMAGE[1:], "does not begin"),
        (IMAGE[:-1], "bytes of them"),
        (IMAGE + b"\xff", "bytes of them"),
        (repaired(IMAGE[:16] + struct.pack("<I", 23) + IMAGE[20:] + b"\0\0"), "says 23 words"),
        (IMAGE[:20] + b"\0\0\0\0" + IMAGE[24:], "checksum is wrong"),
        (repaired(IMAGE[:8] + bytes(8) + IMAGE[16:]), "another network"),
        (at([1, 0, *range(2, 22)]), "part "),
        (at([*range(16), 17, 16, *range(18, 22)]), "part "),
        (at([*range(8, 16), *range(8), *range(16, 22)]), "part |bits beyond"),
        (at([*range(7), 8, 7, *range(9, 22)]), "part |bits beyond"),
    ],
    ids=["empty", "moved", "cut", "longer", "count", "checksum", "mark", "words", "last layer", "memories", "border"],
)
def test_other_images(data: bytes, why: str) -> None:
    with pytest.raises(Unproved, match=why):
        prove_flash(CHAIN, data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `build` leaves it for a board, as far as it is read here."""
    place = tmp_path_factory.mktemp("flash")
    save(network(), place / "m.thresh")
    out = place / "out"
    threshc.compile(place / "m.thresh", out, fold=FOLD, samples=3, simulator="amaranth")
    report = json.loads((out / "report.json").read_text())
    report["built"] = {"bitstream": "net.bin", "loading": {"flash": True}}
    (out / "report.json").write_text(json.dumps(report))
    (out / "project").mkdir()
    (out / "project" / "weights.hex").write_text(image_files(IMAGE)["weights.hex"])
    (out / "net.bin").write_bytes(b"\x7e" * 100 + b"\xff" * (OFFSET - 100) + IMAGE)
    return out


@pytest.mark.slow
def test_prove_reads_the_folders_images(folder: Path) -> None:
    proof = threshc.prove(folder)
    assert (
        "22 words of weights in net.bin, from 0x20000 on, and in project/weights.hex, read back to the network"
        in str(proof)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "how", "why"),
    [
        ("net.bin", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "its checksum is wrong"),
        ("net.bin", lambda data: data[:OFFSET], "does not begin"),
        ("net.bin", lambda data: b"\xff" + data, "does not begin"),
        ("project/weights.hex", lambda data: data.replace(b"7", b"8", 1), "does not begin"),
        ("project/weights.hex", lambda data: data[:-9] + b"x", "not hexadecimal"),
        ("net.bin", None, "does not exist|No such file|cannot"),
    ],
    ids=["bit", "none", "moved", "hex", "no hex", "missing"],
)
def test_prove_refuses_another(folder: Path, name: str, how: Callable[[bytes], bytes] | None, why: str) -> None:
    file = folder / name
    kept = file.read_bytes()
    try:
        file.unlink() if how is None else file.write_bytes(how(kept))
        with pytest.raises(CompileError, match=why) as caught:
            threshc.prove(folder)
        assert name in str(caught.value)
    finally:
        file.write_bytes(kept)

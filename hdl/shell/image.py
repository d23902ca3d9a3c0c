"""The weights that a board loads at start, as a file: header and words, and where they lie in the flash.

    offset   bytes   what
    0        4       "thrw"
    4        2       version, 1
    6        2       bytes of this header, 24
    8        8       fingerprint of the network and its answers, as in a pong (`threshc.hdl.shell.protocol`)
    16       4       number of words
    20       4       CRC-32 (as zlib's) of the 20 bytes before and of all words
    24       2 each  words, memory by memory, each from its address 0 on

All numbers have their lowest byte first. The board is made with the CRC of its own image: it takes no other one.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.hdl.interface import Interface
from threshc.hdl.shell.protocol import fingerprint

OFFSET = 0x20000
"""Where the image lies in a flash, behind the bitstream: 128 KiB, two blocks that are erased whole."""
COVERED = 20
"""Bytes of the header that the CRC covers."""
_MAGIC, _VERSION = b"thrw", 1
_HEADER = struct.Struct("<4sHH8sII")
HEADER = _HEADER.size


def image_size(interface: Interface) -> int:
    """Returns the bytes of the image of a circuit that has a port for loading."""
    assert interface.load is not None
    return HEADER + 2 * interface.load.words


def make_image(interface: Interface) -> bytes:
    """Returns the image of a circuit whose interface has a port for loading."""
    load = interface.load
    assert load is not None
    words = b"".join(memory.astype("<u2").tobytes() for memory in load.contents)
    head = _HEADER.pack(_MAGIC, _VERSION, HEADER, fingerprint(interface), load.words, 0)[:COVERED]
    return head + struct.pack("<I", zlib.crc32(head + words)) + words


def image_crc(image: bytes) -> int:
    """Returns the CRC-32 that a whole image has to have."""
    return zlib.crc32(image[:COVERED] + image[HEADER:])


def read_image(data: bytes) -> tuple[bytes, NDArray[np.uint16]]:
    """Returns the fingerprint and the words, (n,) uint16, of an image. Raises CompileError where it is not one, or
    damaged."""

    def wrong(why: str) -> Exception:
        return fail("this is not an image of weights", where="weights", why=why, hint="build it again")

    if len(data) < HEADER or data[:4] != _MAGIC:
        raise wrong('it does not begin with "thrw"')
    _, version, size, mark, words, crc = _HEADER.unpack(data[:HEADER])
    if (version, size) != (_VERSION, HEADER):
        raise wrong(f"it has version {version} and a header of {size} bytes, not {_VERSION} and {HEADER}")
    body = data[HEADER:]
    if len(body) != 2 * words:
        raise wrong(f"it has {len(body)} bytes of words, not {2 * words}")
    if image_crc(data) != crc:
        raise wrong("its checksum is wrong")
    return mark, np.frombuffer(body, "<u2").astype(np.uint16)

"""The check byte of the board protocol, for the host's side (the board's is `amaranth.lib.crc`)."""

from __future__ import annotations

POLYNOMIAL = 0x07  # CRC-8/SMBUS: x^8 + x^2 + x + 1, starts at 0, nothing reflected or inverted


def crc8(data: bytes) -> int:
    """Returns the CRC-8/SMBUS of some bytes, 0..255."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (POLYNOMIAL if crc & 0x80 else 0)) & 0xFF
    return crc

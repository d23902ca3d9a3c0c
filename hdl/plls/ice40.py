"""The PLL of iCE40, its limits after Lattice FPGA-TN-02052 (iCE40 sysCLOCK PLL) and the data sheets of the devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from threshc.hdl.plls.base import Pll, Setting, each_frequency, multiples

MHZ = 1_000_000
_REFERENCE, _VCO, _OUT = (10 * MHZ, 133 * MHZ), (533 * MHZ, 1066 * MHZ), (16 * MHZ, 275 * MHZ)
_FILTERS = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5))
"""FILTER_RANGE by the frequency at the phase detector in MHz, below each; 6 above."""


def _filter(hz: Fraction) -> int:
    return next((number for below, number in _FILTERS if hz < below * MHZ), 6)


def _all(hz: Fraction) -> Iterator[Setting]:
    for divr in range(16):
        detector = hz / (divr + 1)
        if not _REFERENCE[0] <= detector <= _REFERENCE[1]:
            continue
        for factor in multiples(*_VCO, detector, 128):
            vco = detector * factor
            for divq in range(1, 7):
                if _OUT[0] <= vco / 2**divq <= _OUT[1]:
                    numbers = {"DIVR": (divr, 4), "DIVF": (factor - 1, 7), "DIVQ": (divq, 3)}
                    yield Setting(vco / 2**divq, vco, {**numbers, "FILTER_RANGE": (_filter(detector), 3)})


def settings(part: str, hz: Fraction) -> Iterable[Setting]:
    """Returns the settings for a reference, slowest first: hz * (DIVF + 1) / (DIVR + 1) / 2**DIVQ."""
    return each_frequency(_all(hz), sum(_VCO) // 2).values()


PLL = Pll(
    cell="SB_PLL40_CORE",
    reference="REFERENCECLK",
    output="PLLOUTGLOBAL",
    locked="LOCK",
    settings=settings,
    source="Lattice FPGA-TN-02052",
    tied={"RESETB": 1, "BYPASS": 0},
    parameters={"FEEDBACK_PATH": "SIMPLE"},
    pad=("SB_PLL40_PAD", "PACKAGEPIN"),
)

"""The PLL of Gowin's LittleBee and Arora, its limits after Gowin DS117 and DS226."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

from threshc.hdl.plls.base import Pll, Setting, each_frequency, multiples

MHZ = 1_000_000
_ODIV = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)


class _Limits(NamedTuple):
    """Of a device, in Hz: the phase detector's frequency, the oscillator's, and the output's. device: its name as the
    cell's parameter has it."""

    device: str
    detector: tuple[int, int]
    vco: tuple[int, int]
    out: tuple[int, int]


_LIMITS = {
    "GW1NR-LV9": _Limits("GW1NR-9C", (3 * MHZ, 400 * MHZ), (400 * MHZ, 1200 * MHZ), (3_125_001, 600 * MHZ)),
    "GW2AR-LV18": _Limits("GW2AR-18C", (3 * MHZ, 500 * MHZ), (500 * MHZ, 1250 * MHZ), (3_906_251, 625 * MHZ)),
}


def _all(limits: _Limits, hz: Fraction) -> Iterator[Setting]:
    for divider in range(1, 65):
        detector = hz / divider
        if not limits.detector[0] <= detector <= limits.detector[1]:
            continue
        for factor in multiples(*limits.out, detector, 64):
            for out in _ODIV:
                vco = detector * factor * out
                if limits.vco[0] <= vco <= limits.vco[1]:
                    numbers = {"IDIV_SEL": (divider - 1, 0), "FBDIV_SEL": (factor - 1, 0), "ODIV_SEL": (out, 0)}
                    reference = f"{float(hz) / MHZ:g}"
                    yield Setting(detector * factor, vco, {"FCLKIN": reference, "DEVICE": limits.device, **numbers})


def settings(part: str, hz: Fraction) -> Iterable[Setting]:
    """Returns the settings of a device for a reference, slowest first: hz * (FBDIV_SEL + 1) / (IDIV_SEL + 1)."""
    limits = next(limits for name, limits in _LIMITS.items() if part.startswith(name))
    return each_frequency(_all(limits, hz), sum(limits.vco) // 2).values()


_STATIC = ("DYN_IDIV_SEL", "DYN_FBDIV_SEL", "DYN_ODIV_SEL", "DYN_DA_EN", "CLKOUT_BYPASS", "CLKOUTP_BYPASS")
PLL = Pll(
    cell="rPLL",
    reference="CLKIN",
    output="CLKOUT",
    locked="LOCK",
    settings=settings,
    source="Gowin DS117, DS226",
    tied={"RESET": 0, "RESET_P": 0, "CLKFB": 0},
    parameters={**dict.fromkeys(_STATIC, "false"), "CLKOUTD_BYPASS": "false", "CLKFB_SEL": "internal"},
)

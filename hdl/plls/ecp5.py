"""The PLL of ECP5, its limits after Lattice FPGA-DS-02012, its settings as Project Trellis' ecppll writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from threshc.hdl.plls.base import Pll, Setting, each_frequency, multiples

MHZ = 1_000_000
_DETECTOR, _VCO, _OUT = (10 * MHZ, 400 * MHZ), (400 * MHZ, 800 * MHZ), (10 * MHZ, 400 * MHZ)
_MOST_FEEDBACK, _MOST = 80, 128


def _feedback(factor: int, vco: Fraction) -> tuple[int, int] | None:
    """Dividers (CLKFB, CLKOP) whose product is the oscillator's factor, with CLKOP's frequency within its range."""
    ways = ((factor // op, op) for op in range(1, _MOST + 1) if factor % op == 0 and factor // op <= _MOST_FEEDBACK)
    return next(((fb, op) for fb, op in ways if _OUT[0] <= vco / op <= _OUT[1]), None)


def _all(hz: Fraction) -> Iterator[Setting]:
    for divider in range(1, _MOST + 1):
        detector = hz / divider
        if not _DETECTOR[0] <= detector <= _DETECTOR[1]:
            continue
        for factor in multiples(*_VCO, detector, _MOST * _MOST_FEEDBACK):
            vco = detector * factor
            loop = _feedback(factor, vco)
            if loop is None:
                continue
            for out in range(1, _MOST + 1):
                if _OUT[0] <= vco / out <= _OUT[1]:
                    numbers = {"CLKI_DIV": divider, "CLKFB_DIV": loop[0], "CLKOP_DIV": loop[1], "CLKOS_DIV": out}
                    numbers |= {"CLKOP_CPHASE": loop[1] // 2, "CLKOS_CPHASE": loop[1] // 2}
                    yield Setting(vco / out, vco, {name: (number, 0) for name, number in numbers.items()})


def settings(part: str, hz: Fraction) -> Iterable[Setting]:
    """Returns the settings for a reference, slowest first: hz * CLKFB_DIV * CLKOP_DIV / CLKI_DIV / CLKOS_DIV."""
    return each_frequency(_all(hz), sum(_VCO) // 2).values()


_OFF = ("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE")
_LOW = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP", "ENCLKOS")
PLL = Pll(
    cell="EHXPLLL",
    reference="CLKI",
    output="CLKOS",
    locked="LOCK",
    settings=settings,
    source="Lattice FPGA-DS-02012",
    loop=("CLKOP", "CLKFB"),
    tied={**dict.fromkeys(_LOW, 0), **dict.fromkeys(("PHASEDIR", "PHASESTEP", "PHASELOADREG"), 1)},
    parameters={
        **dict.fromkeys(_OFF, "DISABLED"),
        **{f"OUTDIVIDER_MUX{letter}": f"DIV{letter}" for letter in "ABCD"},
        **dict.fromkeys(("CLKOP_ENABLE", "CLKOS_ENABLE"), "ENABLED"),
        "CLKOP_FPHASE": (0, 0),
        "CLKOS_FPHASE": (0, 0),
        "FEEDBK_PATH": "CLKOP",
    },
    attributes={"ICP_CURRENT": "12", "LPF_RESISTOR": "8", "MFG_ENABLE_FILTEROPAMP": "1", "MFG_GMCREF_SEL": "2"},
)

"""The PLL of GateMate, its limits after Cologne Chip DS1001; nextpnr searches its dividers, and says what it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from threshc.hdl.plls.base import Pll, Setting, each_frequency, multiples

MHZ = 1_000_000
_VCO = (1250 * MHZ, 2500 * MHZ)
_OUT = (10 * MHZ, 1666 * MHZ // 4)
_SECOND = 833_335_000
"""The most Hz behind the first of the two dividers in the loop; N cannot be a prime number at high frequencies."""
_STEP = 100
"""Hz: the frequency is handed on as a decimal number of MHz, of which nextpnr reads four digits."""


def _text(hz: Fraction) -> str:
    whole, rest = divmod(int(hz), MHZ)
    return f"{whole}.{rest:06d}".rstrip("0") + ("0" if not rest else "")


def _all(hz: Fraction) -> Iterator[Setting]:
    """Oscillator 4 * hz * N / 2 and output hz * N / (2 * M): N1 * N2 of the loop, M1 * M2, even or 1, behind it."""
    for factor in multiples(_VCO[0] + 1, _VCO[1], 2 * hz, 64 * 1024):
        vco = 2 * hz * factor
        if not any(factor % n1 == 0 and vco / 2 / n1 <= _SECOND for n1 in range(1, 65)):
            continue
        for divider in (1, *range(2, 1 + int(vco / 4 / _OUT[0]), 2)):
            out = vco / 4 / divider
            if _OUT[0] <= out <= _OUT[1] and out % _STEP == 0:
                yield Setting(out, vco, {"REF_CLK": _text(hz), "OUT_CLK": _text(out)})


def settings(part: str, hz: Fraction) -> Iterable[Setting]:
    """Returns the settings for a reference, slowest first: those that the dividers make exactly, in steps of 100 Hz."""
    return each_frequency(_all(hz), sum(_VCO) // 2).values()


PLL = Pll(
    cell="CC_PLL",
    reference="CLK_REF",
    output="CLK0",
    locked="USR_PLL_LOCKED",
    settings=settings,
    source="Cologne Chip DS1001",
    tied={"CLK_FEEDBACK": 0, "USR_CLK_REF": 0, "USR_LOCKED_STDY_RST": 0},
    parameters={
        "PERF_MD": "SPEED",
        "LOW_JITTER": (1, 0),
        "CI_FILTER_CONST": (2, 0),
        "CP_FILTER_CONST": (4, 0),
        "LOCK_REQ": (1, 0),
    },
    said=r"PLL fout= ([\d.]+) MHz",
)

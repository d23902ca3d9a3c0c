"""Windows that are shift registers: right taps, and every transfer in the cycle that the model says."""

from __future__ import annotations

import pytest
from folded_shifts import check

from threshc.hdl.folded.scan import Scan


@pytest.mark.parametrize("seed", range(30))
def test_random_windows_are_right_in_every_cycle(seed: int) -> None:
    assert check(seed) > 0


@pytest.mark.parametrize(
    ("scan", "steps"),
    [
        (Scan(28, 28, (3, 3)), 784),
        (Scan(28, 28, (3, 3), pads=(1, 1, 1, 1)), 784 + 29),
        (Scan(28, 28, (2, 2), (2, 2)), 784),
        (Scan(28, 28, (5, 5), pads=(2, 2, 2, 2)), 784 + 58),
        (Scan(4, 4, (1, 1), pads=(0, 2, 0, 2)), 38),
        (Scan(4, 4, (1, 1), pads=(1, 0, 0, 0)), 20),
    ],
)
def test_a_sample_takes_its_pixels_and_what_the_last_windows_reach_below_it(scan: Scan, steps: int) -> None:
    assert scan.steps == steps

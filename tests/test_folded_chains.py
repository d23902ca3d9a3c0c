"""Folded chains in Amaranth's simulator: every bit, and every transfer in the cycle that the model says.

`python tests/folded_chains.py 0 200` does the same on more of them.
"""

from __future__ import annotations

import folded_chains
import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "unrolled"), [(s, 0.0) for s in range(40)] + [(s, 0.5) for s in range(40, 60)])
def test_random_chains(seed: int, unrolled: float) -> None:
    """unrolled: how many of the layers are, about; their registers stall together, with a second place or without."""
    assert folded_chains.check(seed, unrolled) > 0

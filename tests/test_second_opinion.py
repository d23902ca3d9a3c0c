"""Rows of the pattern tables, every hidden bit compared with a program that is not ours."""

from __future__ import annotations

import pytest
from patterns import PATTERNS, Pattern
from second_opinion import agree
from test_patterns import samples

pytestmark = pytest.mark.slow

WITHOUT = (
    "Dropout, Identity, DebugMarker",  # qonnx wants an attribute that its own exports leave out
    "MatMul, weights on the left, of one sample in a column",  # its samples are columns
)
ROWS = [p for p in PATTERNS if p.group in ("Layers", "Maps", "Moves", "Dialects") and p.name not in WITHOUT]


@pytest.mark.parametrize("p", ROWS, ids=lambda p: f"{p.group}: {p.name}")
def test_hidden_bits_are_those_of_onnxruntime_or_qonnx(p: Pattern) -> None:
    agree(p.build(), samples(p)[:16], p.input)

"""Rows of the pattern tables, every hidden bit compared with a program that is not ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_onnxruntime_leaves_nothing_in_the_folder_for_temporary_files(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    program = "import os, sys, threshc; r = threshc.verify(sys.argv[1], rtl=False); print(r.peer, os.environ['TMPDIR'])"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", program, str(root / "examples/digits/digits.onnx")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.startswith("onnxruntime")
    assert done.stdout.split()[-1] == str(tmp_path)
    assert os.listdir(tmp_path) == []

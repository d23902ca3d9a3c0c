"""Every row of the table in docs/reference/onnx.md: float evaluator = reference = packed; it is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frontend_compare import compare
from patterns import PATTERNS, Pattern
from refusals import REFUSALS, Refusal

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Affine
from threshc.compiler.frontend.load import load, lower_model
from threshc.compiler.passes.pipeline import optimize
from threshc.sim import packed, reference

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = 64


def samples(p: Pattern) -> np.ndarray:
    """Real features (N, *shape) float32 of a pattern, the extremes of a stated encoding among them."""
    rng = np.random.default_rng(7)
    encoding = lower_model(p.build(), input=p.input).network.input.encoding
    if not isinstance(encoding, Affine):
        return rng.normal(size=(SAMPLES, *p.shape)).astype(np.float32)
    integers = rng.integers(encoding.lo, encoding.hi, (SAMPLES, *p.shape), endpoint=True)
    integers[0], integers[1] = encoding.lo, encoding.hi
    return encoding.real(integers)


@pytest.mark.parametrize("p", PATTERNS, ids=lambda p: f"{p.group}: {p.name}")
def test_pattern(p: Pattern) -> None:
    x = samples(p)
    compare(p.build(), x, p.input)
    small = optimize(lower_model(p.build(), input=p.input).network)
    slow, fast = reference.run(small, x), packed.run(small, x)
    for a, b in zip((*slow.bits, *slow.values), (*fast.bits, *fast.values), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("r", REFUSALS, ids=lambda r: r.name)
def test_refusal(r: Refusal) -> None:
    with pytest.raises(CompileError) as caught:
        load(r.build(), input=r.input)
    assert r.words in str(caught.value)
    first = caught.value.diagnostics[0]
    assert first.where
    assert first.why or first.hint


def test_names_are_unique() -> None:
    names = [(p.group, p.name) for p in PATTERNS]
    assert len(set(names)) == len(names)


def test_table_in_the_documentation_is_up_to_date() -> None:
    script = ROOT / "docs" / "make_onnx_table.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

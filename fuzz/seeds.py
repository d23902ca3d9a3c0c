"""The valid models that mutations start from: one per supported pattern of the tests, and the random networks."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import onnx

TESTS = Path(__file__).resolve().parents[1] / "tests"


@cache
def seeds() -> tuple[tuple[str, onnx.ModelProto, str | None], ...]:
    """(name, model, input encoding) of each, the same in every run."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    models, patterns = import_module("onnx_models"), import_module("patterns").PATTERNS
    found: list[tuple[str, onnx.ModelProto, str | None]] = [(p.name, p.build(), p.input) for p in patterns]
    kinds, heads = ("pm1", "ternary", "int", "scaled", "latent"), ("scores", "argmax", "topk", "softmax", "step")
    for k, spelling in enumerate(models.STEP_SPELLINGS):
        model = models.random_mlp(k, (6, 5, 4), kinds[k % 5], spelling, k % 2 == 0, k % 3 == 0, heads[k % 5])
        found.append((f"mlp {spelling}", model, None))
    return tuple(found)

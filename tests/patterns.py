"""Every ONNX pattern that the front end supports, as one small model each.

`test_patterns.py` proves each: float32 evaluator = reference = packed in every hidden bit and output, on random inputs.
`docs/make_onnx_table.py` writes the same list into docs/reference/onnx.md, which then says nothing that is not tested.
"""

from __future__ import annotations

import patterns_dialects
import patterns_ends
import patterns_idioms
import patterns_inputs
import patterns_layers
import patterns_linear
import patterns_maps
import patterns_moves
import patterns_products
import patterns_steps
import patterns_types
import patterns_weights
from pattern import ROWS, Pattern, bits, conv, pm1, quant

GROUPS = ("Layers", "Steps", "Types", "Weights", "Maps", "Moves", "Dialects", "Outputs", "Inputs", "scikit-learn")
PATTERNS = sorted(ROWS, key=lambda p: GROUPS.index(p.group))

__all__ = [
    "GROUPS",
    "PATTERNS",
    "Pattern",
    "bits",
    "conv",
    "patterns_dialects",
    "patterns_ends",
    "patterns_idioms",
    "patterns_inputs",
    "patterns_layers",
    "patterns_linear",
    "patterns_maps",
    "patterns_moves",
    "patterns_products",
    "patterns_steps",
    "patterns_types",
    "patterns_weights",
    "pm1",
    "quant",
]

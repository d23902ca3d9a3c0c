"""The neuron architectures that tests go through, from the registry."""

from __future__ import annotations

import numpy as np

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.unrolled.neurons import ARCHITECTURES


def _takes_many_inputs(name: str) -> bool:
    try:
        ARCHITECTURES[name].check(np.ones((1, 200), np.int8))
    except CompileError:
        return False
    return True


WIDE = [name for name in ARCHITECTURES if _takes_many_inputs(name)]
"""Those that take neurons of any number of inputs."""

"""Compiles an engine with Numba, to a C function of this process and, where possible, to an image for the next ones."""

from __future__ import annotations

import sys
from typing import Any

from threshc.sim.packed.machine.elf import Image, link
from threshc.sim.packed.planes.layout import LEVELS, NUMBER_LEVELS, SPARSE, TRIPLE_LEVELS

NAMES = (
    "words",
    "planes",
    "team",
    *(f"rows_{n}_{width}" for n in LEVELS for width in (16, 32)),
    *(f"row_triples_{n}_{width}" for n in TRIPLE_LEVELS for width in (16, 32)),
    *(f"number_sums_{n}_{width}" for n in NUMBER_LEVELS for width in (16, 32)),
    *(f"sparse_{k}_{width}" for k in range(len(SPARSE)) for width in (16, 32)),
)
"""Everything that can be compiled: engines, and counting kernels by levels and bits of a literal."""


def compiled(name: str) -> Any:
    """Returns Numba's C callback of an engine or a kernel; compiles for up to some seconds."""
    function, signature = _function(name)
    cfunc: Any = _numba().cfunc
    return cfunc(signature, nopython=True, error_model="numpy", boundscheck=False)(function)


def _numba() -> Any:
    """Numba, imported whole. What an import leaves that fails (no memory for a library) is removed, so that the next
    one starts anew, and does not stumble over halves for as long as the process lives."""
    before = set(sys.modules)
    try:
        import numba
    except BaseException:
        for module in set(sys.modules) - before:
            if module.partition(".")[0] in ("numba", "llvmlite"):
                del sys.modules[module]
        raise
    return numba


def _function(name: str) -> tuple[Any, Any]:
    """The Python function of an engine or a kernel, and its type."""
    types = _numba().types

    from threshc.sim.packed.machine import simd
    from threshc.sim.packed.planes import number_sums, row_triples, rows, sparse_rows

    if name == "words":
        from threshc.sim.packed.words.kernels import execute_words as function
    elif name == "team":
        from threshc.sim.packed.machine.team import execute_team as function
    elif name == "planes":
        from threshc.sim.packed.planes.kernels import execute_planes as function
    else:
        kind, levels, width = name.rsplit("_", 2)
        makers: dict[str, Any] = {
            "rows": rows.make,
            "row_triples": row_triples.make,
            "number_sums": number_sums.make,
            "sparse": sparse_rows.make,
        }
        return makers[kind](int(levels), int(width)), simd.KERNEL
    return function, types.void(types.int64)


def image_of(callback: Any) -> Image | None:
    """Returns the machine code of a callback, None where it cannot be taken out of the process.

    That takes what Numba and llvmlite do not promise to keep. The callback itself does not, so whatever fails here only
    costs every process some seconds of compiling (tests/test_packed_numba.py says when a new version fails).
    """
    try:
        return _image_of(callback)
    except Exception:
        return None


def _image_of(callback: Any) -> Image:
    import llvmlite.binding as llvm
    from numba.core import codegen, config

    settings: Any = config  # read from NUMBA_CPU_NAME, NUMBA_CPU_FEATURES
    host: Any = codegen
    features = settings.CPU_FEATURES if settings.CPU_FEATURES is not None else host.get_host_cpu_features()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=settings.CPU_NAME or llvm.get_host_cpu_name(), features=features, opt=3, reloc="pic", codemodel="default"
    )
    module = llvm.parse_assembly(str(callback._library._final_module))
    return link(machine.emit_object(module), callback.native_name)

"""Compiles an engine with Numba, to a C function of this process and, where possible, to an image for the next ones."""

from __future__ import annotations

from typing import Any

from threshc.sim.packed.elf import Image, NotLinkable, link


def compiled(name: str) -> Any:
    """Numba's C callback of an engine; compiles for some seconds."""
    from numba import cfunc, types

    if name == "words":
        from threshc.sim.packed.words_kernels import execute_words as function
    elif name == "planes_16":
        from threshc.sim.packed.kernels import execute_planes_16 as function
    else:
        from threshc.sim.packed.kernels import execute_planes_32 as function
    options = {"nopython": True, "error_model": "numpy", "boundscheck": False}
    return cfunc(types.void(types.int64), **options)(function)


def image_of(callback: Any) -> Image | None:
    """The machine code of a callback, None where it cannot be taken out of the process."""
    import llvmlite.binding as llvm
    from numba.core import config
    from numba.core.codegen import get_host_cpu_features

    features = config.CPU_FEATURES if config.CPU_FEATURES is not None else get_host_cpu_features()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=config.CPU_NAME or llvm.get_host_cpu_name(), features=features, opt=3, reloc="pic", codemodel="default"
    )
    module = llvm.parse_assembly(str(callback._library._final_module))
    try:
        return link(machine.emit_object(module), callback.native_name)
    except NotLinkable:
        return None

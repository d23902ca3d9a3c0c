"""The packed simulator's machine code, made before it is needed."""

from __future__ import annotations

from threshc.compiler.progress import Progress


def warm(progress: Progress) -> int:
    """Compiles all machine code of the packed simulator that the cache does not have yet; returns the number of pieces.

    Takes about 20 seconds of one core. progress: is told the name of each piece.
    """
    from threshc.sim.packed.machine import code, image
    from threshc.sim.packed.machine.compile import NAMES

    missing = [name for name in NAMES if not (image.supported() and image.kept(name))]
    for k, name in enumerate(missing):
        progress(f"machine code {k + 1} of {len(missing)}: {name}")
        code.address(name)
    return len(missing)

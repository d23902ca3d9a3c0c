"""What a circuit can be exported as."""

from __future__ import annotations

from threshc.compiler.diagnostics import fail, option

AXI_STREAM, PLAIN = "axi-stream", "plain"
KINDS = (AXI_STREAM, PLAIN)


def checked_kind(kind: str) -> str:
    """Returns a kind of export. Raises CompileError where there is none of that name."""
    if kind not in KINDS:
        raise fail(f"there is no export {kind!r}", where=option("export_as"), hint=", ".join(KINDS))
    return kind

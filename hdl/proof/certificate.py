"""The certificate: the circuit bit by bit, and what the compiler says about it. Plain JSON, gzipped.

Nodes are numbers: 0 is the constant 0, 1..inputs the bits of the input payload, then tables and registers, each larger
than what it reads. A literal is 2 * node + inverted.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from threshc.compiler.diagnostics import fail

FORMAT = "threshc certificate 1"
Word = list[int]


@dataclass(frozen=True, slots=True)
class Certificate:
    """network: SHA-256 of the network's text form and constants; inputs: input bits; latency: registers on every path.

    luts: [node, operands, table] (bit i of the table: operand j is bit j of i); registers: [node, sampled node];
    values: the literals of the IR's values by number, in row-major order, integers as words of digits, lowest first;
    outputs: the output payload; fields: [value, offset, width];
    claims: [columns, steps, word] (`threshc.hdl.luts.claims.Claim`), steps [column, inputs, [[column, term], ..]];
    selections: [larger, best word, best index] for every match of an arg-max tree, in order;
    replaced: [node, operands, table, window] of every table that is emitted otherwise because of patterns that never
    occur. The window, [nodes, leaves] of each group, says which are considered: all combinations of what the nodes of
    each group take over all values of its leaves (`threshc.hdl.proof.dontcare`). All else is about
    `luts` as they stand.
    """

    network: str
    name: str
    inputs: int
    latency: int
    luts: list[list[Any]]
    registers: list[list[int]]
    values: dict[str, Word]
    outputs: Word
    fields: list[list[int]]
    claims: list[list[Any]]
    selections: list[list[Any]]
    replaced: list[list[Any]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Byte for byte the same for the same certificate."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"))
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(gzip.compress(text.encode(), 6, mtime=0))
        partial.replace(path)


def read(path: Path) -> Certificate:
    """A certificate file. Raises CompileError where it is not one."""
    try:
        data = json.loads(gzip.decompress(path.read_bytes()))
        if data.pop("format") != FORMAT:
            raise ValueError("it has another format")
        return Certificate(**data)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise fail("this is not a certificate", where=str(path), why=str(problem)) from None

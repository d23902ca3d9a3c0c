"""The certificate: the circuit bit by bit, and what the compiler says: docs/reference/certificates.md. JSON in gzip.

Nodes are numbers: 0 is the constant 0, 1..inputs the bits of the input payload, then tables and registers, each larger
than what it reads. A literal is 2 * node + inverted.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = "threshc certificate 2"
MAX_TEXT = 128 << 20
"""Bytes of a certificate, packed or not."""
MAX_VALUES = 1 << 24
"""Values of its JSON text."""
Nodes = tuple[int, ...]
Word = tuple[int, ...]
"""Literals of digits, lowest first."""
Term = tuple[int, ...]
"""The parity of one or two literals."""


class Lut(NamedTuple):
    """Bit i of the table is the value of `node` where operand j is bit j of i."""

    node: int
    operands: Nodes
    table: int


class Register(NamedTuple):
    """`node` is what node `samples` was one clock earlier."""

    node: int
    samples: int


class Field(NamedTuple):
    """The next `width` bits of the output payload are a value of the network: `class`, `scores`, `bits`, or `tapK`."""

    name: str
    value: int
    width: int


class Step(NamedTuple):
    """Terms of weight 2**column replaced by (column, term): the sums are equal modulo 2**width of the heap."""

    column: int
    inputs: tuple[Term, ...]
    outputs: tuple[tuple[int, Term], ...]


class Claim(NamedTuple):
    """The literals columns[c] of weight 2**c add up, by steps, to the unsigned word modulo 2**len(word)."""

    columns: tuple[Word, ...]
    steps: tuple[Step, ...]
    word: Word


class Selection(NamedTuple):
    """One match of the arg-max tree: whether the right word is larger, the larger word, its place."""

    larger: int
    word: Word
    place: Word


class Group(NamedTuple):
    """The patterns that nodes take together over all values of the leaves."""

    nodes: Nodes
    leaves: Nodes


class Replacement(NamedTuple):
    """Table `node` is emitted as `table` over `operands`: equal for all combinations of the cut's patterns."""

    node: int
    operands: Nodes
    table: int
    cut: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """network: SHA-256 of the network (`threshc.hdl.proof.fingerprint`); name: of the Verilog module; inputs: input
    bits; latency: registers on every path; fields: what the output payload is made of, lowest bit first.

    luts, registers: the circuit; values: the literals of the bits of the network's sums, comparisons, reductions and
    arg-max, by number of the value, in row-major order, integers as words of digits, empty for a sum that only
    comparisons read; outputs: the output payload; claims: heaps that are added up; selections: one for every match of
    an arg-max tree, in order; replaced: tables that are emitted otherwise because of patterns that never occur
    (`threshc.hdl.proof.dontcare`), all else is about `luts` as they stand.
    """

    network: str
    name: str
    inputs: int
    latency: int
    fields: tuple[Field, ...]
    luts: tuple[Lut, ...]
    registers: tuple[Register, ...]
    values: dict[int, Word]
    outputs: Word
    claims: tuple[Claim, ...]
    selections: tuple[Selection, ...]
    replaced: tuple[Replacement, ...] = ()

    def text(self) -> str:
        """Returns the JSON text, the same for the same certificate."""
        items: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps({"format": FORMAT, **items}, separators=(",", ":"))

    def write(self, path: Path) -> None:
        """Writes the file, byte for byte the same for the same certificate. Raises CompileError where it cannot."""
        from threshc.compiler.diagnostics import fail, option
        from threshc.compiler.files import write_whole

        text = self.text().encode()
        values = sum(text.count(sign) for sign in (b",", b"[", b"{"))
        if len(text) > MAX_TEXT or values > MAX_VALUES:
            why = f"{len(text):,} bytes and {values:,} values; {MAX_TEXT:,} and {MAX_VALUES:,} are the limits"
            raise fail(
                "the certificate is too large to be read again",
                where=str(path),
                why=why,
                hint=f"prove layers alone, with {option('layer')}",
            )
        write_whole(path, gzip.compress(text, 6, mtime=0))

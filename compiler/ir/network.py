"""A network: operations in topological order, and its named outputs. Valid by construction."""

from __future__ import annotations

from dataclasses import dataclass, field

from threshc.compiler.ir.ops import Input, Op, Output, Value, operands
from threshc.compiler.ir.text import print_network
from threshc.compiler.ir.types import ValueType
from threshc.compiler.ir.verifier import verify


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A threshold network as bits and exact integers.

    ops[0] is the only Input; ops[v] makes value v. Construction runs the verifier, so every Network is valid
    (raises CompileError with every rule broken otherwise). `types[v]` is the type of value v.
    """

    name: str
    ops: tuple[Op, ...]
    outputs: tuple[Output, ...]
    types: tuple[ValueType, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", verify(self.ops, self.outputs))

    @property
    def input(self) -> Input:
        """The network's only Input."""
        op = self.ops[0]
        assert isinstance(op, Input)
        return op

    def output(self, kind: str) -> Output | None:
        """Returns the first output of a kind (`class`, `scores`, `bits`), or None."""
        return next((o for o in self.outputs if o.kind == kind), None)

    def users(self) -> tuple[tuple[Value, ...], ...]:
        """Returns, for every value, the operations that read it, in order."""
        found: list[list[Value]] = [[] for _ in self.ops]
        for v, op in enumerate(self.ops):
            for x in dict.fromkeys(operands(op)):
                found[x].append(v)
        return tuple(map(tuple, found))

    def __str__(self) -> str:
        return print_network(self)

"""Network to steps: which planes hold each value, and what fills them. Independent of the batch.

Bits are arrays of plane numbers of the value's shape, so Gather, Window and Bitplanes cost nothing: they rename.
A Sum whose rows are only compared is never stored (`neurons.py`).
"""

from __future__ import annotations

import numpy as np

from threshc.compiler.encoding import Affine
from threshc.compiler.ir.moves import gather, window
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Reduce, Sum, Window
from threshc.compiler.ir.types import Ints
from threshc.sim.packed.planes.inputs import InputPlanes
from threshc.sim.packed.planes.int_planes import Numbers, argmax, compare, constants, twos_complement
from threshc.sim.packed.planes.integer_inputs import room
from threshc.sim.packed.planes.layout import REDUCE
from threshc.sim.packed.planes.neurons import Neurons
from threshc.sim.packed.planes.tables import ONE_PLANE, ZERO_PLANE, Planes, Tables


class Lowering:
    """Walks a network once, in order; `bits[v]` and `ints(v)` are the planes of value v, `spent[v]` its
    steps and how many literals and masks they have."""

    def __init__(self, network: Network) -> None:
        self.network, self.users = network, network.users()
        self.tables = Tables()
        self.patch = self.tables.allocate(
            max((room(op.weights) for op in network.ops if isinstance(op, Sum)), default=0)
        )
        self.input = InputPlanes(self.tables, network.input)
        self.bits: dict[int, Planes] = {}
        self.numbers: dict[int, Numbers] = {}
        self.spent: dict[int, tuple[range, int, int]] = {}
        for v in range(len(network.ops)):
            steps, literals, masks = len(self.tables.program), self.tables.literals, self.tables.mask_count
            self._lower(v)
            self.spent[v] = (
                range(steps, len(self.tables.program)),
                self.tables.literals - literals,
                self.tables.mask_count - masks,
            )

    def ints(self, v: int) -> Numbers:
        """Returns the planes of an integer value."""
        return self.numbers[v] if v else self.input.numbers(self._type(v))

    def _type(self, v: int) -> Ints:
        t = self.network.types[v]
        assert isinstance(t, Ints)
        return t

    def _lower(self, v: int) -> None:
        match self.network.ops[v]:
            case Input(encoding=Affine()):
                pass
            case Input(shape=shape):
                self.bits[v] = self.input.bit(0).reshape(shape)
            case Bitplanes(x=x):
                self.bits[v] = twos_complement(self.tables, self.ints(x))
            case Window() as op:
                self.bits[v] = window(op, self.bits[op.x], ZERO_PLANE, ONE_PLANE)
            case Gather() as op:
                self.bits[v] = gather(op, [self.bits[x] for x in op.x], ZERO_PLANE, ONE_PLANE)
            case Sum() as op:
                self._sum(v, op)
            case Compare() as op:
                if v not in self.bits:  # those of a Sum are there already
                    self.bits[v] = self._compare(op)
            case Reduce() as op:
                self.bits[v] = self._reduce(op)
            case ArgMax(s=s):
                self.numbers[v] = Numbers(argmax(self.tables, self.ints(s).planes), 0)

    def _sum(self, v: int, op: Sum) -> None:
        users = [(u, c) for u in self.users[v] if isinstance(c := self.network.ops[u], Compare)]
        keep = len(users) < len(self.users[v]) or any(o.value == v for o in self.network.outputs)
        x = self.bits[op.x].reshape(-1, op.weights.shape[1])
        numbers, bits = Neurons(self.tables, op, self._type(v), x, self.patch).lower([c for _, c in users], keep)
        if numbers is not None:
            self.numbers[v] = numbers
        self.bits |= {u: planes for (u, _), planes in zip(users, bits, strict=True)}

    def _compare(self, op: Compare) -> Planes:
        """A Compare of the input or of a class."""
        t = self._type(op.s)
        if op.s == 0 and self.input.dtype == np.uint8:
            return self.input.compare(t, op)
        numbers = self.ints(op.s)
        flat = numbers.planes.reshape(-1, *numbers.planes.shape[-2:])
        out, live = constants(len(flat), op.threshold, np.array(t.lo), np.array(t.hi))
        order = np.flatnonzero(live)[np.argsort(op.threshold[live], kind="stable")]
        for j in np.split(order, np.flatnonzero(np.diff(op.threshold[order])) + 1):
            picked = flat[:, op.row[j]].reshape(-1, flat.shape[-1])  # all integers that one threshold is asked of
            if len(j):
                found = compare(self.tables, picked, numbers.offset, int(op.threshold[j[0]]))
                out[:, j] = found.reshape(len(flat), -1)
        return out.reshape(*t.shape[:-1], -1)

    def _reduce(self, op: Reduce) -> Planes:
        x = self.bits[op.x]
        taps = np.moveaxis(x.reshape(*x.shape[:-1], op.taps, -1), -2, -1)
        count = taps.size // op.taps
        out, table = self.tables.allocate(count), self.tables.table(taps)
        self.tables.step(REDUCE, rows=count, width=op.taps, table=table, mode=int(op.kind == "and"), out=out)
        return (out + np.arange(count)).reshape(taps.shape[:-1])

"""The checker: a certificate against the network, value by value; docs/reference/certificates.md has the rules.

It imports the IR and the files of this folder, nothing of the compiler's optimizer (a test holds it to that). What it
relies on: the meaning of the IR's operations as written here, and Python's integers. That some Verilog is what the
certificate's circuit says is not its business (`threshc.hdl.proof.mapped` compares them cell by cell).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import option
from threshc.compiler.ir.layers import layer_of
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Window
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.compiler.progress import Progress, silent
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate, Field
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.dontcare import prove_replacements
from threshc.hdl.proof.fields import known_fields, needed_fields
from threshc.hdl.proof.fingerprint import fingerprint
from threshc.hdl.proof.neurons import Neurons
from threshc.hdl.proof.routes import gather, select_max, window

Lits = NDArray[np.int64]
WORK, WORK_PER_TABLE = 60_000_000, 1_000
"""Steps of work after which a proof is given up, see `Circuit.spend`: a minute, and a millisecond for every table."""


@dataclass(frozen=True, slots=True)
class Proved:
    """methods: neurons and words by how they were proved; luts, registers: of the circuit; steps: of all heaps; fields:
    what the output payload is made of, lowest bit first."""

    methods: dict[str, int]
    luts: int
    registers: int
    steps: int
    fields: tuple[Field, ...]


def check(
    network: Network, certificate: Certificate, progress: Progress = silent, *, demanded: Sequence[str] = ()
) -> Proved:
    """Raises Unproved, with the place, unless every output of the circuit equals the network's on all inputs.

    demanded: names of fields that the output payload must have beside the network's class, scores or bits.
    """
    if certificate.network != fingerprint(network):
        raise Unproved("the certificate is of another network", _as_made())
    if certificate.inputs != _input_bits(network):
        raise Unproved("the circuit has a different number of inputs")
    circuit = Circuit(certificate.inputs, certificate.luts, certificate.registers)
    circuit.most_work = WORK + WORK_PER_TABLE * len(circuit.tables)
    progress(f"adding up {len(certificate.claims):,} heaps again")
    checker = _Checker(network, certificate, circuit)
    made = {v for v, op in enumerate(network.ops) if isinstance(op, Sum | Compare | Reduce | ArgMax)}
    if certificate.values.keys() != made:
        raise Unproved("the values of the certificate differ from the network's")
    for v, op in enumerate(network.ops):
        progress(f"value {v} of {len(network.ops)}: {type(op).__name__}")
        try:
            checker.values.append(checker.value(v, op))
        except Unproved as problem:
            layer = layer_of(network).get(v)
            name = layer.name if layer else f"%{v}"
            raise Unproved(f"{type(op).__name__} {name}: {problem}", problem.hint) from None
    checker.outputs(demanded)
    if certificate.replaced:
        progress(f"don't-cares of {len(certificate.replaced):,} tables")
        found = prove_replacements(network, certificate, circuit)
        checker.methods["table with don't-cares, all patterns of a cut"] = found
    steps = sum(len(claim.steps) for claim in certificate.claims)
    methods, fields = dict(checker.methods), certificate.fields
    return Proved(methods, len(circuit.tables), len(certificate.registers), steps, fields)


def _input_bits(network: Network) -> int:
    t = network.types[0]
    return math.prod(t.shape) * (len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1)


class _Checker:
    """Values as literals behind their registers: Bits of their own shape, Ints with a further axis of digits; None for
    a sum that was never made, which only comparisons may read."""

    def __init__(self, network: Network, certificate: Certificate, circuit: Circuit) -> None:
        self.network, self.certificate, self.circuit = network, certificate, circuit
        self.values: list[Lits | None] = []
        self.methods: Counter[str] = Counter()
        self.neurons = Neurons(circuit, certificate.claims, self.methods)
        self.matches = iter(certificate.selections)

    def _of(self, v: int) -> Lits:
        found = self.values[v]
        if found is None:
            raise Unproved(f"value {v} is read, and the certificate has no bits for it")
        return found

    def value(self, v: int, op: Op) -> Lits | None:
        match op:
            case Input():
                return self._input()
            case Bitplanes():
                x = self._of(op.x)
                return x.reshape(*x.shape[:-2], -1)
            case Window():
                return window(op, self._of(op.x))
            case Gather():
                return gather(op, [self._of(x) for x in op.x])
            case Sum():
                return self._sum(v, op)
            case Compare():
                return self._compare(v, op)
            case Reduce():
                return self._reduce(v, op)
            case ArgMax():
                return self._arg_max(v, op)

    def _input(self) -> Lits:
        t = self.network.types[0]
        shape = (*t.shape, len(plane_weights(t.lo, t.hi))) if isinstance(t, Ints) else t.shape
        return (2 * np.arange(1, self.certificate.inputs + 1)).reshape(shape)

    def _given(self, v: int, shape: tuple[int, ...]) -> Lits:
        lits = self.circuit.lits(self.certificate.values[v])
        if len(lits) != math.prod(shape):
            raise Unproved("the certificate has a different number of bits for it")
        return np.array(lits, np.int64).reshape(shape)

    def _sum(self, v: int, op: Sum) -> Lits | None:
        t = self.network.types[v]
        assert isinstance(t, Ints)
        digits = len(plane_weights(t.lo, t.hi))
        if not self.certificate.values[v]:  # never made: only compared, see `_compare`
            return None
        out = self._given(v, (*t.shape, digits))
        x = self._of(op.x).reshape(-1, op.weights.shape[1])
        words = out.reshape(len(x), len(op.bias), digits)
        for p, bits in enumerate(x.tolist()):
            for r, (row, bias) in enumerate(zip(op.weights.tolist(), op.bias.tolist(), strict=True)):
                self.neurons.word(list(zip(bits, row, strict=True)), bias, tuple(words[p, r].tolist()), (t.lo, t.hi))
        return out

    def _compare(self, v: int, op: Compare) -> Lits:
        t = self.network.types[v]
        out = self._given(v, t.shape)
        total = self.network.ops[op.s]
        pairs = list(enumerate(zip(op.row.tolist(), op.threshold.tolist(), strict=True)))
        if isinstance(total, Sum):
            x = self._of(total.x).reshape(-1, total.weights.shape[1]).tolist()
            weights, bias = total.weights.tolist(), total.bias.tolist()
            for p, y in enumerate(out.reshape(len(x), -1).tolist()):
                for j, (r, need) in pairs:
                    self.neurons.fires(list(zip(x[p], weights[r], strict=True)), bias[r], need, y[j])
            return out
        inner = self.network.types[op.s]
        assert isinstance(inner, Ints)
        planes = plane_weights(inner.lo, inner.hi)
        source = self._of(op.s)
        words = source.reshape(-1, source.shape[-2], source.shape[-1]).tolist()
        for p, y in enumerate(out.reshape(len(words), -1).tolist()):
            for j, (r, need) in pairs:
                self.neurons.fires([(b, int(w)) for b, w in zip(words[p][r], planes, strict=True)], 0, need, y[j])
        return out

    def _reduce(self, v: int, op: Reduce) -> Lits:
        out = self._given(v, self.network.types[v].shape)
        x = self._of(op.x)
        channels = out.shape[-1]
        taps = x.reshape(-1, op.taps, channels)
        for p, y in enumerate(out.reshape(-1, channels).tolist()):
            for c in range(channels):
                need = 1 if op.kind == "or" else op.taps
                self.neurons.fires([(b, 1) for b in taps[p, :, c].tolist()], 0, need, y[c])
        return out

    def _arg_max(self, v: int, op: ArgMax) -> Lits:
        inner = self.network.types[op.s]
        assert isinstance(inner, Ints)
        t = self.network.types[v]
        assert isinstance(t, Ints)
        out = self._given(v, (1, len(plane_weights(t.lo, t.hi))))
        words: list[list[int]] = self._of(op.s).tolist()
        best = select_max(self.circuit, words, inner.lo < 0, self.matches)
        if best[: out.shape[1]] != out[0].tolist() or any(best[out.shape[1] :]):
            raise Unproved("the class is not the index of the last match")
        self.methods["match of the arg-max"] += len(words) - 1
        return out

    def outputs(self, demanded: Sequence[str]) -> None:
        """Every field of the payload is the value that its name says, `latency` registers behind the input."""
        given = self.certificate.outputs
        final = self.circuit.lits(given)
        for lit in given:
            if lit > 1 and self.circuit.stage[lit >> 1] != self.certificate.latency:
                raise Unproved(f"output node {lit >> 1} does not leave after `latency` cycles")
        known, offset = known_fields(self.network), 0
        names = [field.name for field in self.certificate.fields]
        for field in self.certificate.fields:
            if known.get(field.name) != field:
                raise Unproved(f"the output field {field.name!r} is not the network's, of its value and width")
            if tuple(self._of(field.value).ravel().tolist()) != final[offset : offset + field.width]:
                raise Unproved(f"the output field {field.name!r} at bit {offset} is not value {field.value}")
            offset += field.width
        if offset != len(final) or len(set(names)) < len(names):
            raise Unproved("the output payload has bits that no field names, or one field twice")
        for name in (*needed_fields(self.network), *demanded):
            if name not in names:
                raise Unproved(f"the output payload lacks the field {name!r}", _as_made())
        if next(self.matches, None) is not None:
            raise Unproved("it has matches of an arg-max tree that the network does not have")


def _as_made() -> str:
    names = ", ".join(map(option, ("weight_bits", "scores", "layer")))
    return f"give the model, {option('input')} and options ({names}, ..) that the certificate was made with"

"""The arithmetic of a folded layer: what its inputs have in common for all neurons, and one neuron's count.

Both are pipelines of look-up tables. A layer has one `shared` and PE times `neuron`, which all are alike: weights come
in as bits. The count is of set lanes and of set threshold bits, `signs.py` and `layer.py` say of which weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.signs import Coding
from threshc.hdl.folded.staged import Staged, staged
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import XOR, table
from threshc.hdl.unrolled.claims import Step, Term
from threshc.hdl.unrolled.sharing.counter_compressor import CounterColumns
from threshc.hdl.unrolled.sharing.pair_compressor import PairColumns
from threshc.hdl.unrolled.sharing.shared_parts import Carry, SharedPart

_DIFFER = table(lambda u, v, xu, xv: (u ^ xu) | (v ^ xv), 4)
_ALIKE_NOT = table(lambda u, v, xu, xv: (u ^ xu) & (v ^ xv), 4)
_CARRY = table(lambda u, v, xu, xv, xp, wp: xp ^ wp ^ ((u ^ xu) | (v ^ xv)), 6)
_CARRY_OF_PARITIES = table(lambda a, b, c, d, e, f: (a ^ d) + (b ^ e) + (c ^ f) > 1, 6)


@dataclass(frozen=True, slots=True)
class Core:
    """shared: SIMD inputs to what neurons share of them; neuron: that, then a weight word, to the count.

    nets: the same two before they were mapped, and what a proof needs of the second: lanes, a parity of its literals
    for each, and the steps that add them and the threshold bits up (`threshc.hdl.folded.certify`).
    """

    shared: Staged
    neuron: Staged
    nets: tuple[LutNet, LutNet]
    lanes: tuple[Term, ...]
    steps: tuple[Step, ...]

    @property
    def bits(self) -> int:
        """Bits of a count."""
        return len(self.neuron.outputs)

    @property
    def latency(self) -> int:
        """Cycles from inputs to count; the weight word comes `shared.latency` cycles behind the inputs."""
        return self.shared.latency + self.neuron.latency


def core(layer: FoldedLayer, levels: int) -> Core:
    """Returns the arithmetic of a layer with a register behind every `levels` tables."""
    code = layer.code
    first = LutNet([0] * layer.simd)
    common = [lit for part in _shared(first, code) for lit in part]
    shared = staged(first, common, inputs=layer.inputs, levels=levels)
    net = LutNet([0] * (len(common) + layer.word_bits))
    literals = iter(range(2, 2 * (net.inputs + 1), 2))
    x = [[next(literals) for _ in part] for part in _shared(LutNet([0] * layer.simd), code)]
    word = [next(literals) for _ in range(layer.simd)]
    heap = SharedPart((1,))
    slices = {name: word[where] for name, where in code.slices().items()}
    lanes = (_nines if layer.inputs < 6 else _sixes)(net, heap, x, slices)
    for exponent in layer.exponents:
        heap.plain.append((exponent, next(literals)))
    most = layer.simd + sum(1 << e for e in layer.exponents)
    compressor = PairColumns if layer.inputs < 6 else CounterColumns
    count = compressor(net, heap, most.bit_length()).run()
    neuron = staged(net, count, inputs=layer.inputs, levels=levels)
    return Core(shared, neuron, (first, net), tuple(lanes), tuple(heap.steps))


def _shared(net: LutNet, code: Coding) -> tuple[list[int], ...]:
    """Of input literals 2, 4, ..: Xu, Xv, Xp of every three, XU, XV, XP of every nine's parities, and the rest."""
    x = [2 * (k + 1) for k in range(code.lanes)]
    threes = list(_groups(x, code.threes))
    p = [net.xor(*three) for three in threes]
    nines = list(_groups(p, code.nines if code.nines else code.threes // 3))
    return (
        [net.xor(a, b) for a, b, _ in threes],
        [net.xor(a, c) for a, _, c in threes],
        p,
        [net.xor(a, b) for a, b, _ in nines[: code.nines]],
        [net.xor(a, c) for a, _, c in nines[: code.nines]],
        [net.xor(*nine) for nine in nines],
        x[3 * code.threes :],
    )


def _groups(lits: Sequence[int], count: int) -> Iterator[tuple[int, int, int]]:
    for k in range(count):
        yield lits[3 * k], lits[3 * k + 1], lits[3 * k + 2]


def _nines(net: LutNet, heap: SharedPart, x: list[list[int]], w: dict[str, list[int]]) -> list[Term]:
    """The lanes in tables of four: of three lanes one, and a carry that moves into the next adder. Returns lanes."""
    xu, xv, xp, nine_u, nine_v, nine_p, rest = x
    nines, lanes = len(w["a"]), list[Term]()
    parities: list[list[int]] = []
    for k in range(nines):
        parities += [[w["a"][k]], [w["a"][k], w["ab"][k]], [w["a"][k], w["ac"][k]]]
    parities += [[lit] for lit in w["p"]]
    for g, (u, v) in enumerate(zip(w["u"], w["v"], strict=True)):
        differ = net.lut([u, v, xu[g], xv[g]], _DIFFER)
        parity = (xp[g], *parities[g])
        three = _three(parity, u, v, xu[g], xv[g])
        lanes += three
        _carry(net, heap, [differ, *parity], _step(heap, three, parity))
    for k in range(nines):
        alike_not = net.lut([w["ab"][k], w["ac"][k], nine_u[k], nine_v[k]], _ALIKE_NOT)
        total = net.xor(nine_p[k], w["a"][k], w["ab"][k], w["ac"][k])
        step = _step(heap, [(xp[g], *parities[g]) for g in range(3 * k, 3 * k + 3)], (total,))
        _carry(net, heap, [alike_not, xp[3 * k], w["a"][k]], step)
        heap.plain.append((0, total))
    _singles(net, heap, xp[3 * nines :], w["p"])
    return lanes + _singles(net, heap, rest, w["w"])


def _sixes(net: LutNet, heap: SharedPart, x: list[list[int]], w: dict[str, list[int]]) -> list[Term]:
    """The lanes in tables of six: the carry of three lanes is one, and so is the carry of three of their parities."""
    xu, xv, xp, _, _, nine_p, rest = x
    lanes: list[Term] = []
    for g, (u, v) in enumerate(zip(w["u"], w["v"], strict=True)):
        parity = (xp[g], w["p"][g])
        lane = _three(parity, u, v, xu[g], xv[g])
        lanes += lane
        _counted(heap, _step(heap, lane, parity), 1, net.lut([u, v, xu[g], xv[g], *parity], _CARRY))
    for k, parity_of_nine in enumerate(nine_p):
        groups = range(3 * k, 3 * k + 3)
        three = slice(3 * k, 3 * k + 3)
        step = _step(heap, [(xp[g], w["p"][g]) for g in groups])
        _counted(heap, step, 1, net.lut([*xp[three], *w["p"][three]], _CARRY_OF_PARITIES))
        _counted(heap, step, 0, net.xor(parity_of_nine, *w["p"][three]))
    _singles(net, heap, xp[3 * len(nine_p) :], w["p"][3 * len(nine_p) :])
    return lanes + _singles(net, heap, rest, w["w"])


def _singles(net: LutNet, heap: SharedPart, x: Sequence[int], w: Sequence[int]) -> list[Term]:
    for a, b in zip(x, w, strict=True):
        _counted(heap, _step(heap, [(a, b)]), 0, net.xor(a, b))
    return list(zip(x, w, strict=True))


def _three(parity: Term, u: int, v: int, xu: int, xv: int) -> list[Term]:
    """Three lanes as parities: all three, with what the first and each of the others have in common."""
    return [(*parity, xu, xv, u, v), (*parity, xv, v), (*parity, xu, u)]


def _step(heap: SharedPart, lanes: Sequence[Term], parity: Term = ()) -> Step:
    """The step that takes lanes to their parity and carry."""
    heap.steps.append(Step(0, tuple(lanes), [(0, parity)] if parity else []))
    return heap.steps[-1]


def _counted(heap: SharedPart, step: Step, column: int, lit: int) -> None:
    step.outputs.append((column, (lit,)))
    heap.plain.append((column, lit))


def _carry(net: LutNet, heap: SharedPart, operands: list[int], step: Step) -> None:
    """A parity of three or four into column 1, which becomes a table alone or a part of the adder's."""
    depth = 1 + max(map(net.depth, operands))
    heap.pending.append((1, Carry(depth, len(operands), tuple(operands), XOR[len(operands)], step)))

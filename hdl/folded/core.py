"""The arithmetic of a folded layer: what its inputs have in common for all neurons, and one neuron's count.

Both are pipelines of look-up tables. A layer has one `shared` and PE times `neuron`, which all are alike: weights come
in as bits. The count is of lanes and of threshold bits that are set, times powers of two: `weights.py` and `layer.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.sevens import SevenColumns
from threshc.hdl.folded.staged import Staged, staged
from threshc.hdl.folded.threshold_bits import threshold_exponents
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import MAJ, XOR, full, table
from threshc.hdl.unrolled.claims import Step, Term
from threshc.hdl.unrolled.sharing.pair_compressor import PairColumns
from threshc.hdl.unrolled.sharing.shared_parts import Carry, SharedPart

_ONE = table(lambda m, x: m & x, 2)
_MASK = table(lambda m, x, w: m & (x ^ w), 3)
_DIFFER = table(lambda u, v, xu, xv: (u ^ xu) | (v ^ xv), 4)
_ALIKE_NOT = table(lambda u, v, xu, xv: (u ^ xu) & (v ^ xv), 4)
_CARRY = table(lambda u, v, xu, xv, xp, wp: xp ^ wp ^ ((u ^ xu) | (v ^ xv)), 6)
_CARRY_OF_PARITIES = table(lambda a, b, c, d, e, f: (a ^ d) + (b ^ e) + (c ^ f) > 1, 6)


@dataclass(frozen=True, slots=True)
class Core:
    """shared: the bits of SIMD inputs to what neurons share of them; neuron: that, then a weight word, to the count.

    nets: the same two before they were mapped, and what a proof needs of the second: lanes, a parity of its literals
    for each, and the steps that add them and the threshold bits up (`threshc.hdl.folded.certify`). Lanes are in the
    order of the bits of a word; of each bit those of the inputs' lowest bits come first.
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


def smallest(layer: FoldedLayer, levels: int) -> tuple[FoldedLayer, Core]:
    """Returns a layer whose last threshold bit has the weight that takes fewest tables, and its arithmetic."""
    if not layer.last_exponents:
        return layer, core(layer, levels)
    of = {e: threshold_exponents(layer.chunks, layer.span, e) for e in layer.last_exponents}
    made = {e: core(layer, levels, exponents) for e, exponents in of.items()}
    best = min(made, key=lambda e: (made[e].neuron.tables, made[e].neuron.registers))
    return replace(layer, last=best), made[best]


def core(layer: FoldedLayer, levels: int, exponents: tuple[int, ...] | None = None) -> Core:
    """Returns the arithmetic of a layer with a register behind every `levels` tables. exponents: of its threshold bits,
    other ones than the layer's."""
    weighed = layer.exponents if exponents is None else exponents
    first, planes = LutNet([0] * layer.in_bits), range(layer.numbers.bits)
    common = [lit for p in planes for part in _plane(first, layer, p) for lit in part]
    shared = staged(first, common, inputs=layer.inputs, levels=levels)
    net = LutNet([0] * (len(common) + layer.word_bits))
    literals = iter(range(2, 2 * (net.inputs + 1), 2))
    x = [[[next(literals) for _ in part] for part in _plane(LutNet([0] * layer.in_bits), layer, p)] for p in planes]
    if layer.numbers.is_signed:  # the highest bit inverted makes the sum of weights times `half` more
        x[-1] = [[lit ^ (k in _ODD) for lit in part] for k, part in enumerate(x[-1])]
    word = [[next(literals) for _ in range(layer.simd)] for _ in range(layer.code.bits)]
    heap = SharedPart((1,))
    lanes = _lanes(net, heap, layer, x, word)
    for exponent in weighed:
        heap.plain.append((exponent, next(literals)))
    most = layer.simd * layer.code.most * layer.numbers.most + sum(1 << e for e in weighed)
    columns = (PairColumns if layer.inputs < 6 else SevenColumns)(net, heap, most.bit_length())
    count = columns.run()
    sevens = columns.sevens if isinstance(columns, SevenColumns) else []
    neuron = staged(net, count, inputs=layer.inputs, levels=levels, sevens=sevens)
    made = tuple(lane if isinstance(lane, tuple) else lane.outputs[0][1] for lane in lanes)
    return Core(shared, neuron, (first, net), made, tuple(heap.steps))


_ODD = {2, 5, 6, 7}
"""Of `_plane`, what is inverted if all inputs are."""


def _plane(net: LutNet, layer: FoldedLayer, p: int) -> tuple[list[int], ...]:
    """Of bit p of every input: Xu, Xv, Xp of every three, XU, XV, XP of every nine's parities, the rest of them; and
    the bits themselves, where not only signs read them."""
    code, signs = layer.coding, layer.code.signs
    x = [2 * (k * layer.numbers.bits + p + 1) for k in range(layer.simd)]
    threes = list(_groups(x, code.threes if signs else 0))
    parities = [net.xor(*three) for three in threes]
    nines = list(_groups(parities, min(code.nines or code.threes // 3, len(threes) // 3)))
    return (
        [net.xor(a, b) for a, b, _ in threes],
        [net.xor(a, c) for a, _, c in threes],
        parities,
        [net.xor(a, b) for a, b, _ in nines[: code.nines]],
        [net.xor(a, c) for a, _, c in nines[: code.nines]],
        [net.xor(*nine) for nine in nines],
        x[3 * code.threes :] if signs else [],
        x if layer.code.bits > signs else [],
    )


def _lanes(
    net: LutNet, heap: SharedPart, layer: FoldedLayer, x: list[list[list[int]]], word: list[list[int]]
) -> list[Term | Step]:
    """Puts all lanes into the heap. Returns each, or a step that it will be the output of."""
    code, places = layer.code, layer.coding.slices()
    lanes: list[Term | Step] = []
    for k in range(code.signs):
        parts = {name: word[k][where] for name, where in places.items()}
        for p, given in enumerate(x):
            lanes += (_nines if layer.inputs < 6 else _sixes)(net, heap, k + p, given[:-1], parts)
    ones = full(2) * (code.one < 0) ^ _ONE
    for k in range(code.signs, code.signs + abs(code.one)):
        for p, given in enumerate(x):
            operands = list(zip(word[k], given[-1], strict=True))
            lanes += (_pending if layer.inputs < 6 else _adders)(net, heap, p, operands, ones)
    for k in range(code.masks):
        for p, given in enumerate(x):
            masked = list(zip(word[code.signs + abs(code.one) + k], given[-1], word[-1], strict=True))
            lanes += (_pending if layer.inputs < 6 else _plain)(net, heap, k + p, masked, _MASK)
    return lanes


def _pending(
    net: LutNet, heap: SharedPart, at: int, operands: Sequence[tuple[int, ...]], truth: int
) -> list[Term | Step]:
    """Tables into a column that the compressor makes, alone or as half of a pair."""
    made: list[Term | Step] = []
    for lits in operands:
        step = Step(at, ())
        heap.pending.append((at, Carry(1 + max(map(net.depth, lits)), len(lits), lits, truth, step)))
        made.append(step)
    return made


def _plain(
    net: LutNet, heap: SharedPart, at: int, operands: Sequence[tuple[int, ...]], truth: int
) -> list[Term | Step]:
    """Tables into a column."""
    made = [net.lut(lits, truth) for lits in operands]
    heap.plain += [(at, lit) for lit in made]
    return [(lit,) for lit in made]


def _adders(
    net: LutNet, heap: SharedPart, at: int, operands: Sequence[tuple[int, ...]], truth: int
) -> list[Term | Step]:
    """Tables of two, of which three and their sum's bits fit into tables of six."""
    made = [net.lut(lits, truth) for lits in operands]
    for three in _groups(made, len(made) // 3):
        step = _step(heap, at, [(lit,) for lit in three])
        _counted(heap, step, at, net.xor(*three))
        _counted(heap, step, at + 1, net.lut(three, MAJ))
    heap.plain += [(at, lit) for lit in made[len(made) // 3 * 3 :]]
    return [(lit,) for lit in made]


def _groups(lits: Sequence[int], count: int) -> Iterator[tuple[int, int, int]]:
    for k in range(count):
        yield lits[3 * k], lits[3 * k + 1], lits[3 * k + 2]


def _nines(net: LutNet, heap: SharedPart, at: int, x: list[list[int]], w: dict[str, list[int]]) -> list[Term]:
    """Lanes of a column in tables of four: of three one, and a carry that moves into the next adder. Returns them."""
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
        _carry(net, heap, at + 1, [differ, *parity], _step(heap, at, three, parity))
    for k in range(nines):
        alike_not = net.lut([w["ab"][k], w["ac"][k], nine_u[k], nine_v[k]], _ALIKE_NOT)
        total = net.xor(nine_p[k], w["a"][k], w["ab"][k], w["ac"][k])
        step = _step(heap, at, [(xp[g], *parities[g]) for g in range(3 * k, 3 * k + 3)], (total,))
        _carry(net, heap, at + 1, [alike_not, xp[3 * k], w["a"][k]], step)
        heap.plain.append((at, total))
    _singles(net, heap, at, xp[3 * nines :], w["p"])
    return lanes + _singles(net, heap, at, rest, w["w"])


def _sixes(net: LutNet, heap: SharedPart, at: int, x: list[list[int]], w: dict[str, list[int]]) -> list[Term]:
    """Lanes of a column in tables of six: the carry of three is one, and so is that of three of their parities."""
    xu, xv, xp, _, _, nine_p, rest = x
    lanes: list[Term] = []
    for g, (u, v) in enumerate(zip(w["u"], w["v"], strict=True)):
        parity = (xp[g], w["p"][g])
        lane = _three(parity, u, v, xu[g], xv[g])
        lanes += lane
        _counted(heap, _step(heap, at, lane, parity), at + 1, net.lut([u, v, xu[g], xv[g], *parity], _CARRY))
    for k, parity_of_nine in enumerate(nine_p):
        groups = range(3 * k, 3 * k + 3)
        three = slice(3 * k, 3 * k + 3)
        step = _step(heap, at, [(xp[g], w["p"][g]) for g in groups])
        _counted(heap, step, at + 1, net.lut([*xp[three], *w["p"][three]], _CARRY_OF_PARITIES))
        _counted(heap, step, at, net.xor(parity_of_nine, *w["p"][three]))
    _singles(net, heap, at, xp[3 * len(nine_p) :], w["p"][3 * len(nine_p) :])
    return lanes + _singles(net, heap, at, rest, w["w"])


def _singles(net: LutNet, heap: SharedPart, at: int, x: Sequence[int], w: Sequence[int]) -> list[Term]:
    for a, b in zip(x, w, strict=True):
        _counted(heap, _step(heap, at, [(a, b)]), at, net.xor(a, b))
    return list(zip(x, w, strict=True))


def _three(parity: Term, u: int, v: int, xu: int, xv: int) -> list[Term]:
    """Three lanes as parities: all three, with what the first and each of the others have in common."""
    return [(*parity, xu, xv, u, v), (*parity, xv, v), (*parity, xu, u)]


def _step(heap: SharedPart, at: int, lanes: Sequence[Term], parity: Term = ()) -> Step:
    """The step that takes lanes of a column to their parity and carry."""
    heap.steps.append(Step(at, tuple(lanes), [(at, parity)] if parity else []))
    return heap.steps[-1]


def _counted(heap: SharedPart, step: Step, column: int, lit: int) -> None:
    step.outputs.append((column, (lit,)))
    heap.plain.append((column, lit))


def _carry(net: LutNet, heap: SharedPart, at: int, operands: list[int], step: Step) -> None:
    """A parity of three or four into a column, which becomes a table alone or a part of the adder's."""
    depth = 1 + max(map(net.depth, operands))
    heap.pending.append((at, Carry(depth, len(operands), tuple(operands), XOR[len(operands)], step)))

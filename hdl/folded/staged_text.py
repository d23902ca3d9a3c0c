"""A staged pipeline as a Verilog module, of portable tables or a family's cells; and as Amaranth, for its simulator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amaranth.hdl import Cat, Const, Elaboratable, Module, Signal, Value

from threshc.hdl.families.base import ChainNets, Family
from threshc.hdl.folded.staged import Staged
from threshc.hdl.logic.tables import full, remap

_LANES = 64  # registers side by side in one word: a simulator's machine word


def staged_verilog(
    made: Staged, name: str, inputs: Sequence[tuple[str, int]], output: str, family: Family | None
) -> str:
    """Returns the module `name` with ports clk, the inputs in order with their widths, and the output."""
    ports = [f"input wire [{width - 1}:0] {port}" for port, width in inputs]
    lines = [f"module {name}(", "  input wire clk, " + ", ".join(ports) + ","]
    lines += [f"  output wire [{len(made.outputs) - 1}:0] {output}", ");"]
    bits = [f"{port}[{k}]" for port, width in inputs for k in range(width)]
    last = made.last_stages()
    lines += [f"  wire {_net(k + 1, 0)} = {bit};" for k, bit in enumerate(bits)]
    lines += [f"  wire {_net(node, made.stage[node])};" for node in made.cells]
    waiting = [(node, s) for node, end in last.items() for s in range(made.stage[node] + 1, end + 1)]
    for start in range(0, len(waiting), _LANES):
        part = waiting[start : start + _LANES]
        word = f"r{start // _LANES}"
        lines.append(f"  reg [{len(part) - 1}:0] {word};")
        lines += [f"  wire {_net(node, s)} = {word}[{k}];" for k, (node, s) in enumerate(part)]
        nets = ", ".join(_net(node, s - 1) for node, s in reversed(part))
        lines.append(f"  always @(posedge clk) {word} <= {{{nets}}};")
    lines += [f"  {line}" for line in _cells(made, family)]
    out = [
        f"1'b{lit}" if lit < 2 else ("~" if made.inverted(lit) else "") + _net(lit >> 1, made.latency)
        for lit in made.outputs
    ]
    return "\n".join([*lines, f"  assign {output} = {{{', '.join(reversed(out))}}};", "endmodule", ""])


def _net(node: int, stage: int) -> str:
    return f"n{node}_{stage}"


def _cells(made: Staged, family: Family | None) -> Iterator[str]:
    """Tables, a family's own with two outputs, and carry chains where it has these."""
    paired: dict[int, int] = dict(made.pairs) if family is not None and family.two is not None else {}
    chains = {s.outputs[0]: s for s in made.sevens} if family is not None and family.chain is not None else {}
    done = {*paired.values(), *(node for seven in chains.values() for node in seven.outputs[1:])}
    for node, (operands, truth) in made.cells.items():
        stage = made.stage[node]

        def net(node: int, stage: int = stage) -> str:
            return _net(node, stage)

        if node in done:
            continue
        if node in chains and family is not None and family.chain is not None:
            seven = chains[node]
            (s, t), (d, e), (o, p, q) = seven.selects, seven.data, seven.outputs
            nets = ChainNets(net(seven.carry), (net(s), net(t)), (net(d), net(e)), (net(o), net(p), net(q)))
            yield family.chain(f"k{node}", nets)
        elif node in paired and family is not None and family.two is not None:
            other, wanted = made.cells[paired[node]], sorted({*operands, *made.cells[paired[node]][0]})
            places = {x: 2 + 2 * k for k, x in enumerate(wanted)}
            tables = [remap(tuple(places[x] for x in reads), t, len(wanted)) for reads, t in ((operands, truth), other)]
            outputs = net(node), net(paired[node])
            yield family.two(f"l{node}", (tables[0], tables[1]), tuple(map(net, wanted)), outputs)
        else:
            yield _table(f"l{node}", truth, tuple(map(net, operands)), net(node), family)


def _table(name: str, truth: int, nets: tuple[str, ...], output: str, family: Family | None) -> str:
    if family is not None:
        return family.cell(name, truth, nets, output)
    size = 1 << len(nets)
    index = nets[0] if len(nets) == 1 else f"{{{', '.join(reversed(nets))}}}"
    return f"wire [{size - 1}:0] {name} = {size}'h{truth:x}; assign {output} = {name}[{index}];"


class StagedLogic(Elaboratable):
    """The same as Amaranth: `o` follows `i` by the pipeline's latency."""

    def __init__(self, made: Staged) -> None:
        self.made = made
        self.i, self.o = Signal(made.inputs), Signal(len(made.outputs))

    def elaborate(self, platform: object) -> Module:
        m, made, last = Module(), self.made, self.made.last_stages()
        at: dict[tuple[int, int], Value] = {}

        def keep(node: int, value: Value) -> None:
            at[node, made.stage[node]] = value
            for s in range(made.stage[node] + 1, last[node] + 1):
                later = Signal(reset_less=True)
                m.d.sync += later.eq(value)
                at[node, s] = value = later

        for k in range(made.inputs):
            keep(k + 1, self.i[k])
        for node, (operands, truth) in made.cells.items():
            size = 1 << len(operands)
            out = Signal()
            index = Cat(*(at[x, made.stage[node]] for x in operands))
            m.d.comb += out.eq(Const(truth & full(len(operands)), size).bit_select(index, 1))
            keep(node, out)
        out = [Const(lit, 1) if lit < 2 else at[lit >> 1, made.latency] ^ made.inverted(lit) for lit in made.outputs]
        m.d.comb += self.o.eq(Cat(*out))
        return m

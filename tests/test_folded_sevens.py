"""Counters of seven bits on carry chains, tables with two outputs: what they count, their cells, and their proof."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.families.registry import family
from threshc.hdl.flow.tools import YOSYS, check, find_tools, run_tool
from threshc.hdl.folded.certify import core_claim
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.sevens import SevenColumns
from threshc.hdl.folded.unit import FoldedUnit, folded_unit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_core import check_core
from threshc.hdl.proof.folded_text import read_pipeline
from threshc.hdl.unrolled.sharing.shared_parts import SharedPart

XILINX = family("xilinx")


def _values(net: LutNet, given: list[np.ndarray]) -> list[np.ndarray]:
    """Of every node."""
    found = [np.zeros_like(given[0]), *given]
    for node in range(net.inputs + 1, len(net.operands)):
        index = sum(found[x] << k for k, x in enumerate(net.operands[node]))
        found.append(np.array([net.tables[node] >> i & 1 for i in range(1 << len(net.operands[node]))])[index])
    return found


@pytest.mark.parametrize("inverted", [0, 1])
@pytest.mark.parametrize("bits", [2, 5, 6, 7, 8, 9, 12, 13, 14])
def test_columns_are_counted(bits: int, inverted: int) -> None:
    """Every pattern of the bits, as they are or made by a table that is inverted."""
    net = LutNet([0] * 2 * bits)
    lits = [net.lut((2 * k + 2, 2 * (bits + k) + 2), 0b0111) if inverted else 2 * k + 2 for k in range(bits)]
    columns = SevenColumns(net, SharedPart((1,), [(0, lit) for lit in lits]), bits.bit_length())
    count = columns.run()
    assert len(columns.sevens) == {2: 0, 5: 0, 6: 1, 7: 1, 8: 1, 9: 1, 12: 2, 13: 2, 14: 2}[bits]
    patterns = np.arange(1 << bits)
    given = [patterns >> k & 1 for k in range(bits)]
    values = _values(net, [*given, *([1 - g * 0 for g in given])])
    total = sum((values[lit >> 1] ^ (lit & 1)) << k for k, lit in enumerate(count))
    ones = sum(given)
    np.testing.assert_array_equal(total, bits - ones if inverted else ones)


def _unit(simd: int) -> FoldedUnit:
    rng = np.random.default_rng(simd)
    weights = (1 - 2 * rng.integers(0, 2, (4, 2 * simd))).astype(np.int8)
    return folded_unit("l", FoldedLayer("l", weights, rng.integers(-9, 10, 4), 2, simd, inputs=6))


def _texts(unit: FoldedUnit, mapped: bool) -> list[str]:
    text = unit.modules(XILINX if mapped else None)
    return re.findall(r"module l_(?:inputs|neuron)\(.*?endmodule\n", text, re.DOTALL)


def test_sizes_of_neurons() -> None:
    """Tables of a neuron: at most 0.9 an input, where counters of six bits without a chain took 1.15."""
    for simd, most in ((54, 0.88), (64, 0.87), (128, 0.88)):
        core = _unit(simd).core
        assert core.neuron.tables <= most * simd
        assert core.neuron.tables == len(core.neuron.cells) - 3 * len(core.neuron.sevens) - len(core.neuron.pairs)
        text = _texts(_unit(simd), mapped=True)[1]
        assert len(re.findall(r"LUT\w* #", text)) == core.neuron.tables
        assert text.count("CARRY4") == len(core.neuron.sevens)


def test_tables_of_one_cell_do_not_read_each_other() -> None:
    for simd in (4, 16, 49):
        for made in (_unit(simd).core.shared, _unit(simd).core.neuron):
            for one, other in made.pairs:
                assert made.stage[one] == made.stage[other]
                assert len({*made.cells[one][0], *made.cells[other][0]}) <= 5
                assert one not in made.cells[other][0]
                assert other not in made.cells[one][0]


def test_changed_cells_are_refused() -> None:
    """Bits of tables with two outputs, and every pair of nets of a chain exchanged."""
    unit = _unit(24)
    claim, (inputs, neuron) = core_claim(unit), _texts(unit, mapped=True)
    check_core(claim, read_pipeline(inputs), read_pipeline(neuron))
    changed = []
    for found in re.finditer(r"LUT6_2 #\(\.INIT\(64'h([0-9a-f]+)\)\) \w+ \((.*?)\);", neuron):
        unused = found[2].count("1'b0")
        for bit in (0, (1 << 5 - unused) - 1, 32, 31 + (1 << 5 - unused)):
            changed.append(f"{neuron[: found.start(1)]}{int(found[1], 16) ^ 1 << bit:x}{neuron[found.end(1) :]}")
    chains = [line for line in neuron.split("\n") if "CARRY4" in line]
    for line in chains:
        for one, other in itertools.combinations(sorted(set(re.findall(r"n\d+_\d+", line))), 2):
            swap = {one: other, other: one}
            changed.append(
                neuron.replace(line, "".join(swap.get(part, part) for part in re.split(r"(n\d+_\d+)", line)))
            )
        for old, new in (("2'b00", "2'b01"), (".CI(1'b0)", ".CI(1'b1)"), ("_o[0]", "_c[0]"), ("_c[1]", "_c[0]")):
            changed.append(neuron.replace(line, line.replace(old, new, 1)))
    assert len(chains) >= 2
    assert len(changed) >= 70
    for text in changed:
        assert text != neuron
        with pytest.raises(Unproved):
            check_core(claim, read_pipeline(inputs), read_pipeline(text))


@pytest.mark.slow
@pytest.mark.parametrize("simd", [4, 12])
def test_cells_are_the_tables_by_yosys_models(simd: int, tmp_path: Path) -> None:
    """Both modules as cells, as Yosys itself models these, against portable tables: Yosys' SAT, all inputs."""
    try:
        tool = find_tools((YOSYS,))[YOSYS]
    except CompileError:
        pytest.skip("needs yosys")
    unit = _unit(simd)
    for k, (name, plain, mapped) in enumerate(
        zip(("l_inputs", "l_neuron"), _texts(unit, mapped=False), _texts(unit, mapped=True), strict=True)
    ):
        (tmp_path / "gold.v").write_text(plain.replace(name, "gold"))
        (tmp_path / "gate.v").write_text(mapped.replace(name, "gate"))
        cycles = (unit.core.shared, unit.core.neuron)[k].latency + 2
        script = (
            "read_verilog +/xilinx/cells_sim.v\nread_verilog gold.v\nread_verilog gate.v\n"
            "miter -equiv -make_assert gold gate miter\nhierarchy -check -top miter\nproc\nflatten -wb\n"
            f"sat -verify -prove-asserts -seq {cycles} -prove-skip {cycles - 1} -set-def-inputs miter\n"
        )
        (tmp_path / "script.ys").write_text(script)
        check(run_tool(tool, ["-q", "-l", "log", "script.ys"], tmp_path, print), "testing")

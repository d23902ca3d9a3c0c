"""The text forms of netlists and circuits: read back as they were, refused by name where they are none."""

from __future__ import annotations

import textwrap
from pathlib import Path

import networks
import numpy as np
import pytest
from architectures import WIDE
from circuit_values import on_all_inputs
from circuits_checked import checked_circuits
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.hdl.families.registry import families
from threshc.hdl.logic.circuit import Adder, Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.mapping import merged
from threshc.hdl.logic.text import parse_circuit, print_cells, print_circuit
from threshc.hdl.logic.verify import verify_circuit
from threshc.hdl.logic.words import word
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.cell import Cell, Kind
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare.design import circuit_of, netlist_of
from threshc.hdl.unrolled.lower import lower, lowered
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.unrolled.text import parse_netlist, print_netlist
from threshc.hdl.unrolled.verify import verify_netlist

XOR = """\
netlist limit=1
%1:2 = input
%3 = lut 0110 [%1] [%2] from "gate"
%4:3 = reg [%3 %1:2]
%7 = maj [~%4] [%5] [0] from "two words"
%8:2 = add [%4:2] [%5 1] [~%6]
%10 = reg [%7]
output [~%10 1 0:3]
"""
CIRCUIT = """\
circuit inputs=2 arrivals=[0, 3]
%3 = lut 0110 %1 %2
%4 = reg %3
%6 = reg %1
%7 = lut 01000000 %4 %6 %8
%9 %11 = add [%4 ~%6] [1] 0 carries %10
output [~%7 %9 %11 0]
"""


def design(network: Network, **options: object) -> Design:
    return build_design(network, CircuitOptions(**options))  # type: ignore[arg-type]


def dense(seed: int) -> Network:
    return networks.random_dense(np.random.default_rng(seed), (7, 6, 4, 3), "int", "int3")


CASES = [
    *[(neuron, pipeline, False) for neuron in WIDE for pipeline in ("none", 2)],
    ("auto", "layer", True),
    ("tree", 1, True),
    ("pairs", 3, True),
]


@pytest.mark.parametrize(("neuron", "pipeline", "dont_care"), CASES)
def test_what_the_back_end_makes_is_valid_and_comes_back(neuron: str, pipeline: str | int, dont_care: bool) -> None:
    """Netlists and circuits of every architecture, as they are and as they are emitted."""
    made = design(dense(3), neuron=neuron, pipeline=pipeline, dont_care=dont_care)
    verify_netlist(made.netlist, made.outputs)
    net, outputs = netlist_of(made)
    text = print_netlist(net, outputs)
    back, back_outputs = parse_netlist(text)
    assert print_netlist(back, back_outputs) == text
    bits = 2 * np.arange(net.count)
    np.testing.assert_array_equal(back.stage(bits), stages(net))
    first = print_circuit(lower(net, made.inputs, outputs))
    assert print_circuit(lower(back, made.inputs, back_outputs)) == first

    for circuit in (lowered(made), circuit_of(made), lower(net, made.inputs, outputs)):
        read = parse_circuit(print_circuit(circuit))
        assert print_circuit(read) == print_circuit(circuit)
        assert same(circuit, read)


def test_every_maker_is_watched_on_request() -> None:
    """`pytest --verify-passes`: a design with don't-cares is one netlist, its circuit, and that with them in place."""
    with checked_circuits() as made:
        circuit_of(design(dense(5), dont_care=True))
    assert (made.netlists, made.circuits) == (1, 3), "in place once for the count of tables, once to be emitted"


def stages(net: Netlist) -> np.ndarray:  # type: ignore[type-arg]
    """Registers before each bit, from the cells alone."""
    found = np.zeros(net.count, np.int64)
    for cell in net.cells:
        lits = np.concatenate([np.zeros(1, np.int64), *cell.operands])
        if cell.kind is not Kind.ADD and cell.operands:
            lits = np.stack(cell.operands)
        found[cell.first : cell.first + cell.width] = found[lits >> 1].max(axis=0) + (cell.kind is Kind.REG)
    return found


def same(a: Circuit, b: Circuit) -> bool:
    """Whether the circuits are equal in all but the bits of netlists; nodes without a maker at the end may be gone."""
    count = len(b.luts.operands)
    return (
        a.luts.inputs == b.luts.inputs
        and a.luts.operands[:count] == b.luts.operands
        and a.luts.tables[:count] == b.luts.tables
        and not any(a.luts.operands[count:])
        and (a.registers, a.adders, a.outputs, a.carries) == (b.registers, b.adders, b.outputs, b.carries)
    )


@pytest.mark.parametrize("network", [networks.xor(), networks.random_conv(np.random.default_rng(5))])
def test_other_networks(network: Network) -> None:
    made = design(network, pipeline=2)
    text = print_netlist(made.netlist, made.outputs)
    assert print_netlist(*parse_netlist(text)) == text
    assert same(lowered(made), parse_circuit(print_circuit(lowered(made))))


def test_depths_come_back() -> None:
    made = lowered(design(dense(4), neuron="tree", pipeline=2))
    assert parse_circuit(print_circuit(made)).luts.depths == made.luts.depths


def test_the_text_of_a_netlist() -> None:
    net, outputs = parse_netlist(XOR)
    assert print_netlist(net, outputs) == XOR
    assert net.limit == 1
    assert outputs.tolist() == [21, 1, 0, 0, 0]
    assert [cell.scope for cell in net.cells] == ["", "gate", "", "two words", "", ""]
    assert net.stage(2 * np.arange(11)).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2]


def test_the_text_of_a_circuit() -> None:
    text = CIRCUIT.replace(" %8\n", "\n").replace("01000000 %4 %6", "0100 %4 %6")
    circuit = parse_circuit(text)
    assert print_circuit(circuit) == text
    assert circuit.luts.depths == [0, 0, 3, 4, 0, 0, 0, 1, 0, 1, 1, 1]
    assert circuit.carries == {11: 10}


@pytest.mark.parametrize("form", ["netlist", "circuit"])
def test_what_the_page_shows_is_what_the_command_prints(form: str, root: Path) -> None:
    model = str(root / "examples/xor/xor.onnx")
    shown = CliRunner().invoke(app, ["show", model, "--input", "bit", f"--{form}"], catch_exceptions=False).stdout
    page = (root / "docs/reference/circuits.md").read_text(encoding="utf-8")
    assert shown.startswith(form)
    assert textwrap.indent(shown, "    ") in page


def test_options_of_circuits_are_heard_or_refused(root: Path) -> None:
    model = ["show", str(root / "examples/xor/xor.onnx"), "--input", "bit"]
    shown = CliRunner().invoke(app, [*model, "--circuit", "--pipeline", "none", "--neuron", "table"]).stdout
    circuit = parse_circuit(shown)
    assert len(circuit.registers) == 1
    assert on_all_inputs(circuit) == [0b0110]
    refused = CliRunner().invoke(app, [*model, "--neuron", "table"], env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert "options of the circuit need --netlist or --circuit here" in refused.output


def test_comments_and_empty_lines() -> None:
    text = "\n// a gate\ncircuit inputs=2 // of two inputs\n\n%3 = lut 1000 %1 %2\noutput [%3]\n\n"
    assert on_all_inputs(parse_circuit(text)) == [0b1000]


def test_mapped_cells_are_lines_too() -> None:
    circuit = parse_circuit("circuit inputs=3\n%4 = lut 1000 %1 %2\n%5 = lut 0110 %3 %4\noutput [%5]")
    assert print_cells(merged(circuit, 4)) == "%5 = lut 01111000 %1 %2 %3\n"


@pytest.mark.parametrize(
    ("lits", "text"),
    [
        ([], "[]"),
        ([0, 0, 1, 4], "[0:2 1 %2]"),
        ([6, 8, 10, 9], "[%3:3 ~%4]"),
        ([7, 9, 0], "[~%3:2 0]"),
        ([2, 2], "[%1 %1]"),
    ],
)
def test_words(lits: list[int], text: str) -> None:
    assert word(lits) == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("netlist", "circuit", "line 1, column 1: expected 'netlist', found 'circuit'"),
        ("limit=1", "limit=0", "line 1, column 15: expected an integer 1..1048576"),
        ("%3 = lut", "%4 = lut", "line 3, column 1: %4 stands where %3 is next"),
        ("= maj", "= and", "line 5, column 6: there is no cell 'and'"),
        ("lut 0110", "lut 011", "line 3, column 10: expected a truth table of 1, 2, 4, .. or 64 bits, found '011'"),
        ("lut 0110", "lut 01101001", "line 3, column 6: a table of 8 entries over 2 operands"),
        ("[%1] [%2]", "[%1 [%2]", "line 3, column 19: expected a literal like %3, ~%3, 0 or 1"),
        ("0:3", "0:0", "expected an integer 1.."),
        ("output", "outputs", "line 8, column 1: expected 'output', found 'outputs'"),
        ("0:3]\n", "0:3]\nmore", "line 9, column 1: expected the end of the text, found 'more'"),
        ('"gate"', "gate", "line 3, column 30: expected a name, found 'gate'"),
        # what is a text, but no netlist
        ("[~%4] [%5]", "[~%9] [%5]", "%7 = maj from 'two words': operand %9 is not defined before its use"),
        ("[~%4] [%5]", "[~%4:2] [%5]", "%7 = maj from 'two words': operands of 2, 1, 1 bits for 1 cells"),
        ("[~%4] [%5] [0]", "[~%4] [%5]", "%7 = maj from 'two words': 2 operands, where 3 are read"),
        (
            "[~%4] [%5]",
            "[~%1] [%5]",
            "%7 = maj from 'two words': operand %1 is behind 0 registers, another one behind 1",
        ),
        ("[%5 1] [~%6]", "[%5 1] [~%3]", "%8 = add: operand %3 is behind 0 registers, another one behind 1"),
        ("[%5 1]", "[%5]", "%8 = add: words of 2 and 1 bits and a carry of 1 for a sum of 2"),
        ("%10 = reg [%7]", "%10:2 = input", "%10 = input: the input is the first cell, and the only one of its kind"),
        ("output [~%10", "output [~%11", "output: %11 does not exist"),
    ],
)
def test_no_netlist(old: str, new: str, message: str) -> None:
    assert XOR.count(old) == 1
    with pytest.raises(CompileError) as caught:
        parse_netlist(XOR.replace(old, new))
    assert message in flat(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", "%7: operand %8 is not defined before its use"),
        ("%6 %8", "%5 %6", "%7: operand %5 has no maker"),
        ("%6 %8", "%1 %6", "%7: operands are not distinct and in ascending order"),
        ("lut 0110 %1 %2", "lut 0110 %2 %1", "%3: operands are not distinct and in ascending order"),
        ("lut 0110", "lut 1001", "%3: the table is 1 where all operands are 0; its readers are to read the inverse"),
        ("lut 0110", "lut 1100", "%3: the table does not depend on operand %1"),
        ("lut 0110 %1 %2", "lut 10 %1", "%3: the table is its operand"),
        ("%4 = reg %3", "%4 = reg %4", "%4: operand %4 is not defined before its use"),
        ("%6 = reg %1", "%6 = reg %4", "%9: operands %4 and %6 are behind 1 and 2 registers"),
        ("[%4 ~%6] [1]", "[%4 ~%6 0] [1]", "%9: words of 3 and 1 bits are added up in 2"),
        ("carries %10", "carries %6", "%9: the carry into %11 is %6, which does not lie between %9 and %11"),
        ("%11 0]", "%12 0]", "output: %12 does not exist"),
        ("%11 0]", "%5 0]", "%5: an output reads it, and it has no maker"),
        ("%4 = reg", "%2 = reg", "line 3, column 1: %2 stands behind %3; nodes are in ascending order"),
        ("arrivals=[0, 3]", "arrivals=[0]", "line 1, column 27: expected 2 integers, found 1"),
        ("lut 0110", "lut 01100110", "line 2, column 10: a table of 8 entries over 2 operands"),
        ("= add", "= sub", "line 6, column 10: expected 'add', found 'sub'"),
        ("%3 = lut", "%3 %4 = lut", "line 2, column 9: expected 'add', found 'lut'"),
    ],
)
def test_no_circuit(old: str, new: str, message: str) -> None:
    assert not old or CIRCUIT.count(old) == 1
    with pytest.raises(CompileError) as caught:
        parse_circuit(CIRCUIT.replace(old, new) if old else CIRCUIT)
    assert message in flat(caught.value)


def flat(error: CompileError) -> str:
    return "\n".join(f"{d.where}: {d.what}" for d in error.diagnostics)


def test_faults_that_no_text_can_have() -> None:
    """Of netlists and circuits that a program made."""
    net = Netlist()
    net.inputs(2)
    net.cells.append(Cell(Kind.LUT, (np.array([2]), np.array([4])), 3, 1, "", 16))
    with pytest.raises(CompileError, match="a table beyond its 4 entries"):
        verify_netlist(net, np.zeros(0, np.int64))
    net.cells[-1] = Cell(Kind.REG, (np.array([2]),), 3, 1, "", 1)
    with pytest.raises(CompileError) as caught:
        verify_netlist(net, np.zeros(0, np.int64))
    assert "a table of what is not a look-up table" in str(caught.value)
    assert "the cells make 4 bits with the constant, the netlist counts 3" in str(caught.value)
    net.cells[-1] = Cell(Kind.REG, (np.array([2]),), 3, 1, "")
    net.count = 4
    with pytest.raises(CompileError, match="the netlist knows another stage"):
        verify_netlist(net, np.zeros(0, np.int64))
    luts = LutNet([0] * 8)
    luts.source(0)
    luts.put(9, tuple(range(1, 8)), 2)
    with pytest.raises(CompileError, match="a table of 7 operands; 6 is the most"):
        verify_circuit(Circuit(luts))
    luts.put(9, (1, 2), 16)
    with pytest.raises(CompileError, match="a table beyond its 4 entries"):
        verify_circuit(Circuit(luts))
    luts.put(9, (), 0)
    luts.source(0)
    with pytest.raises(CompileError, match="bits are not distinct and in ascending order"):
        verify_circuit(Circuit(luts, adders=[Adder((10, 9), (2,), (4,), 0)]))


@pytest.mark.parametrize("family", families())
def test_mapped_circuits_are_valid(family: str) -> None:
    """What mapping leaves of a circuit is one in its turn, but for inversions (`flipped`) and its numbers."""
    circuit = lowered(design(dense(6), family=family))
    for node, (operands, truth) in merged(circuit, families()[family].inputs).items():
        assert list(operands) == sorted(set(operands))
        assert max(operands) < node
        assert 0 < truth < 1 << (1 << len(operands))

"""Mapping and don't-cares on small circuits, written as text before and after."""

from __future__ import annotations

import numpy as np
import pytest
from circuit_values import on_all_inputs

from threshc.hdl.logic.mapping import flipped, merged
from threshc.hdl.logic.text import parse_circuit, print_cells, print_circuit
from threshc.hdl.unrolled.dontcare.apply import replaced
from threshc.hdl.unrolled.dontcare.cut import Replacement
from threshc.hdl.unrolled.dontcare.emit import rewired
from threshc.hdl.unrolled.dontcare.search import find
from threshc.hdl.unrolled.dontcare.view import Word
from threshc.hdl.unrolled.lower import lower
from threshc.hdl.unrolled.text import parse_netlist, print_netlist


def mapped(text: str, size: int = 4) -> str:
    """What mapping leaves of a circuit's tables, as lines; its outputs are compared on all inputs."""
    circuit = parse_circuit(text)
    cells, flips = flipped(circuit, merged(circuit, size))
    assert on_all_inputs(circuit, cells, flips) == on_all_inputs(circuit)
    assert max((len(operands) for operands, _ in cells.values()), default=0) <= max(
        size, *map(len, circuit.luts.operands)
    )
    return print_cells(cells)


def test_a_table_with_one_reader_moves_into_it() -> None:
    text = """
        circuit inputs=4
        %5 = lut 1000 %1 %2
        %6 = lut 1000 %3 %4
        %7 = lut 0110 %5 %6
        output [%7]
    """
    assert mapped(text) == "%7 = lut 0111100010001000 %1 %2 %3 %4\n"
    assert mapped(text, 3) == "%6 = lut 1000 %3 %4\n%7 = lut 01111000 %1 %2 %6\n"


def test_a_table_with_several_readers_moves_where_it_fits_into_all() -> None:
    text = """
        circuit inputs=5
        %6 = lut 1000 %1 %2
        %7 = lut 0110 %3 %6
        %8 = lut 1000 %4 %6
        output [%7 %8]
    """
    assert mapped(text) == "%7 = lut 01111000 %1 %2 %3\n%8 = lut 10000000 %1 %2 %4\n"
    wider = text.replace("1000 %4 %6", "10000000 %4 %5 %6")
    assert mapped(wider, 3).startswith("%6 = lut 1000 %1 %2\n"), "one reader has no room"
    read = text.replace("output [", "output [%6 ")
    assert mapped(read).startswith("%6 = lut 1000 %1 %2\n"), "an output reads it too"


def test_inputs_that_do_not_matter_any_more_are_left_out() -> None:
    """x and (x or y) is x; what only the other one read goes as well."""
    text = """
        circuit inputs=2
        %3 = lut 1110 %1 %2
        %4 = lut 1000 %1 %3
        output [%4]
    """
    assert mapped(text) == "%4 = lut 10 %1\n"


@pytest.mark.parametrize(
    ("outputs", "cell"),
    [
        ("~%4", "%3 = lut 1001 %1 %2\n"),  # through the register into the table
        ("%4", "%3 = lut 0110 %1 %2\n"),
        ("~%4 %4", "%3 = lut 0110 %1 %2\n"),  # wanted both ways: one is an inverter
        ("~%4 ~%3", "%3 = lut 1001 %1 %2\n"),
    ],
)
def test_inversions_move_through_registers_into_tables(outputs: str, cell: str) -> None:
    assert mapped(f"circuit inputs=2\n%3 = lut 0110 %1 %2\n%4 = reg %3\noutput [{outputs}]") == cell


def test_adders_keep_their_operands() -> None:
    """Tables before an adder stay, whatever reads them; the sum's bits are read as any node."""
    text = """
        circuit inputs=3
        %4 = lut 0110 %1 %2
        %5 %7 = add [%4] [%3] 1 carries %6
        %8 = lut 0110 %5 %7
        output [~%8]
    """
    assert mapped(text) == "%4 = lut 0110 %1 %2\n%8 = lut 1001 %5 %7\n"


ORDERED = Word((1, 2, 3), ordered=True)
"""x >= 1, x >= 2 and x >= 3 of one feature."""


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        # x >= 1 and x >= 2 is x >= 2
        ([ORDERED], "%4 = lut 1000 %1 %2\n%5 = reg %4\noutput [%5]", "%5 = reg %2\noutput [%5]"),
        # the majority of an ordered code is its middle bit, and its inverse that one's
        ([ORDERED], "%4 = lut 11101000 %1 %2 %3\noutput [~%4]", "output [~%2]"),
        # x >= 2 but not x >= 1: never
        ([ORDERED], "%4 = lut 0100 %1 %2\n%5 = reg %4\noutput [%5 ~%5]", "output [0 1]"),
        # the same of bits that may be anything
        ([], "%4 = lut 0100 %1 %2\n%5 = reg %4\noutput [%5]", None),
        # 1 <= x < 2 needs both
        ([ORDERED], "%4 = lut 0010 %1 %2\noutput [%4]", None),
        # what is always 1 where it matters goes from a table that is wider
        (
            [ORDERED],
            "%4 = lut 1000 %1 %3\n%5 = reg %2\n%6 = reg %4\n%7 = lut 0110 %5 %6\noutput [%6:2]",
            "%5 = reg %2\n%6 = reg %3\n%7 = lut 0110 %5 %6\noutput [%6:2]",
        ),
        # a and b, but not a or b: never, whatever word they are of, through registers
        (
            [],
            "%4 = lut 1000 %1 %2\n%5 = lut 1110 %1 %2\n%6 = reg %4\n%7 = reg %5\n%8 = lut 0010 %6 %7\noutput [%8]",
            "%4 = lut 1000 %1 %2\n%5 = lut 1110 %1 %2\n%6 = reg %4\n%7 = reg %5\noutput [0]",
        ),
    ],
)
def test_circuits_as_text(words: list[Word], before: str, after: str | None) -> None:
    """What is found of a circuit of three inputs, and what the circuit becomes; None where nothing is."""
    circuit = parse_circuit(f"circuit inputs=3\n{before}\n")
    found = find(circuit, words, 4)
    assert bool(found) == (after is not None)
    assert print_circuit(replaced(circuit, found)) == f"circuit inputs=3\n{before if after is None else after}\n"


def test_a_netlist_with_a_replacement_in_place() -> None:
    """The vector stays; what read the replaced bit reads the table behind it, or a bit that is there."""
    text = """\
netlist
%1:4 = input
%5:2 = xor [%1 %3] [%2 %4] [0:2] from "layer"
%7:2 = reg [%5:2] from "layer"
output [%7 ~%8]
"""
    net, outputs = parse_netlist(text)
    circuit = lower(net, 2 * np.arange(1, 5), outputs, everything=True)
    node = int(circuit.bits[6]) >> 1
    other, same = Replacement(node, (1, 2), 0b1000, ()), Replacement(node, (3,), 0b01, ())
    assert print_netlist(*rewired(net, circuit, [other], outputs)) == (
        text.replace("%7:2 = reg [%5:2]", '%7 = lut 1000 [%1] [%2] from "layer"\n%8:2 = reg [%5 %7]').replace(
            "[%7 ~%8]", "[%8 ~%9]"
        )
    )
    assert print_netlist(*rewired(net, circuit, [same], outputs)) == text.replace("[%5:2]", "[%5 ~%3]")

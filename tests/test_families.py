"""Every device family: what its file says is complete, and agrees with itself and with the checker's own table."""

from __future__ import annotations

import re
from itertools import product

import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.cells.read import _Reader
from threshc.hdl.families.base import Family
from threshc.hdl.families.models import Cell
from threshc.hdl.families.registry import USUAL, families, family, flow_of, table_inputs
from threshc.hdl.flow.tools import tool_names
from threshc.hdl.proof.cells import PINS, init_of
from threshc.hdl.targets.registry import targets

_CELL = re.compile(r"(\w+) #\(\.(\w+)\((\d+)'h([0-9a-f]+)\)\) l7 \((.*)\);")
_PIN = re.compile(r"\.(\w+)\((n\d+|1'b0)\)")


def read_cell(text: str) -> tuple[str, str, int, dict[str, str]]:
    """(type, name of the table's parameter, the table, nets by pin) of a line of mapped Verilog."""
    match = _CELL.fullmatch(text)
    assert match is not None, text
    pins = dict(_PIN.findall(match[5]))
    table = init_of(int(match[3]), match[4], int(match[3]).bit_length() - 1)
    assert table is not None
    return match[1], match[2], table, pins


@pytest.mark.parametrize("chosen", families().values(), ids=families())
def test_text_model_and_checker_mean_the_same_table(chosen: Family) -> None:
    """A table as text, read by the pins of the checker's own table and by the family's simulation model."""
    for count in range(chosen.inputs + 1):
        table = 0x9D3A_51C7_E08B_264F & ((1 << (1 << count)) - 1)
        line = chosen.cell("l7", table, tuple(f"n{k + 2}" for k in range(count)), "n9")
        kind, parameter, init, pins = read_cell(line)
        assert kind in chosen.models
        assert chosen.counting.of(kind).luts == 1
        name, inputs, output = PINS[kind, parameter, frozenset(pins)]
        assert (name, pins[output]) == (chosen.name, "n9")
        nets = {pin: [int(net[1:]) if net[0] == "n" else 0] for pin, net in pins.items()}
        reader = _Reader(20)
        chosen.models[kind](Cell({parameter: f"{init:b}"}, nets), reader)
        reader.resolve()
        for values in product((0, 1), repeat=count):
            want = table >> sum(v << k for k, v in enumerate(values)) & 1
            given = {0: 0, 1: 1} | {k + 2: v for k, v in enumerate(values)}
            index = sum(given[nets[pin][0]] << k for k, pin in enumerate(inputs))
            assert init >> index & 1 == want
            assert evaluate(reader, reader.root(9), given) == want


def evaluate(reader: _Reader, net: int, given: dict[int, int]) -> int:
    if net in given:
        return given[net]
    operands, table, _ = reader._tables[net]
    return table >> sum(evaluate(reader, x, given) << k for k, x in enumerate(operands)) & 1


def test_the_checker_knows_the_families_and_no_others() -> None:
    """It keeps its own table on purpose (docs/reference/certificates.md): this is the only place where the two meet."""
    assert {name for name, _, _ in PINS.values()} == set(families())


@pytest.mark.parametrize("chosen", families().values(), ids=families())
def test_what_is_counted_has_a_model(chosen: Family) -> None:
    counting = chosen.counting
    assert set(counting.luts) <= set(chosen.models)
    assert any(counting.of(kind).ffs for kind in chosen.models)
    assert any(counting.of(kind).carries for kind in chosen.models)
    assert all(kind.startswith(chosen.cells) for kind in counting.luts)
    assert all(prefix.startswith(chosen.cells) for prefix in (*counting.ffs, *counting.carries))
    assert list(chosen.memories) == sorted(chosen.memories, key=lambda m: -m.bits)
    assert chosen.memories


@pytest.mark.parametrize("name", targets())
def test_every_device_is_of_a_family_that_knows_it(name: str) -> None:
    device = targets()[name].device
    chosen = family(device.family)
    if chosen.flow is not None:
        assert chosen.delays_of(device.part).level > 0
        assert {chosen.flow.nextpnr, chosen.flow.packer} <= set(tool_names())


def test_unknown_families_and_devices_are_refused() -> None:
    with pytest.raises(CompileError, match="there is no device family 'ecp6'; did you mean 'ecp5'") as caught:
        family("ecp6")
    assert f"try: one of {', '.join(families())}" in str(caught.value)
    with pytest.raises(CompileError, match="there is no model of the delays of the iCE65"):
        family("ice40").delays_of("iCE65")
    with pytest.raises(CompileError, match="there is no place and route for Xilinx 7 series"):
        flow_of("xilinx")
    assert table_inputs(None) == table_inputs(USUAL) == 4
    assert table_inputs("xilinx") == 6

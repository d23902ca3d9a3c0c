"""Boards with weights in SPRAM as Yosys maps them: they load, from a flash at the pins or by the host, and answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from test_flow_netlist import yosys
from test_folded_board import words
from test_folded_spram import FOLD, network

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.cells import drive_uart
from threshc.hdl.cells.drive import exercise_network
from threshc.hdl.cells.drive_load import read_flash
from threshc.hdl.cells.drive_uart import exercise_board
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.cells.spi_flash import SpiFlash
from threshc.hdl.chain import Circuit, build
from threshc.hdl.families.registry import families
from threshc.hdl.naming import TOP
from threshc.hdl.options import CircuitOptions
from threshc.hdl.shell.image import OFFSET, make_image
from threshc.hdl.shell.top import make_top
from threshc.hdl.shell.uart import divisor
from threshc.hdl.targets.base import Pins
from threshc.hdl.targets.registry import target
from threshc.hdl.targets.up5k_sg48 import TARGET as BARE

pytestmark = pytest.mark.slow
HZ, BAUD = 12_000_000, 1_000_000
BOARDS = {"flash": target("icebreaker"), "host": replace(BARE, board=Pins(HZ, "35", "6", "9", "none: it has no flash"))}
Made = tuple[Circuit, Gates, Gates]


@pytest.fixture(scope="module", params=list(BOARDS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The circuit, its netlist alone, and that of its board, with a flash or without."""
    folder, synth = tmp_path_factory.mktemp(request.param), families()["ice40"].synth
    circuit = build(network(), CircuitOptions(fold=FOLD, family="ice40"))
    name = circuit.name
    files = {
        "design.v": circuit.mapped("ice40"),
        "top.il": make_top(circuit.interface, BOARDS[request.param], BAUD).rtlil,
    }
    for file, text in (files | dict(circuit.files())).items():
        (folder / file).write_text(text)
    script = f"read_verilog design.v\n{synth} -top {name}\nselect {name}\nwrite_json -selected net.json\n"
    script += f"design -reset\nread_verilog design.v\nread_rtlil top.il\n{synth} -top {TOP}\nwrite_json top.json\n"
    yosys(folder, script)
    return circuit, read_netlist(folder / "net.json", "ice40", name), read_netlist(folder / "top.json", "ice40", TOP)


def exercised(circuit: Circuit, gates: Gates, wrong: int = 0) -> drive_uart.Exercised | None:
    given, expected = words(circuit, 30)
    expected[9, 0] ^= wrong
    return exercise_board(
        gates, circuit.interface, given, expected, cycles_per_bit=divisor(HZ, BAUD), clock_hz=float(HZ)
    )


def test_it_loads_and_answers(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit, _, whole = made
    flash = "spi_flash_1x_0__cipo__io" in whole.inputs
    done = exercised(circuit, whole)
    assert done is not None
    assert done.samples == 30
    assert done.what.endswith("weights read from its flash" if flash else "weights sent by the host")
    with pytest.raises(CompileError, match="sample 9: "):
        exercised(circuit, whole, wrong=1)
    monkeypatch.setattr(drive_uart, "WORK", 1000)
    assert exercised(circuit, whole) is None


def test_the_network_alone_takes_them_through_its_port(made: Made) -> None:
    circuit, alone, _ = made
    given, expected = words(circuit, 30)
    assert exercise_network(alone, circuit.interface, given, expected).samples == 30


def swapped(gates: Gates) -> Gates:
    """Two bits of every word of a memory change places."""
    (k, block), *_ = [(k, b) for k, b in enumerate(gates.blocks) if b.writes and len(b.bits) > 100_000]
    (write,) = block.writes
    (a, at, e), (b, bt, f), *rest = write.data
    blocks = list(gates.blocks)
    blocks[k] = block._replace(writes=(write._replace(data=((b, at, e), (a, bt, f), *rest)),))
    return replace(gates, blocks=blocks)


def crossed(gates: Gates) -> Gates:
    """The count of bits that are left to the checksum is always another one: no image is right."""
    first = gates.names["shell.loader.writer.left"][0]
    (flop,) = (f for f in gates.flops if f.q == first)
    made = [
        g._replace(table=g.table ^ (1 << (1 << len(g.operands))) - 1) if g.net == flop.next else g for g in gates.gates
    ]
    assert made != gates.gates
    return replace(gates, gates=made)


@pytest.mark.parametrize(
    ("how", "why"),
    [(swapped, "sample|does not"), (crossed, "damaged|does not take|does not reply")],
    ids=["bits", "checksum"],
)
def test_a_netlist_that_loads_wrongly(made: Made, how: Callable[[Gates], Gates], why: str) -> None:
    circuit, _, whole = made
    with pytest.raises(CompileError, match=why):
        exercised(circuit, how(whole))


def test_a_flash_with_one_bit_wrong(made: Made) -> None:
    """The board reads it three times, and stays without weights."""
    circuit, _, whole = made
    if "spi_flash_1x_0__cipo__io" not in whole.inputs:
        pytest.skip("this board has no flash")
    image = bytearray(make_image(circuit.interface))
    image[30] ^= 8
    flash, machine = SpiFlash(bytes(OFFSET) + bytes(image)), Machine(whole)
    read_flash(machine, whole, flash, 12_000)
    assert flash.commands == [0xAB, 0x03] * 3

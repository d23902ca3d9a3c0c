"""Circuits that take a sample, and answer it, in several payloads: packing, simulators, testbench, board, netlists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import boards
import networks
import numpy as np
import pytest
from beats import Converter, InBeats
from test_flow_netlist import yosys
from test_rtl_testbench import in_icarus

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.files import write_files
from threshc.hdl.cells.drive import exercise_network
from threshc.hdl.cells.drive_harness import exercise_harness
from threshc.hdl.cells.drive_uart import exercise_board
from threshc.hdl.cells.handshake import Handshake
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.families.registry import families
from threshc.hdl.interface import Beats, Interface
from threshc.hdl.naming import TOP
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import from_beats, pack, to_beats
from threshc.hdl.shell.host import Board
from threshc.hdl.shell.protocol import identity, reply_size, request_size
from threshc.hdl.shell.testbench import self_checking
from threshc.hdl.shell.top import make_top
from threshc.hdl.shell.uart import divisor
from threshc.hdl.targets.registry import target
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim import reference, rtl
from threshc.sim.inputs import encode
from threshc.tasks.stimulus import answers


def made(taken: int = 3, given: int = 2, pipeline: str | int = 2) -> InBeats:
    network = networks.random_dense(np.random.default_rng(5), (31, 6, 3), "int")
    return InBeats(UnrolledUnit(build_design(network, CircuitOptions(pipeline=pipeline, scores=True))), taken, given)


def words(unit: InBeats, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples, their words, and the words of the reference's answers."""
    network = unit.interface.network
    x = networks.random_samples(np.random.default_rng(6), network, count)
    given = pack(network, encode(network, x))
    return x, given, answers(unit.inner.design, reference.run(network, x))  # type: ignore[attr-defined]


@pytest.mark.parametrize("bits", [1, 7, 8, 22, 64, 65])
@pytest.mark.parametrize("width", [1, 3, 8, 9, 64])
def test_words_in_payloads_and_back(bits: int, width: int) -> None:
    rng, beats = np.random.default_rng(bits), Beats(bits, min(width, bits))
    given = np.packbits(rng.integers(0, 2, (5, bits), np.uint8), axis=1, bitorder="little")
    payloads = to_beats(given, beats)
    assert payloads.shape == (5 * beats.count, -(-beats.width // 8))
    np.testing.assert_array_equal(from_beats(payloads, beats), given)
    for row, part in zip(given, payloads.reshape(5, beats.count, -1), strict=True):
        whole = int.from_bytes(row.tobytes(), "little")
        cut = [whole >> k * beats.width & (1 << beats.width) - 1 for k in range(beats.count)]
        assert [int.from_bytes(p.tobytes(), "little") for p in part] == cut
    if beats.count > 1:  # an answer that is not complete is none
        assert len(from_beats(payloads[:-1], beats)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 2), (1, 2), (4, 1), (16, 5)])
@pytest.mark.parametrize("simulator", ["amaranth", "icarus", "verilator"])
def test_simulators(simulator: rtl.Simulator, shape: tuple[int, int]) -> None:
    if rtl.available()[simulator]:
        pytest.skip(rtl.available()[simulator])
    if simulator == "verilator" and shape != (3, 2):
        pytest.skip("one C++ program is enough")
    unit = made(*shape)
    x, _, _ = words(unit, 20)
    want, timing = reference.run(unit.interface.network, x), unit.interface.timing
    for stall in (False, True):
        got = rtl.run(unit, x, simulator=simulator, stall=stall)
        assert got.latency == timing.latency
        assert (got.cycles > timing.latency + 19 * timing.interval + unit.interface.output.count) == stall
        for one, other in zip(got.values, want.values, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_the_testbench(tmp_path: Path) -> None:
    unit = made()
    _, given, expected = words(unit, 12)
    name = unit.interface.name
    for folder, right in (("right", expected), ("wrong", expected ^ (np.arange(12)[:, None] == 7))):
        (tmp_path / folder).mkdir()
        files = self_checking(unit.interface, given, right, stall=True)
        write_files(tmp_path / folder, {f"{name}.v": unit.verilog(), **files})
        assert len((tmp_path / folder / f"{name}_in.hex").read_text().split()) == 36
        said = in_icarus(tmp_path / folder, name)
        if folder == "right":
            assert "PASS: 12 answers in " in said
            assert f"latency {unit.interface.timing.latency} cycles" in said
        else:
            assert "sample 7: " in said
            assert "FAIL: 2 of 24 answers are wrong" in said


def test_a_circuit_that_stops_is_found_after_its_patience() -> None:
    unit = made()
    assert unit.interface.timing.patience == 1000 + 100 * unit.interface.timing.latency

    class Fewer(InBeats):
        """Says that an answer has one payload more than it has."""

        @property
        def interface(self) -> Interface:
            one = super().interface
            return replace(one, output=Beats(3 * one.output.width, one.output.width))

        def component(self) -> Converter:
            return InBeats(self.inner).component()

    x, _, _ = words(unit, 4)
    with pytest.raises(CompileError, match="stopped after 2 of 4 answers"):
        rtl.run(Fewer(unit.inner), x, simulator="amaranth")


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 2), (1, 2), (4, 1)])
def test_a_board(shape: tuple[int, int]) -> None:
    unit = made(*shape)
    _, given, expected = words(unit, 20)
    board = Board(boards.SimulatedPort(unit), unit.interface)
    np.testing.assert_array_equal(board.infer(given), expected)
    assert request_size(unit.interface) == 3 + shape[0] * -(-unit.interface.input.width // 8)
    assert reply_size(unit.interface) == 3 + shape[1] * -(-unit.interface.output.width // 8)
    assert (identity(unit.interface).fingerprint == identity(unit.inner.interface).fingerprint) == (shape == (1, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        lambda data: bytes([data[0] ^ 0x80]) + data[1:],  # not a command any more
        lambda data: data[:3] + bytes([data[3] ^ 1]) + data[4:],  # a wrong sample
        lambda data: data[:4] + data[5:],  # a byte is lost
        lambda data: data[:5],  # the end is lost
        lambda data: data[:-1],  # the last check byte is lost
        lambda data: b"",  # all of them
        lambda data: data[:1] + data,  # one too many
    ],
    ids=["command", "payload", "lost", "cut", "check", "silent", "doubled"],
)
def test_a_damaged_request_leaves_nothing_of_it_in_the_network(how: object) -> None:
    """The samples behind it get their own answers."""
    from test_board_host import Damage

    unit = made()
    _, given, expected = words(unit, 20)
    damage = Damage(2, how)
    np.testing.assert_array_equal(Board(boards.SimulatedPort(unit, damage), unit.interface).infer(given), expected)
    assert damage.left < 0, "nothing was damaged"


@pytest.mark.slow
def test_a_break_in_a_request() -> None:
    unit = made()
    _, given, expected = words(unit, 3)
    port = boards.SimulatedPort(unit)
    board = Board(port, unit.interface)
    port.write(b"I\x07" + bytes(3))
    port.send_levels([0] * 12 + [1] * 30)
    np.testing.assert_array_equal(board.infer(given), expected)


def test_pipelines_behind_each_other() -> None:
    """The model of `i_ready` and `o_valid` against circuits: two of every kind, through random bubbles and stalls."""
    from amaranth.hdl import Module
    from amaranth.lib import wiring
    from amaranth.sim import Simulator

    network = networks.random_dense(np.random.default_rng(5), (4, 4), outputs="bits")
    for pipelines in ((1, "layer"), ("layer", 1), (1, 1), ("layer", "layer")):
        units = [UnrolledUnit(build_design(network, CircuitOptions(pipeline=p))) for p in pipelines]
        assert [u.interface.timing.pipelines[0].buffered for u in units] == [p == 1 for p in pipelines]
        m = Module()
        first, second = (u.component() for u in units)
        m.submodules += [first, second]
        wiring.connect(m, first.o, second.i)
        model = Handshake([p for u in units for p in u.interface.timing.pipelines])
        rng = np.random.default_rng(1)

        async def bench(ctx, first=first, second=second, model=model, rng=rng):  # type: ignore[no-untyped-def]
            for _ in range(150):
                offered, ready = bool(rng.random() < 0.7), bool(rng.random() < 0.6)
                ctx.set(first.i.valid, offered)
                ctx.set(second.o.ready, ready)
                assert (ctx.get(second.o.valid), ctx.get(first.i.ready)) == model.step(offered, ready)
                await ctx.tick()

        simulator = Simulator(m)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()


@pytest.mark.slow
@pytest.mark.parametrize("board", ["icebreaker", "hx8k-ct256"])
def test_netlists(tmp_path: Path, board: str) -> None:
    """The circuit alone, and in its shell or harness, as Yosys maps them: right answers, and wrong ones found."""
    unit, chosen = made(), target(board)
    family = families()[chosen.device.family]
    _, given, expected = words(unit, 70)
    io = unit.interface
    (tmp_path / "design.v").write_text(unit.verilog())
    (tmp_path / "top.il").write_text(make_top(io, chosen, 1_000_000).rtlil)
    script = f"read_verilog design.v\n{family.synth} -top {io.name}\nselect {io.name}\nwrite_json -selected net.json\n"
    script += (
        f"design -reset\nread_verilog design.v\nread_rtlil top.il\n{family.synth} -top {TOP}\nwrite_json top.json\n"
    )
    yosys(tmp_path, script)
    alone = read_netlist(tmp_path / "net.json", chosen.device.family, io.name)
    whole = read_netlist(tmp_path / "top.json", chosen.device.family, TOP)
    wrong = expected.copy()
    wrong[9, 0] ^= 2
    assert exercise_network(alone, io, given, expected).samples == 70
    with pytest.raises(CompileError, match="sample 9: "):
        exercise_network(alone, io, given, wrong)
    if chosen.board is None:
        assert exercise_harness(whole, io, given, expected).samples == 70
        with pytest.raises(CompileError, match="sample 9: "):
            exercise_harness(whole, io, given, wrong)
        return
    clock = chosen.board.clock_hz
    bit = divisor(clock, 1_000_000)
    done = exercise_board(whole, io, given, expected, cycles_per_bit=bit, clock_hz=clock)
    assert done is not None
    assert done.samples == 70
    with pytest.raises(CompileError, match="sample 9: "):
        exercise_board(whole, io, given, wrong, cycles_per_bit=bit, clock_hz=clock)

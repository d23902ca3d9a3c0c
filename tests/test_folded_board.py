"""A folded chain behind the real board shell, bit by bit: damage, breaks and resets in the midst of a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boards
import numpy as np
import pytest
from test_board_host import Damage
from test_folded_network import signs_network

import threshc
from threshc.compiler.ir.storage import save
from threshc.hdl.chain import Circuit, build
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack
from threshc.hdl.shell.host import Board
from threshc.hdl.shell.protocol import Counts, body_size, request_body
from threshc.hdl.targets.registry import targets
from threshc.sim import reference
from threshc.sim.inputs import encode
from threshc.tasks.run import run
from threshc.tasks.samples import random_samples
from threshc.tasks.stimulus import answers

FOLD = "4x6,3x8,1x6@6"


def followed(data: bytes) -> bytes:
    return data + b"I"


@pytest.fixture(scope="module")
def chain() -> Circuit:
    return build(signs_network(np.random.default_rng(3), (12, 8, 6, 5), pixels=True), CircuitOptions(fold=FOLD))


def words(chain: Circuit, count: int) -> tuple[np.ndarray, np.ndarray]:
    x = random_samples(chain.network, count, 5)
    return pack(chain.network, encode(chain.network, x)), answers(chain, reference.run(chain.network, x))


def test_the_shell_holds_a_beat_and_not_a_sample(chain: Circuit) -> None:
    """Flip-flops of the shell around a chain do not grow with the sample, but with its beat."""
    io = chain.interface
    assert (io.input.count, io.input.width, io.input.bits) == (2, 48, 96)
    assert body_size(io.input) == 12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "dropped"),
    [
        (lambda data: bytes([data[0] ^ 0x80]) + data[1:], 1),  # not a command any more
        (lambda data: data[:3] + bytes([data[3] ^ 1]) + data[4:], 1),  # a wrong first beat
        (lambda data: data[:11] + bytes([data[11] ^ 1]) + data[12:], 1),  # a wrong last beat
        (lambda data: data[:5] + data[6:], 1),  # a byte is lost: what is behind it is no check byte
        (lambda data: data[:4], 1),  # cut before the first beat is whole
        (lambda data: data[:9], 1),  # cut when a beat has gone in
        (lambda data: data[:-1], 1),  # cut before the check byte, all beats in
        (lambda data: data[:7] + data[6:], 1),  # a byte too many
        (followed, 1),  # bytes behind it: the beginning of another request
        (lambda data: b"", 0),  # nothing came
    ],
    ids=["command", "first", "last", "lost", "cut0", "cut1", "cut2", "doubled", "behind", "silent"],
)
def test_damage_is_counted_dropped_and_never_shifts(chain: Circuit, how: Any, dropped: int) -> None:
    given, expected = words(chain, 4)
    damage = Damage(3, how)  # the ping, the counts, the first request
    board = Board(boards.SimulatedPort(chain, damage), chain.interface)
    before = board.counts()
    assert before is not None
    np.testing.assert_array_equal(board.infer(given[:1]), expected[:1])
    np.testing.assert_array_equal(board.infer(given[1:]), expected[1:])
    after = board.counts()
    assert after is not None
    assert after.since(before).dropped == dropped
    assert after.since(before).answered == 4 + (how is followed)
    assert sum(board.failures.values()) == 1
    assert damage.left < 0


@pytest.mark.slow
@pytest.mark.parametrize("name", {t.device.family: name for name, t in targets().items() if t.board}.values())
def test_a_board_of_every_family_is_built_and_answers_at_the_pins(chain: Circuit, name: str, tmp_path: Path) -> None:
    """Block RAM as Yosys maps it, the shell that streams beats, and a PLL: in the cells that are placed."""
    save(chain.network, tmp_path / "m.thresh")
    try:
        report = threshc.build(
            tmp_path / "m.thresh",
            tmp_path / "out",
            target=name,
            fold=FOLD,
            clock=36e6,
            baud=1_000_000,
            verify="netlist",
            samples=64,
        )
    except threshc.CompileError as problem:
        if "not installed" in str(problem):
            pytest.skip(str(problem))
        raise
    built = report.build
    assert built is not None
    assert [v.samples for v in built.verified] == [64, 64]
    assert built.network.brams > 0
    rows = {row.name: row.value for row in report.rows()}
    assert "memories" in rows
    assert "slowest path" in rows
    assert rows["throughput on the board"] == f"{built.clock_hz / built.interval_cycles:,.0f} samples/s"


@pytest.mark.slow
@pytest.mark.parametrize("sent", [1, 2, 5, 9, 14], ids=lambda n: f"{n} bytes")
@pytest.mark.parametrize("reset", [False, True], ids=["break", "reset"])
def test_a_break_or_a_reset_in_a_sample(chain: Circuit, sent: int, reset: bool) -> None:
    """What has gone in of the sample leaves nothing behind: the next ones get their own answers."""
    given, expected = words(chain, 3)
    port = boards.SimulatedPort(chain)
    board = Board(port, chain.interface)
    before = board.counts()
    port.write((b"I\x07" + request_body(chain.interface, given[2]))[:sent])
    if reset:
        port.reset()
    else:
        port.send_levels([0] * 12 + [1] * 30)
    np.testing.assert_array_equal(board.infer(given), expected)
    after = board.counts()
    assert before is not None
    assert not board.failures
    assert after == (Counts(3, 0) if reset else Counts(3, 1))


@pytest.mark.slow
def test_run_takes_a_folded_circuits_folder_and_tells_what_was_damaged(tmp_path: Path, chain: Circuit) -> None:
    save(chain.network, tmp_path / "m.thresh")
    out = tmp_path / "out"
    threshc.compile(tmp_path / "m.thresh", out, fold=FOLD, samples=3, simulator="amaranth")
    x = random_samples(chain.network, 5, 6)
    want = threshc.simulate(chain.network, x).labels
    told: list[str] = []
    np.testing.assert_array_equal(run(out, boards.SimulatedPort(chain), x, note=told.append).labels, want)
    assert told == []
    damaged = boards.SimulatedPort(chain, Damage(3, lambda data: data[:20] + data[21:]))
    np.testing.assert_array_equal(run(tmp_path / "m.thresh", damaged, x, fold=FOLD, note=told.append).labels, want)
    (note,) = told
    assert note.startswith("asked again for what was damaged: ")
    assert note.endswith("; the board answered 6 requests and dropped 1")

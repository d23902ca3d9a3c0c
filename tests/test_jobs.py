"""Work on several processes: the same results in the same order, errors as they are, nothing left running."""

from __future__ import annotations

import os
from pathlib import Path

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError, fail
from threshc.hdl import pool
from threshc.hdl.options import CircuitOptions
from threshc.hdl.pool import Pool, checked_jobs, cores
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.tasks.prove import prove

pytestmark = pytest.mark.slow


def square(x: int) -> tuple[int, int]:
    """A task: its result, and the process that worked."""
    print("not for the pipe")
    return x * x, os.getpid()


def refuse(x: int) -> int:
    """A task that fails for some arguments."""
    if x == 3:
        raise fail("three is too many", where="here", why="it is", hint="two")
    if x == 5:
        raise ValueError("five")
    if x == 7:
        os._exit(9)
    return x


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def test_results_come_in_order_from_other_processes() -> None:
    with Pool(2) as two:
        found = two.map(square, list(range(9)), seconds=100.0)
        assert [y for y, _ in found] == [x * x for x in range(9)]
        workers = {process for _, process in found} - {os.getpid()}
        assert 1 <= len(workers) <= 2
        again = {process for _, process in two.map(square, [1, 2], seconds=0.2)}
        assert workers | again <= {worker.pid for worker in two._workers}
    assert not any(map(alive, workers))


def test_little_work_stays_here() -> None:
    with Pool(4) as four:
        assert four.map(square, [1, 2, 3], seconds=0.01)[0][1] == os.getpid()
        assert not four._workers
    assert Pool().map(square, [4], seconds=1e9)[0] == (16, os.getpid())


def test_errors_are_those_of_the_task() -> None:
    with Pool(2) as two:
        with pytest.raises(CompileError, match="three is too many") as caught:
            two.map(refuse, [1, 2, 3, 4], seconds=100.0)
        assert caught.value.diagnostics[0].hint == "two"
        assert two.map(refuse, [1, 2], seconds=100.0) == [1, 2]
        with pytest.raises(AssertionError, match="ValueError: five"):
            two.map(refuse, [5, 6], seconds=100.0)
        with pytest.raises(CompileError, match=r"a process ended \(exit code"):
            two.map(refuse, [7, 8], seconds=100.0)


@pytest.mark.parametrize("jobs", [0, -1, 2000, True])
def test_numbers_of_jobs_that_make_no_sense(jobs: int) -> None:
    with pytest.raises(CompileError, match="jobs are not understood"):
        checked_jobs(jobs)
    assert checked_jobs(None) == cores() >= 1


def test_the_circuit_is_the_same_for_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "START", 0.0)
    monkeypatch.setattr(pool, "WORTH", 0.0)
    network = networks.random_dense(np.random.default_rng(5), (30, 12, 9, 4))
    options = CircuitOptions(pipeline=3, effort=2)
    texts = {mapped_verilog(build_design(network, options, jobs=jobs), "ice40") for jobs in (1, 2, 3)}
    assert len(texts) == 1


def test_positions_of_a_convolution_are_searched_once() -> None:
    design = build_design(networks.random_conv(np.random.default_rng(2), 8, (2, 2)))
    positions = max(layer.neurons for layer in design.neurons)
    assert 0 < len(design.netlist.solved) < positions


def test_what_effort_and_weight_bits_change_is_proved(tmp_path: Path) -> None:
    network = networks.random_dense(np.random.default_rng(6), (14, 9, 4), "int")
    proofs = [prove(network, tmp_path / f"{e}", effort=e, jobs=1) for e in (1, 9)]
    assert proofs[0].luts != proofs[1].luts
    reduced = prove(network, effort=2, weight_bits="2", jobs=1)
    assert reduced.luts < proofs[0].luts

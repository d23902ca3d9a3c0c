"""The testbench that is written beside the Verilog: passes on right answers, fails on a wrong one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import networks
import numpy as np
import pytest
from numpy.typing import NDArray

from threshc.compiler.files import write_files
from threshc.hdl.payload import pack
from threshc.hdl.shell.testbench import self_checking
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.emit import portable_verilog
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim.rtl import amaranth_driver, icarus, verilator
from threshc.sim.rtl.trace import Job

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def design() -> Design:
    return build_design(networks.random_dense(np.random.default_rng(3), (7, 5, 3), "ternary", "int3"))


@pytest.fixture(scope="module")
def samples(design: Design) -> NDArray[np.uint8]:
    return pack(design.network, networks.random_samples(np.random.default_rng(4), design.network, 25))  # type: ignore[arg-type]


def answers(design: Design, samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return amaranth_driver.simulate(Job(UnrolledUnit(design), samples, False, print)).words


def in_icarus(folder: Path, name: str) -> str:
    if icarus.missing():
        pytest.skip(icarus.missing())
    subprocess.run(["iverilog", "-g2005", "-o", "tb", f"{name}.v", f"{name}_tb.v"], cwd=folder, check=True)
    return subprocess.run(["vvp", "tb"], cwd=folder, check=True, capture_output=True, text=True).stdout


def in_verilator(folder: Path, name: str) -> str:
    if verilator.missing():
        pytest.skip(verilator.missing())
    tools = verilator._toolchain()
    options = ["--binary", "--timing", "-Wno-fatal", "-CFLAGS", "-std=c++20 -O0", "--top-module", f"{name}_tb"]
    subprocess.run(
        [tools.binary, *options, f"{name}.v", f"{name}_tb.v"],
        cwd=folder,
        env={**os.environ, "VERILATOR_ROOT": str(tools.root)},
        check=True,
        capture_output=True,
    )
    return subprocess.run([f"obj_dir/V{name}_tb"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("run", "stall"), [(in_icarus, False), (in_icarus, True), (in_verilator, True)])
def test_verdict(tmp_path: Path, design: Design, samples: NDArray[np.uint8], run: object, stall: bool) -> None:
    assert callable(run)
    expected = answers(design, samples)
    write_files(
        tmp_path,
        {
            f"{design.name}.v": portable_verilog(design),
            **self_checking(design.interface, samples, expected, stall=stall),
        },
    )
    said = run(tmp_path, design.name)
    assert "PASS: 25 answers in " in said
    assert f"latency {design.interface.timing.latency} cycles" in said

    (tmp_path / f"{design.name}_out.hex").write_text(
        self_checking(design.interface, samples, expected ^ (np.arange(25)[:, None] == 11))[f"{design.name}_out.hex"]
    )
    said = run_again(tmp_path, design.name, run)
    assert "FAIL: 1 of 25 answers are wrong" in said
    assert "sample 11: " in said


def run_again(folder: Path, name: str, run: object) -> str:
    """The memory files are read when the simulation starts: nothing needs to be compiled again."""
    command = ["vvp", "tb"] if run is in_icarus else [f"obj_dir/V{name}_tb"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_files_and_names(design: Design, samples: NDArray[np.uint8]) -> None:
    files = self_checking(design.interface, samples, answers(design, samples))
    assert list(files) == ["random_tb.v", "random_in.hex", "random_out.hex"]
    assert files["random_in.hex"].count("\n") == 25
    digits = -(-design.interface.input.bits // 4)
    assert {len(line) for line in files["random_in.hex"].splitlines()} == {digits}

"""`compile --export`: what an export holds, whether other tools can read it, and what is refused."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import pytest
import test_folded_spram
from beats import InBeats
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.hdl.chain import build
from threshc.hdl.export.axi_stream import held
from threshc.hdl.export.files import export_files
from threshc.hdl.export.kinds import KINDS
from threshc.hdl.export.registers import registers
from threshc.hdl.interface import Interface, StreamUnit
from threshc.hdl.shell.protocol import fingerprint
from threshc.hdl.streams import ports
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim.rtl import verilator

pytestmark = pytest.mark.slow

PLAIN = {"Makefile", "README.md", "x.core", "x.vlt", "x_quartus.tcl", "x_vivado.tcl"}
AXI = {
    "Makefile",
    "README.md",
    "test_x_axis.py",
    "x_axis.core",
    "x_axis.v",
    "x_axis.vlt",
    "x_axis_ipxact.tcl",
    "x_axis_litex.py",
    "x_axis_quartus.tcl",
    "x_axis_registers.v",
    "x_axis_vivado.tcl",
}


def small() -> threshc.Network:
    return networks.random_dense(np.random.default_rng(5), (11, 6, 4, 3), "ternary")


@pytest.fixture(scope="module", params=[None, "2x3,2x2,1x2@2"], ids=["unrolled", "folded"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small network as an AXI4-Stream block."""
    out = tmp_path_factory.mktemp("export") / "out"
    threshc.compile(small(), out, fold=request.param, samples=24, simulator="amaranth", export_as="axi-stream")
    return out


def top(folder: Path) -> str:
    """The name of the block."""
    (found,) = folder.glob("*_axis.v")
    return found.stem


def in_beats() -> StreamUnit:
    """A circuit of 3 transfers in and 2 out, of widths that no byte has."""
    return InBeats(UnrolledUnit(build(small(), threshc.CircuitOptions(scores=True)).units[0]))


@pytest.mark.parametrize(("kind", "wanted"), [("axi-stream", AXI), ("plain", PLAIN)])
def test_the_command_makes_them(kind: str, wanted: set[str], root: Path, tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes((root / "examples/xor/xor.onnx").read_bytes())
    words = ["compile", str(tmp_path / "x.onnx"), "--input", "bit", "--simulator", "amaranth", "-q", "--samples", "4"]
    done = CliRunner().invoke(app, [*words, "--export", str(tmp_path / "ip"), "--as", kind])
    assert done.exit_code == 0, done.output
    made = {path.name for path in (tmp_path / "ip").iterdir()}
    name = json.loads((tmp_path / "ip/report.json").read_text())["design"]["module"]
    usual = {f"{name}{end}" for end in (".v", "_tb.v", "_in.hex", "_out.hex", ".h", "_pkg.sv", "_io.py")}
    named = {re.sub(r"\bx(?=[._])|(?<=test_)x(?=_)", name, file) for file in wanted}
    assert made == named | usual | {"model.thresh", "report.json", "report.md"}
    assert set(json.loads((tmp_path / "ip/report.json").read_text())["files"]) == made
    assert threshc.verify(tmp_path / "ip", samples=4).ok
    again = CliRunner().invoke(app, [*words, "--export", str(tmp_path / "ip"), "--as", kind])
    assert again.exit_code == 0, "an export takes the place of the one before"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--export", "ip", "--as", "wishbone"], "there is no export 'wishbone'"),
        (["--as", "axi"], "there is no export 'axi'"),
        (["--export", "ip", "-o", "out"], "-o and --export cannot be together"),
    ],
)
def test_what_is_refused_before_the_model_is_read(words: list[str], said: str, tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["compile", str(tmp_path / "none.onnx"), *words])
    assert outcome.exit_code == 1
    assert isinstance(outcome.exception, threshc.CompileError)
    assert outcome.exception.diagnostics[0].what == said
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_loaded_have_no_way_into_the_block() -> None:
    chain = test_folded_spram.chain()
    with pytest.raises(threshc.CompileError, match="weights in SPRAM cannot be exported as AXI4-Stream"):
        export_files(chain.interface, "axi-stream", "", {})
    assert export_files(chain.interface, "plain", "", {})


def test_names_of_the_wrapper_are_not_those_of_the_circuit() -> None:
    interface = build(networks.xor()).interface
    name = interface.name
    made = export_files(interface, "axi-stream", f"module {name} (\nmodule \\{name}_axis (", {})
    assert f"{name}_axis_2.v" in made
    assert f"module {name}_axis_2 (" in made[f"{name}_axis_2.v"]


def test_the_map_of_the_registers() -> None:
    interface = in_beats().interface
    rows = registers(interface)
    assert [row.offset for row in rows] == [4 * k for k in range(len(rows))]
    assert len(rows) < 16
    value = {row.name: row.value for row in rows}
    digest = fingerprint(interface)
    assert value["ID"] == f"32'h{b'THRC'.hex()}"
    assert bytes.fromhex((value["DIGEST_HIGH"] + value["DIGEST_LOW"]).replace("32'h", ""))[::-1] == digest
    assert (value["INPUT_BEATS"], value["OUTPUT_BEATS"]) == ("32'd3", "32'd2")


@pytest.mark.parametrize("what", ["folder", "beats"])
def test_verilator_warns_of_nothing(what: str, folder: Path, tmp_path: Path) -> None:
    if verilator.missing():
        pytest.skip(verilator.missing())
    if what == "beats":
        unit = in_beats()
        name, text = unit.interface.name, unit.verilog()
        files = export_files(unit.interface, "axi-stream", text, {}) | {f"{name}.v": text}
        for file, content in files.items():
            (tmp_path / file).write_text(content)
        folder = tmp_path
    name = top(folder)
    sources = [f"{name}.vlt", f"{name}.v", f"{name}_registers.v", f"{name.removesuffix('_axis')}.v"]
    tools = verilator._toolchain()
    command = [tools.binary, "--lint-only", "-Wall", "--top-module", name, *sources]
    environment = {**os.environ, "VERILATOR_ROOT": str(tools.root)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def test_litex_connects_every_port(folder: Path) -> None:
    """Of the wrapper, each once; where LiteX is installed, it makes Verilog of the class."""
    name = top(folder)
    text = (folder / f"{name}_litex.py").read_text()
    (call,) = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "Instance")
    head = (folder / f"{name}.v").read_text().partition(");")[0]
    declared = re.findall(r"^  (in|out)put +(?:wire|reg) +(?:\[\S+\] +)?(\w+)", head, re.MULTILINE)
    wanted = [f"{way[0]}_{port}" for way, port in declared]
    assert len(wanted) == 29
    assert [keyword.arg for keyword in call.keywords] == wanted
    if importlib.util.find_spec("litex") is None:
        return
    code = f"""
import sys
sys.path.insert(0, {str(folder)!r})
import {name}_litex as made
from migen.fhdl.verilog import convert
class Platform:
    def add_source(self, path): assert open(path).read()
    def add_verilog_include_path(self, path): pass
kind = next(v for k, v in vars(made).items() if isinstance(v, type) and v.__module__ == made.__name__)
block = kind(Platform())
parts = [block.sink, block.source, *(getattr(block.bus, c) for c in ("aw", "w", "b", "ar", "r"))]
ports = {{signal for part in parts for signal in part.flatten()}}
print(convert(block, ports, create_clock_domains=True))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{name} {name}(" in done.stdout


_STUBS = r"""
# Every command that Tcl itself does not have is written down and answers its own name.
proc unknown {args} { puts "DID $args"; return [lindex $args 0] }
proc package {args} {}
set argc 0
set argv {}
set quartus(args) {}
set given [lindex $::argv0 0]
"""
RUNS = {
    "vivado": ("read_verilog", "synth_design", "create_clock", "route_design", "write_checkpoint"),
    "ipxact": (
        "create_project",
        "add_files",
        "ipx::package_project",
        "ipx::associate_bus_interfaces",
        "ipx::save_core",
    ),
    "quartus": ("project_new", "set_global_assignment", "execute_flow", "project_close"),
}


@pytest.mark.parametrize("script", RUNS)
def test_tcl_runs_with_the_tools_commands_stubbed(script: str, folder: Path, tmp_path: Path) -> None:
    if shutil.which("tclsh") is None:
        pytest.skip("needs tclsh")
    name = top(folder)
    for path in folder.iterdir():
        shutil.copy(path, tmp_path / path.name)
    path = tmp_path / f"{name}_{script}.tcl"
    (tmp_path / "stubbed.tcl").write_text(f"{_STUBS}\nsource {{{path}}}\n")
    done = subprocess.run(["tclsh", tmp_path / "stubbed.tcl"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    did = [line.removeprefix("DID ") for line in done.stdout.splitlines()]
    called = [line.split()[0] for line in did]
    assert [command for command in RUNS[script] if command not in called] == []
    sources = [line.split()[-1] for line in did if re.match(r"read_verilog|add_files|.*VERILOG_FILE", line)]
    verilog = {f"{name}.v", f"{name}_registers.v", f"{name.removesuffix('_axis')}.v"}
    memories = {path.name for path in folder.glob("*.hex")} - {path.name for path in folder.glob("*_in.hex")}
    memories -= {path.name for path in folder.glob("*_out.hex")}
    assert set(sources) - memories >= verilog
    assert all((folder / source).is_file() for source in sources)


def test_fusesoc_lists_what_is_there(folder: Path) -> None:
    name = top(folder)
    text = (folder / f"{name}.core").read_text()
    listed = re.findall(r"^      - ([\w.]+)", text, re.MULTILINE)
    assert {f"{name}.v", f"{name}_registers.v", f"{name}.vlt"} <= set(listed)
    assert all((folder / file).is_file() for file in listed)
    if shutil.which("fusesoc"):
        done = subprocess.run(
            ["fusesoc", "--cores-root", ".", "core", "show", f"threshc::{name}"], cwd=folder, check=False
        )
        assert done.returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_names_every_port_and_register(kind: str) -> None:
    interface: Interface = in_beats().interface
    text = export_files(interface, kind, "", {})["README.md"]
    named = [port for _, port, _ in ports(interface)] if kind == "plain" else [r.name for r in registers(interface)]
    assert [word for word in named if not re.search(rf"\b{word}\b", text)] == []
    assert "not run" in text


def test_as_many_samples_are_let_in_as_keep_it_busy() -> None:
    for fold in (None, "2x3,2x2,1x2@2"):
        timing = build(small(), threshc.CircuitOptions(fold=fold)).interface.timing
        assert held(build(small(), threshc.CircuitOptions(fold=fold)).interface) * timing.interval > timing.latency

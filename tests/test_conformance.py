"""The conformance command on folders of every layout: what it finds, what it prints, what it never does."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_models import Model, random_mlp
from patterns import bits, pm1

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # `bench` is a folder of the repository, not of the package

from bench.conformance_model import Limits, Verdict, try_model  # noqa: E402
from bench.expected import find_expected, find_models, fitting_encoding, stated_input  # noqa: E402
from bench.kinds import KINDS, write_kinds  # noqa: E402
from threshc.compiler.frontend.float_model import run_float  # noqa: E402
from threshc.compiler.frontend.graph import build_graph  # noqa: E402

pytestmark = pytest.mark.slow


def mlp(head: str = "scores") -> onnx.ModelProto:
    return random_mlp(4, (6, 5, 4), "pm1", "where", True, True, head)


def on_integers() -> onnx.ModelProto:
    """A model that needs to be told the integers of its input."""
    m, rng = Model(["batch", 6]), np.random.default_rng(2)
    x = m.batch_norm(m.op("MatMul", m.input, m.const(pm1(rng, 6, 5))), rng, 5)
    return m.build(m.op("MatMul", bits(m, x), m.const(pm1(rng, 5, 3))))


def law(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    graph = build_graph(model, None)
    return np.asarray(run_float(graph, x.astype(np.float32), graph.outputs)[0])


def reals(count: int = 50) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 6)).astype(np.float32)


def tried(folder: Path, stated: str | None = None) -> Verdict:
    (path,) = find_models(folder)
    return try_model(path, folder, stated, Limits())


def test_samples_and_outputs_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(mlp().SerializeToString())
    np.savez(tmp_path / "a.npz", x=reals(), y=law(mlp(), reals()))
    verdict = tried(tmp_path)
    assert verdict.good
    assert verdict.stored == (50, 50)
    assert verdict.hidden_samples == 50
    assert verdict.hidden_bits == 50 * 9  # of 6 + 5 bits, two neurons are constant
    assert verdict.synapses > 0
    assert str(verdict).startswith("read     a.onnx: ")


@pytest.mark.parametrize("names", [("inputs", "pred"), ("X", "label"), ("images", "labels"), ("odd name", "argmax")])
def test_names_of_arrays(tmp_path: Path, names: tuple[str, str]) -> None:
    (tmp_path / "a.onnx").write_bytes(mlp("argmax").SerializeToString())
    np.savez(tmp_path / "a.npz", **{names[0]: reals(), names[1]: law(mlp("argmax"), reals()).ravel()})  # type: ignore[arg-type]
    assert tried(tmp_path).stored == (50, 50)


@pytest.mark.parametrize("place", ["a.b.npz", "a.npz", "golden/A.npz", "sub/x/a.b.npz", "a.b_golden.npz", "data.npz"])
def test_places_of_samples(tmp_path: Path, place: str) -> None:
    (tmp_path / "a.b.onnx.gz").write_bytes(gzip.compress(mlp().SerializeToString()))
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    np.savez(tmp_path / place, x=reals(), logits=law(mlp(), reals()))
    assert tried(tmp_path).stored == (50, 50)


def test_a_strangers_samples_are_not_taken(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.onnx").write_bytes(mlp().SerializeToString())
    np.savez(tmp_path / "ab.npz", x=reals(), y=law(mlp(), reals()))
    assert find_expected(tmp_path / "a.onnx", tmp_path, 6).samples is None


def test_wrong_labels_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(mlp().SerializeToString())
    pred = law(mlp(), reals()).argmax(axis=1)
    pred[:3] = (pred[:3] + 1) % 4
    np.savez(tmp_path / "a.npz", x=reals(), pred=pred, y=np.zeros(50, np.int64))
    verdict = tried(tmp_path)
    assert verdict.stored == (47, 50)
    assert not verdict.good
    assert str(verdict).startswith("WRONG    a.onnx: ")
    assert "labels equal 47 of 50 (stored)" in str(verdict)
    assert verdict.truth is not None  # classes named y beside predictions are the data's own


def test_bits_are_compared_as_real_values(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(mlp("step").SerializeToString())
    np.savez(tmp_path / "a.npz", x=reals(), y=law(mlp("step"), reals()))
    assert tried(tmp_path).stored == (50, 50)


def test_encoding_from_the_samples(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 6))
    (tmp_path / "a.onnx").write_bytes(on_integers().SerializeToString())
    np.savez(tmp_path / "a.npz", x=x.astype(np.float32), y=law(on_integers(), x))
    verdict = tried(tmp_path)
    assert (verdict.input, verdict.stored, verdict.good) == ("uint8", (40, 40), True)


def test_real_samples_are_rounded_for_both_sides(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(on_integers().SerializeToString())
    np.savez(tmp_path / "a.npz", x=reals(), y=law(on_integers(), reals()))
    verdict = tried(tmp_path)
    assert verdict.fixed_point
    assert verdict.good
    assert verdict.input == "int16*0.0001"
    assert "rounded to this fixed point" in str(verdict)


@pytest.mark.parametrize(
    ("values", "encoding"),
    [
        ([0, 1], "bit"),
        ([-1, 1], "bipolar"),
        ([0, 200], "uint8"),
        ([-3, 200], "int9"),
        ([-128, 127], "int8"),
        ([0, 300], "uint9"),
        (np.arange(256, dtype=np.float32) / np.float32(255), "uint8/255"),
        ([0.1, -2.5], "int16*0.0001"),
    ],
)
def test_fitting_encoding(values: list[float], encoding: str) -> None:
    assert fitting_encoding(np.array(values, np.float32)) == encoding


def test_stated_encodings(tmp_path: Path) -> None:
    (tmp_path / "conformance.json").write_text('{"A": "uint8", "b.onnx": {"input": "bit"}, "*": 3}')
    path = tmp_path / "a.onnx"
    assert stated_input(path, tmp_path, {}) == "uint8"
    assert stated_input(path, tmp_path, {"a": "int4"}) == "int4"
    assert stated_input(tmp_path / "b.onnx", tmp_path, {}) == "bit"
    assert stated_input(tmp_path / "c.onnx", tmp_path, {}) is None
    assert stated_input(tmp_path / "c.onnx", tmp_path, {"*": "bipolar"}) == "bipolar"


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.conformance", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_command(tmp_path: Path) -> None:
    """Refusals, damaged files and odd archives are lines, not tracebacks; the exit code is 0 without differences."""
    (tmp_path / "good.onnx").write_bytes(mlp().SerializeToString())
    np.savez(tmp_path / "good.npz", x=reals(), y=law(mlp(), reals()))
    (tmp_path / "text.onnx").write_text("no model")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "odd.onnx").write_bytes(mlp().SerializeToString())
    (tmp_path / "odd.npz").write_bytes(b"PK\x03\x04 no archive")
    m = Model(["batch", 6])
    x = m.op("Relu", m.op("MatMul", bits(m, m.input), m.const(np.ones((6, 6)))))
    (tmp_path / "relu.onnx").write_bytes(m.build(m.op("MatMul", x, m.const(np.ones((6, 2))))).SerializeToString())
    (tmp_path / "noinput.onnx").write_bytes(on_integers().SerializeToString())
    done = command(tmp_path, "--json", tmp_path / "rows.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = {line.split()[1].rstrip(":"): line for line in done.stdout.splitlines()[:-1]}
    assert lines["good.onnx"].startswith("read ")
    assert lines["odd.onnx"].startswith("read ")
    assert "random" in lines["odd.onnx"]
    assert "ReLU networks are not threshold networks" in lines["relu.onnx"]
    assert "text" in lines["text.onnx"]
    assert "the model file is empty" in lines["empty.onnx"]
    assert "nothing states the input: uint8 assumed" in lines["noinput.onnx"]
    assert done.stdout.splitlines()[-1] == "6 models: 3 read, 3 refused, 0 with differences, 0 faults"
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {"name", "value", "unit", "peer", "ratio", "goal", "met"} <= set(rows[0])
    assert all(row["met"] in (True, None) for row in rows)


def test_command_says_what_differs(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(mlp().SerializeToString())
    np.savez(tmp_path / "a.npz", x=reals(), pred=(law(mlp(), reals()).argmax(axis=1) + 1) % 4)
    done = command(tmp_path, "--json", tmp_path / "rows.json")
    assert done.returncode == 1
    assert "1 models: 1 read, 0 refused, 1 with differences, 0 faults" in done.stdout
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert any(row["met"] is False and row["name"].endswith("labels equal") for row in rows)


def test_kinds_that_were_once_read_wrongly(tmp_path: Path) -> None:
    """Each is read with the labels of onnx's evaluator."""
    write_kinds(tmp_path)
    for name in KINDS:
        verdict = try_model(tmp_path / f"{name}.onnx", tmp_path, None, Limits())
        assert verdict.good, str(verdict)
        assert verdict.stored == (400, 400), str(verdict)

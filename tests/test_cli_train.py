"""`threshc train`: from a table to a model, and what it says of bad tables."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import threshc
from threshc.cli.main import app
from threshc.cli.training_report import same_scores
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.ops import Output

pytestmark = pytest.mark.slow

pytest.importorskip("sklearn", reason="needs scikit-learn")

FAST = ["--columns", "60", "--rounds", "1"]


def run(*arguments: object) -> Result:
    """The command; its CompileError, if any, is the result's exception."""
    return CliRunner().invoke(app, ["train", "convex", *map(str, arguments)])


def table(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


ROWS = ["size,weight,class", *(f"{k},{(7 * k) % 11},{'large' if k > 9 else 'small'}" for k in range(20))]


def test_a_table_with_names(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    data = table(tmp_path / "t.csv", ROWS)
    result = run("--data", data, "-o", tmp_path / "m.onnx", *FAST, "--plot", tmp_path / "c.png", "--test", "0.25")
    assert result.exit_code == 0, result.output
    for figure in ("objective", "lower bound", "gap", "accuracy, held back", "neurons", "LUT4 of all layers"):
        assert figure in result.stdout
    assert "20 of 20" in result.stdout
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.png", "m.onnx", "t.csv"]
    labels = threshc.simulate(threshc.load(tmp_path / "m.onnx"), np.array([[2, 3], [15, 3]], np.float32)).labels
    np.testing.assert_array_equal(labels, [1, 0])  # positions in (large, small)


def test_the_last_column_is_named_and_so_is_every_class(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", [ROWS[0].replace("class", "kind"), *ROWS[1:]])
    said = f"note: {data}: the last column, 'kind', is taken for the labels (--target NAME for another)"
    result = run("--data", data, "-o", tmp_path / "m.onnx", *FAST)
    assert said in result.stderr
    classes = result.stdout.partition("classes")[2].split()
    assert " ".join(classes).endswith("0 large 1 small")
    numbers = table(tmp_path / "n.csv", [row.replace("large", "1").replace("small", "0") for row in ROWS])
    result = run("--data", numbers, "-o", tmp_path / "m.onnx", *FAST)
    assert "taken for the labels" not in result.stderr
    assert "classes" not in result.stdout


def test_zipped_tables_without_names_and_archives(tmp_path: Path) -> None:
    rows = [line.replace("large", "1").replace("small", "0").replace(",", "\t") for line in ROWS[1:]]
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    numbers = np.array([[float(cell) for cell in row.split("\t")] for row in rows])
    np.savez(tmp_path / "t.npz", x=numbers[:, :-1], y=numbers[:, -1].astype(int))
    for name in ("t.tsv.gz", "t.npz"):
        result = run("--data", tmp_path / name, "-o", tmp_path / f"{name}.onnx", *FAST)
        assert result.exit_code == 0, result.output
    one, two = ((tmp_path / f"{name}.onnx").read_bytes() for name in ("t.tsv.gz", "t.npz"))
    assert one == two


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,b,y", "1,2,0", "1,red,1"], "'red' is not a finite number\n  where: {}, column 'b', row 3"),
        (["a,b,y", "nan,2,0", "1,2,1"], "'nan' is not a finite number\n  where: {}, column 'a', row 2"),
        (["a,b,y", "1,,0", "1,2,1"], "'' is not a finite number\n  where: {}, column 'b', row 2"),
        (["a,b,y", "1,2,0", "1,2"], "a row has 2 columns, 3 are expected\n  where: {}, row 3"),
        (["a,b,y", "1,2,0", "1,2,"], "a label is missing\n  where: {}, column 'y', row 3"),
        (["a,b,y", "1,2,7", "1,3,7"], "all 2 labels are '7'"),
        (["y", "1", "2"], "the file holds one column only"),
        ([], "the file is empty"),
    ],
)
def test_bad_tables_are_named_by_column_and_row(tmp_path: Path, rows: list[str], message: str) -> None:
    data = table(tmp_path / "t.csv", rows) if rows else tmp_path / "t.csv"
    if not rows:
        data.write_text("")
    result = run("--data", data, "-o", tmp_path / "m.onnx")
    assert isinstance(result.exception, CompileError)
    assert str(result.exception).startswith(message.format(data))
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_bad_options_are_named(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", ROWS)
    for options, message in (
        (["--target", "colour"], "there is no column 'colour'"),
        (["--encoding", "hot"], "encoding is 'hot'; it must be one of thermometer, integer"),
        (["--multiclass", "tree"], "multiclass is 'tree'"),
    ):
        result = run("--data", data, "-o", tmp_path / "m.onnx", *options)
        assert isinstance(result.exception, CompileError)
        assert str(result.exception).startswith(message)
    result = run("--data", data, "-o", tmp_path / "nowhere" / "m.onnx", *FAST)
    assert "the file cannot be written" in str(result.exception)


def test_samples_without_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    result = run("--data", tmp_path / "x.npy", "-o", tmp_path / "m.onnx")
    assert "there are no labels to train with" in str(result.exception)
    np.savez(tmp_path / "t.npz", x=np.array([[0, 1], [np.inf, 2]]), y=np.array([0, 1]))
    result = run("--data", tmp_path / "t.npz", "-o", tmp_path / "m.onnx")
    assert "column '0', row 1" in str(result.exception)


def test_straight_through(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs PyTorch")
    data = table(tmp_path / "t.csv", ROWS)
    arguments = ["train", "ste", "--data", str(data), "-o", str(tmp_path / "m.onnx"), "--epochs", "5", "--hidden", "8"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "loss of the last epoch" in result.stdout
    assert "20 of 20" in result.stdout
    assert (tmp_path / "m.onnx").is_file()


def test_real_targets_and_layers_below(tmp_path: Path) -> None:
    rows = ["a,b,y", *(f"{k},{(7 * k) % 11},{k / 4 + (k > 9)}" for k in range(20))]
    data, out = table(tmp_path / "t.csv", rows), tmp_path / "m.onnx"
    result = run("--data", data, "-o", out, *FAST, "--regression", "--levels", 20, "--below", "30")
    assert result.exit_code == 0, result.output
    assert "R^2, training" in result.stdout
    assert "scores equal to predict" in result.stdout
    assert len(threshc.simulate(threshc.load(out), np.zeros((1, 2), np.float32)).bits) == 2
    for words, said in ((["--below", "0"], "are not widths of layers"), (["--below", "a"], "are not widths of layers")):
        assert said in str(run("--data", data, "-o", out, *words).exception)
    rows[3] = "2,3,warm"
    found = run("--data", table(tmp_path / "t.csv", rows), "-o", out, "--regression").exception
    assert "the target 'warm' is not a number" in str(found)


@pytest.mark.parametrize("words", [[], ["--regression", "--no-standardize"]], ids=["classes", "real targets"])
def test_samples_to_test_with(words: list[str], tmp_path: Path) -> None:
    rows = [row.replace("large", "1").replace("small", "0") for row in ROWS]
    data, held = table(tmp_path / "t.csv", rows), table(tmp_path / "h.csv", rows[:10] + rows[15:])  # 15 samples
    result = run("--data", data, "-o", tmp_path / "m.onnx", *FAST, "--test-data", held, *words)
    assert result.exit_code == 0, result.output
    figures = {line.strip().partition("  ")[0]: line for line in result.stdout.splitlines()}
    assert "of 15" in figures[f"{'R^2' if words else 'accuracy'}, test samples"]
    assert "15 of 15" in figures[f"{'scores' if words else 'labels'} equal to predict"]
    alone = run("--data", data, "-o", tmp_path / "m.onnx", "--test-labels", held).exception
    assert str(alone) == "labels without samples\n  where: --test-labels\n  try: give the samples with --test-data"


def test_a_checkpoint_of_the_command(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv", ROWS)
    words = ["--data", data, *FAST, "--patience", 2, "--refit", 1, "--checkpoint", tmp_path / "run.npz"]
    assert run(*words, "-o", tmp_path / "one.onnx").exit_code == 0
    assert run(*words, "-o", tmp_path / "two.onnx").exit_code == 0
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    other = run(*words, "-o", tmp_path / "two.onnx", "--beta", 0.5).exception
    assert "is of other data or settings" in str(other)


@pytest.mark.parametrize(
    ("found", "expected", "scale", "same"),
    [
        ([0, 1, 2], [-4, -1, 2], 3.0, True),  # 3 times the score, less 4
        ([5, 5, 5], [5, 5, 5], 1.0, True),
        ([0, 1, 2], [-4, -1, 3], 3.0, False),
        ([0, 1, 2], [2, -1, -4], 3.0, False),
        ([1, 0, 2], [-4, -1, 2], 3.0, False),
        ([0, 1, 2], [-4, -1, 2], 2.0, False),  # the scores, but not for these values
    ],
)
def test_scores_are_compared_up_to_a_factor_and_a_constant(
    found: list[int], expected: list[int], scale: float, same: bool
) -> None:
    """The compiler moves a common factor of the weights, and what is the same for all samples, into the output."""
    step, offset = 0.5, 10.0  # the estimator's
    output = Output("y", 0, "scores", np.array([scale * step]), np.array([offset + step * -4.0 * (found[0] == 0)]))
    assert same_scores(output, np.array(found), np.array(expected), step, offset) == same

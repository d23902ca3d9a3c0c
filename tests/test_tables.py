"""Tables as people have them: what each is read as by every command, or what is said of it."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import numpy as np
import pytest

from threshc.cli.data import samples_and_labels
from threshc.cli.training_data import read_table
from threshc.compiler.diagnostics import CompileError
from threshc.sim.data.options import TableOptions, parse_table_options
from threshc.sim.data.whole import labels_beside, read_labels, read_samples


def read(path: Path, table: str | None = None) -> tuple[list[list[float]], list[int] | None, list[str]]:
    """Features, labels and notes, as `sim` and `verify` see them."""
    notes: list[str] = []
    options = parse_table_options(table)
    x = read_samples(path, options=options, note=notes.append)
    y = labels_beside(path, options=options, note=notes.append)
    return x.tolist(), None if y is None else y.tolist(), notes


TWO = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("text", "table", "x", "y", "note"),
    [
        ("1,2\n3,4\n", None, TWO, None, ""),
        ("a,b\n1,2\n3,4\n", None, TWO, None, ""),
        ("a,b,class\n1,2,0\n3,4,1\n", None, TWO, [0, 1], ""),
        ("Target,a,b\n0,1,2\n1,3,4\n", None, TWO, [0, 1], ""),
        ("a,b,colour\n1,2,0\n3,4,1\n", "target=colour", TWO, [0, 1], ""),
        ("0,1,target\n1,2,0\n3,4,1\n", None, TWO, [0, 1], ""),  # DataFrame columns without names
        ("0,1,target\n1,2,red\n3,4,blue\n", None, TWO, None, "are words and the model's classes are numbers"),
        ("1,2,class\n1,2,0\n3,4,1\n", None, TWO, [0, 1], ""),
        ("0,1,2,3\n1,2,5,6\n3,4,7,8\n", None, [[1, 2, 5, 6], [3, 4, 7, 8]], None, "taken for the columns' names"),
        ("0,1,2,3\n1,2,5,6\n", "header=no", [[0, 1, 2, 3], [1, 2, 5, 6]], None, ""),
        ("0,1\n1,0\n", None, [[0, 1], [1, 0]], None, ""),  # the table of a gate
        (",a,b\n0,1,2\n1,3,4\n", None, TWO, None, "the first column has no name and is left out"),
        (",0,1\n0,1,2\n1,3,4\n", None, TWO, None, "the first column has no name and is left out"),
        ("Unnamed: 0,a,b,y\n0,1,2,7\n1,3,4,8\n", None, TWO, [7, 8], "the first column has no name and is left out"),
        ("id,a,b\n9,1,2\n8,3,4\n", "drop=id", TWO, None, ""),
        ("a\tb\n1\t2\n3\t4\n", None, TWO, None, ""),
        ("a;b\n1;2\n3;4\n", None, TWO, None, ""),
        ("1.5 2\n 3  4\n", None, [[1.5, 2], [3, 4]], None, ""),  # numpy.savetxt
        ('"a,1","b;2"\n"1","2"\n"3",4\n', None, TWO, None, ""),
        ("a;b\n1,5;2\n3;4,25\n", "decimal=comma", [[1.5, 2], [3, 4.25]], None, ""),
        ("1,5;2,5\n3,5;4,5\n", "decimal=comma", [[1.5, 2.5], [3.5, 4.5]], None, ""),
        ("a,b\nTrue,2\nFalse,4\n", None, [[1, 2], [0, 4]], None, ""),
        ("a,b\nred,2\nblue,4\n", "onehot=a:red|blue|green", [[1, 0, 0, 2], [0, 1, 0, 4]], None, ""),
        ("a,b\r\n1,2\r\n\r\n3,4\r\n", None, TWO, None, ""),
        ("a,b\n1e0,.2e1\n+3.,4\n", None, TWO, None, ""),
        ("a, b\n1, 2\n3, 4", None, TWO, None, ""),
    ],
)
def test_tables_that_are_read(
    tmp_path: Path, text: str, table: str | None, x: list[list[float]], y: list[int] | None, note: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    found = read(path, table)
    assert found[:2] == (x, y)
    assert note in " ".join(found[2]) if note else not found[2]


@pytest.mark.parametrize(
    ("text", "what", "rest"),
    [
        ("", "the file is empty", ""),
        ("\n \n", "the file is empty", ""),
        ("a,b\n", "the file holds no samples", ""),
        ("a,b\n1,2\n3\n", "a row has 1 columns, 2 are expected", "row 3"),
        ("a,b\n0,1,2\n1,3,4\n", "a row has 3 columns, 2 are expected", "row.names = FALSE"),
        ("a,b\n1,\n3,4\n", "'' is not a finite number", "remove the row, or fill the gap"),
        ("a,b\n1,NA\n3,4\n", "'NA' is not a finite number", "remove the row, or fill the gap"),
        ("a,b\n1,nan\n3,4\n", "'nan' is not a finite number", "column 'b', row 2"),
        ("a,b\n1,inf\n3,4\n", "'inf' is not a finite number", "column 'b', row 2"),
        ("a;b\n1,5;2\n3;4\n", "'1,5' is not a finite number", "table='decimal=comma'"),
        ("a,b\n1,2\n3,1_000\n", "'1_000' is not a finite number", "column 'b', row 3"),
        ("a,b\nred,2\nblue,4\nred,5\n", "'red' is not a finite number", "table='onehot=a:blue|red'"),
        ("a,b\nyes,2\nno,4\n", "'yes' is not a finite number", "the column holds 2 different words"),
        ("a,b\n2,yes\n4,no\n", "'yes' is not a finite number", "try: table='target=b' if these are the labels; encode"),
        ("a,b,y\n2,yes,1\n4,no,1\n", "'yes' is not a finite number", "try: encode it as a number"),
        ("a,b\n1,2\n3,4\n5,x\n", "'x' is not a finite number", "correct the cell"),
        ("a," * 200_000 + "b\n" + "1," * 200_000 + "2\n", "200000 columns have the name 'a'", "8, 9, 10, .."),
        ("a,b,a\n1,2,3\n3,4,5\n", "2 columns have the name 'a'", "columns 1, 3"),
        ("a,b\n1,2\n3,4\x00\n", "the file is not a table", "zero byte"),
        ("١,٢\n1,2\n١,٢\n", "'١' is not a finite number", "row 3"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, what: str, rest: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        read(path)
    assert caught.value.diagnostics[0].what == what
    assert str(path) in str(caught.value)
    assert rest in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("drop=c", "there is no column 'c'"),
        ("target=c", "there is no column 'c'\n  where: target=, .*\n  try: one of a, b$"),
        ("onehot=a:1|7", "'3' is none of the column's words"),
        ("target=a; drop=a", "the column 'a' is both dropped and the target"),
        ("drop=a,b", "the file holds one column only"),
        ("commas", "'commas' is not an option of tables"),
        ("decimal=,", "'decimal=,' is not an option of tables"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, table: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(CompileError, match=said.replace("|", "\\|")):
        read(path, table)


def test_a_column_without_a_name_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(",sepal,petal\n0,1,2\n1,3,4\n")
    with pytest.raises(CompileError, match=r"there is no column 'specie'\n.*\n  try: one of sepal, petal$"):
        read(tmp_path / "t.csv", "target=specie")


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (codecs.BOM_UTF8 + "größe,b\n1,2\n3,4\n".encode(), True),
        ("größe,b\n1,2\n3,4\n".encode("utf-16"), True),
        (codecs.BOM_UTF16_BE + "größe,b\n1,2\n3,4\n".encode("utf-16-be"), True),
        ("größe,b\n1,2\n3,4\n".encode("cp1252"), False),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings(tmp_path: Path, data: bytes, names: bool, packed: bool) -> None:
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    if names:
        assert read(path, "drop=größe")[0] == [[2.0], [4.0]]
        return
    with pytest.raises(CompileError, match="not text in a known encoding") as caught:
        read(path)
    assert "iconv -f windows-1252 -t utf-8" in str(caught.value)


def test_iris_without_names_is_not_cut(tmp_path: Path) -> None:
    """A class in words at the end of the first line does not make it a line of names."""
    path = tmp_path / "iris.data.csv"
    path.write_text("5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n6.2,2.9,Iris-virginica\n")
    table = read_table(path, None, None)
    assert table.x.shape == (3, 2)
    assert table.y.tolist() == ["Iris-setosa", "Iris-setosa", "Iris-virginica"]


def test_labels_of_a_table_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "y.csv").write_text("label\n1\n0\n")
    (tmp_path / "words.csv").write_text("label\nred\nblue\n")
    assert read_labels(tmp_path / "y.csv").tolist() == [1, 0]
    with pytest.raises(CompileError, match="the label 'red' is not an integer"):
        read_labels(tmp_path / "words.csv")
    table = read_table(tmp_path / "x.csv", tmp_path / "y.csv", None)
    assert table.x.tolist() == TWO
    assert table.y.tolist() == [1, 0]
    np.save(tmp_path / "three.npy", np.zeros(3, int))
    with pytest.raises(CompileError, match="2 samples and 3 labels"):
        read_table(tmp_path / "x.csv", tmp_path / "three.npy", None)


@pytest.mark.parametrize(
    ("text", "table", "found"),
    [
        ("1\n0\n", None, [1, 0]),
        ("colour\n1\n0\n", None, [1, 0]),
        (",colour\n5,1\n6,0\n", None, [1, 0]),  # pandas with row numbers
        ("id,Label,b\n5,1,7\n6,0,7\n", None, [1, 0]),
        ("a,b\n1,7\n0,7\n", "target=a", [1, 0]),
        ("a,b\n1,7\n0,7\n", "drop=b", [1, 0]),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_column_of_labels(tmp_path: Path, text: str, table: str | None, found: list[int], kind: str) -> None:
    path = _labels_file(tmp_path, text, kind)
    assert read_labels(path, options=parse_table_options(table)).tolist() == found


@pytest.mark.parametrize("text", ["a,b\n1,7\n0,7\n", ",a,b\n5,1,7\n6,0,7\n", "1.5,2\n2.5,1\n"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_labels_are_not_guessed(tmp_path: Path, text: str, kind: str) -> None:
    """A table with several columns, none named as labels are: the last one was taken."""
    path = _labels_file(tmp_path, text, kind)
    with pytest.raises(CompileError, match="which column holds the labels is not known") as caught:
        read_labels(path)
    assert "try: table='target=NAME'" in str(caught.value)
    assert str(path) in str(caught.value)


def _labels_file(folder: Path, text: str, kind: str) -> Path:
    path = folder / f"y.{kind}"
    if kind == "csv":
        path.write_text(text)
        return path
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    first, *rows = [line.split(",") for line in text.splitlines()]
    if first[-1].isdigit():
        first, rows = [f"column {k}" for k in range(len(first))], [first, *rows]
    pq.write_table(pa.table({n: [float(row[k]) for row in rows] for k, n in enumerate(first)}), path)
    return path


def test_the_target_is_a_column_of_the_labels_own_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,4\n")
    np.save(tmp_path / "x.npy", np.array(TWO, float))
    (tmp_path / "y.csv").write_text("n,colour,m\n7,1,7\n7,0,7\n")
    for data in ("x.csv", "x.npy"):
        table = read_table(tmp_path / data, tmp_path / "y.csv", None, "target=colour")
        assert table.x.tolist() == TWO
        assert table.y.tolist() == [1, 0]
        x, y = samples_and_labels(tmp_path / data, tmp_path / "y.csv", None, "target=colour")
        assert x is not None
        assert x.tolist() == TWO
        assert y is not None
        assert y.tolist() == [1, 0]


def test_blocks_stay_whole_numbers_or_real_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from threshc.sim.data import formats
    from threshc.sim.data.blocks import blocks

    monkeypatch.setattr(formats, "rows_per_block", lambda shape, itemsize: 2)
    path = tmp_path / "t.csv"
    path.write_text("1.5\n2\n3\n4\n5\n")
    assert [b.dtype.kind for b, _ in blocks(path)] == ["f", "f", "f"]
    path.write_text("1\n2\n3\n4\n5\n")
    assert [b.dtype.kind for b, _ in blocks(path)] == ["i", "i", "i"]
    path.write_text("1\n2\n3\n4.5\n5\n")
    with pytest.raises(CompileError, match=r"'4\.5' is not a whole number"):
        list(blocks(path))


def test_parquet_by_the_same_rules(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow import parquet

    rows = {"a": [1, 3], "b": [True, False], "colour": ["red", "blue"], "target": [0, 1]}
    parquet.write_table(pyarrow.table(rows), tmp_path / "t.parquet")
    with pytest.raises(CompileError, match="the column holds string, numbers are needed"):
        read(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", "drop=colour")[:2] == ([[1, 1], [3, 0]], [0, 1])
    assert read(tmp_path / "t.parquet", "onehot=colour:blue|red")[0] == [[1, 1, 0, 1], [3, 0, 1, 0]]
    assert read_table(tmp_path / "t.parquet", None, None, "drop=colour").y.tolist() == [0, 1]


def test_the_text_of_the_options() -> None:
    assert parse_table_options(None) == TableOptions()
    found = parse_table_options("target=y; drop=a, b;decimal=comma;header=yes;onehot=c:d|e", "z")
    assert found == TableOptions("z", ("a", "b"), ",", True, {"c": ("d", "e")})

"""Samples in blocks from every kind of file, against the same samples at once."""

import gzip
import struct
from pathlib import Path

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.sim import reference, stream
from threshc.sim.data import blocks as sources
from threshc.sim.data import formats


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "rows_per_block", lambda shape, itemsize: 7)


@pytest.fixture
def network() -> Network:
    return networks.random_dense(np.random.default_rng(0), (12, 9, 3), "pm1", "uint8", "class", True)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (40, 12), dtype=np.uint8)


def written(folder: Path, x: np.ndarray) -> list[Path]:
    """The same samples in every format that needs nothing else installed."""
    np.save(folder / "a.npy", x)
    np.savez(folder / "b.npz", x=x, y=np.zeros(3))
    np.savez_compressed(folder / "c.npz", x)
    idx = struct.pack(">BBBBII", 0, 0, 8, 2, *x.shape) + x.tobytes()
    (folder / "d-idx2-ubyte").write_bytes(idx)
    (folder / "e.gz").write_bytes(gzip.compress(idx))
    lines = "".join(",".join(map(str, row)) + "\n" for row in x)
    (folder / "f.csv").write_text(lines)
    (folder / "g.csv").write_text(",".join(f"f{k}" for k in range(12)) + "\n" + lines + "\n")
    return sorted(folder.iterdir())


@pytest.mark.usefixtures("small_blocks")
def test_every_format(tmp_path: Path, network: Network, x: np.ndarray) -> None:
    labels = reference.run(network, x).labels
    assert labels is not None
    (tmp_path / "in").mkdir()
    for path in written(tmp_path / "in", x):
        out = tmp_path / "out.npy"
        said: list[str] = []
        outcome = stream.run(network, sources.blocks(path), labels=labels, out=out, progress=said.append)
        assert (outcome.samples, outcome.right) == (40, 40), path
        np.testing.assert_array_equal(np.load(out), labels)
        np.testing.assert_array_equal(outcome.first, labels[:7])
        assert [int(words.split()[0]) for words in said] == [7, 14, 21, 28, 35, 40], path
        unknown = path.suffix == ".csv"  # how many there are shows at the end of the file
        assert all(("of 40 samples" in words, "s left" in words) == (not unknown, not unknown) for words in said)
        assert stream.run(network, sources.blocks(path, 10)).samples == 10


def test_images(tmp_path: Path, network: Network, x: np.ndarray) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    for k, row in enumerate(x):
        image.fromarray(row.reshape(3, 4)).save(tmp_path / f"{k:03}.png")
    blocks = [b for b, _ in sources.blocks(tmp_path)]
    np.testing.assert_array_equal(np.concatenate(blocks), x.reshape(-1, 3, 4))
    image.fromarray(x[:4, :4]).save(tmp_path / "200.png")
    with pytest.raises(CompileError, match="sample 40 cannot be taken"):
        list(sources.blocks(tmp_path))


def test_image_kinds(tmp_path: Path) -> None:
    """What a pixel means does not depend on how the file stores it, and nothing is left out."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    rng = np.random.default_rng(0)
    grey, rgb = rng.integers(0, 256, (6, 5), np.uint8), rng.integers(0, 256, (6, 5, 3), np.uint8)
    deep = rng.integers(0, 1 << 16, (6, 5), np.uint16)
    colours = image.fromarray(rgb).quantize(16)
    opaque = np.concatenate([rgb, np.full((6, 5, 1), 255, np.uint8)], axis=2)
    shades = image.fromarray(grey).convert("P")
    kinds = {
        "grey": (image.fromarray(grey), grey),
        "rgb": (image.fromarray(rgb), np.moveaxis(rgb, -1, 0)),
        "opaque": (image.fromarray(opaque), np.moveaxis(rgb, -1, 0)),
        "deep": (image.fromarray(deep), deep),
        "colours": (colours, np.moveaxis(np.asarray(colours.convert("RGB")), -1, 0)),
        "shades": (shades, grey),
        "bits": (image.fromarray(grey > 127), np.where(grey > 127, 255, 0)),
    }
    for name, (made, want) in kinds.items():
        (tmp_path / name).mkdir()
        made.save(tmp_path / name / "0.png")
        ((found, total),) = sources.blocks(tmp_path / name)
        assert (found.shape, total) == ((1, *want.shape), 1), name
        np.testing.assert_array_equal(found[0], want, name)
    opaque[2, 3, 3] = 7
    (tmp_path / "clear").mkdir()
    image.fromarray(opaque).save(tmp_path / "clear" / "0.png")
    (tmp_path / "moving").mkdir()
    frames = [image.fromarray(grey), image.fromarray(255 - grey)]
    frames[0].save(tmp_path / "moving" / "0.gif", save_all=True, append_images=frames[1:])
    for name, why in (("clear", "it is transparent in places"), ("moving", "it holds several images")):
        with pytest.raises(CompileError, match=why):
            list(sources.blocks(tmp_path / name))


def test_parquet(tmp_path: Path, x: np.ndarray) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({f"f{k}": x[:, k] for k in range(12)})
    parquet.write_table(table, tmp_path / "x.parquet")
    np.testing.assert_array_equal(np.concatenate([b for b, _ in sources.blocks(tmp_path / "x.parquet")]), x)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,2", "a row has 2 columns, 12 are expected"),
        ("0,1,2,3,4,x,6,7,8,9,10,11", "'x' is not a finite number\n  where: .*x.csv, column '5', row 24"),
        ("0,1,2,3,4,0.5,6,7,8,9,10,11", "'0.5' is not a whole number\n  where: .*x.csv, column '5', row 24"),
        ("0,1,2,3,4,256,6,7,8,9,10,11", "sample 23, feature 5 is 256"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, network: Network, x: np.ndarray, line: str, said: str) -> None:
    lines = [",".join(map(str, row)) for row in x]
    lines[23] = line
    (tmp_path / "x.csv").write_text("\n".join(lines))
    out = tmp_path / "out.npy"
    out.write_bytes(b"before")
    with pytest.raises(CompileError, match=said):
        stream.run(network, sources.blocks(tmp_path / "x.csv"), out=out)
    assert out.read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.npy", "x.csv"]


@pytest.mark.usefixtures("small_blocks")
def test_nan_is_named(tmp_path: Path) -> None:
    network = networks.random_dense(np.random.default_rng(0), (5, 4, 2), "pm1", "step", "class")
    x = np.random.default_rng(1).normal(size=(30, 5))
    x[16, 3] = np.nan
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(CompileError, match="sample 16, feature 3 is nan"):
        stream.run(network, sources.blocks(tmp_path / "x.npy"))


@pytest.mark.parametrize("dtype", ["u1", ">i2", "<f4"])
def test_mapped_blocks(tmp_path: Path, dtype: str) -> None:
    """Pages are given back behind every block; the blocks before stay what they were."""
    x = np.random.default_rng(0).integers(0, 100, (3000, 7, 5)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "BLOCK_BYTES", 1 << 14)
        parts = list(sources.blocks(tmp_path / "x.npy"))
    assert len(parts) > 3
    assert {total for _, total in parts} == {3000}
    found = np.concatenate([block for block, _ in parts])
    np.testing.assert_array_equal(found, x)
    assert found.dtype.isnative
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-1])
    with pytest.raises(CompileError, match="truncated"):
        list(sources.blocks(tmp_path / "x.npy"))


def test_damaged_files(tmp_path: Path, x: np.ndarray) -> None:
    for path in written(tmp_path, x):
        if path.suffix == ".csv":
            continue
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(CompileError):
            list(sources.blocks(path))
    with pytest.raises(CompileError):
        list(sources.blocks(tmp_path / "none.npy"))
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(CompileError, match="format is not known"):
        list(sources.blocks(tmp_path / "other"))


def test_labels_of_another_number(network: Network, x: np.ndarray) -> None:
    for count in (39, 41):
        with pytest.raises(CompileError, match="labels"):
            stream.run(network, [(x, 40)], labels=np.zeros(count, np.int64))

"""Networks kept in the user's cache: the same network, made again whenever there is a doubt."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import threshc
from threshc.compiler import cache
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend import load as frontend
from threshc.compiler.ir.isomorphism import first_difference
from threshc.compiler.ir.storage import save
from threshc.tasks import network_cache


@pytest.fixture
def model(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of its own, and an empty cache."""
    monkeypatch.setenv("THRESHC_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copy(root / "examples/xor/xor.onnx", tmp_path / "model.onnx"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often the front end has run."""
    count = 0
    real = frontend.load

    def counting(*args: object, **options: object) -> object:
        nonlocal count
        count += 1
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(frontend, "load", counting)
    return lambda: count


def entries(model: Path) -> list[Path]:
    return sorted((model.parent / "cache" / "networks").glob("*"))


def test_the_second_time_gives_the_same_network_without_the_front_end(model: Path, made: Callable[[], int]) -> None:
    first, second = threshc.load(model, input="bit"), threshc.load(str(model), input="bit")
    assert made() == 1
    assert first_difference(first, second, locs=True) is None
    save(first, model.parent / "a.thresh")
    save(second, model.parent / "b.thresh")
    assert (model.parent / "a.thresh").read_bytes() == (model.parent / "b.thresh").read_bytes()
    assert str(first) == str(second)


def test_real_models_come_back_as_they_were(
    shared: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[], int]
) -> None:
    cases = [(root / "examples/digits/digits.onnx", None), (shared / "models/qonnx/TFC_1W1A.onnx", "uint8/255")]
    cases.append((shared / "models/qonnx/TFC_2W2A.onnx", "uint8/255"))
    monkeypatch.setenv("THRESHC_CACHE", str(tmp_path))
    for path, input in cases:
        first, second = (threshc.load(path, input=input) for _ in range(2))
        assert first_difference(first, second, locs=True) is None
        save(first, tmp_path / "a.thresh")
        save(second, tmp_path / "b.thresh")
        assert (tmp_path / "a.thresh").read_bytes() == (tmp_path / "b.thresh").read_bytes()
    assert made() == len(cases)


def test_other_inputs_and_other_content_are_other_entries(model: Path, made: Callable[[], int]) -> None:
    bit = threshc.load(model, input="bit")
    bipolar = threshc.load(model, input="bipolar")
    assert made() == 2
    assert str(bit.input.encoding) != str(bipolar.input.encoding)
    model.write_bytes(model.read_bytes() + b"\x3a\x00")  # an empty graph joins the first: the same model
    threshc.load(model, input="bit")
    assert made() == 3
    assert len(entries(model)) == 3


def test_options_make_the_network_anew(model: Path, made: Callable[[], int]) -> None:
    from threshc.tasks.options import ModelOptions
    from threshc.tasks.read_network import load_network

    threshc.load(model, input="bit")
    load_network(model, ModelOptions("bit", raw=True))
    load_network(model, ModelOptions("bit", weight_bits="min"))
    load_network(model, ModelOptions("bit"), verify_passes=True)
    load_network(model, ModelOptions("bit"), print_after=lambda name, network: None)
    threshc.load(model.read_bytes(), input="bit")
    assert made() == 6


@pytest.mark.parametrize("damage", [b"", b"no zip", None])
def test_damaged_entries_are_made_again(model: Path, made: Callable[[], int], damage: bytes | None) -> None:
    whole = threshc.load(model, input="bit")
    (entry,) = entries(model)
    good = entry.read_bytes()
    entry.write_bytes(damage if damage is not None else good[:-40])
    assert first_difference(threshc.load(model, input="bit"), whole, locs=True) is None
    assert made() == 2
    assert entry.read_bytes() == good


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs file modes")
@pytest.mark.parametrize("which", ["folder", "entry"])
def test_what_others_can_write_is_not_read(model: Path, made: Callable[[], int], which: str) -> None:
    threshc.load(model, input="bit")
    (entry,) = entries(model)
    (entry.parent if which == "folder" else entry).chmod(0o777)
    threshc.load(model, input="bit")
    assert made() == 2


def test_external_data_gzip_and_large_models_are_not_kept(
    model: Path, made: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip

    import onnx

    zipped = model.with_name("model.onnx.gz")
    zipped.write_bytes(gzip.compress(model.read_bytes()))
    threshc.load(zipped, input="bit")
    outside = model.with_name("outside.onnx")
    proto = onnx.load(model)
    for tensor in proto.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
    onnx.save(proto, outside, save_as_external_data=True, size_threshold=0)
    threshc.load(outside, input="bit")
    monkeypatch.setattr(network_cache, "MAX_BYTES", 10)
    threshc.load(model, input="bit")
    assert made() == 3
    assert entries(model) == []


def test_no_folder_no_cache(model: Path, made: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRESHC_CACHE", str(model / "below"))  # a file stands there
    for _ in range(2):
        threshc.load(model, input="bit")
    assert made() == 2


def test_errors_are_not_kept(model: Path) -> None:
    model.write_bytes(b"no model")
    for _ in range(2):
        with pytest.raises(CompileError):
            threshc.load(model, input="bit")
    with pytest.raises(CompileError, match="does not exist"):
        threshc.load(model.with_name("none.onnx"))
    assert entries(model) == []


def test_old_entries_go(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT", 2)
    for input in ("bit", "bipolar", "uint8"):
        threshc.load(model, input=input)
    assert len(entries(model)) == 2


@pytest.mark.parametrize("what", ["numpy", "onnx", "ours, with its time kept"])
def test_other_versions_have_other_entries(what: str, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = network_cache._entry(model, "bit")
    if what == "numpy":
        monkeypatch.setattr("numpy.__version__", "0.0.1")
    elif what == "onnx":
        monkeypatch.setattr(network_cache, "_version_of_onnx", lambda: b"version = '0.0.1'")
    else:
        real = Path.read_bytes
        change = (b"a", b"b")  # of the same size
        monkeypatch.setattr(
            Path, "read_bytes", lambda p: real(p).replace(*change) if p.name == "levels.py" else real(p)
        )
    assert first is not None
    assert network_cache._entry(model, "bit") not in (None, first)

"""What a folder says about its models: samples, labels and outputs in .npz files beside them, in any usual layout."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SAMPLES = ("inputs", "x", "input", "images", "image", "data", "features", "input_0", "in", "samples")
LABELS = ("pred", "label", "preds", "labels", "prediction", "predictions", "classes", "class", "argmax", "predicted")
OUTPUTS = (
    "logits",
    "y",
    "logits_first",
    "outputs",
    "output",
    "scores",
    "output_0",
    "out",
    "y_pred",
    "expected",
    "probs",
)
TRUTH = ("true", "target", "targets", "truth", "y_true", "ground_truth", "gt")

KNOWN = {  # the shared test models, by a part of their name: the encoding of their samples, which no file states
    "tfc_1w1a": "uint8/255",
    "tfc_2w2a": "uint8/255",
    "finn_tfc": "uint8",
    "iris_bnn": "uint8",
    "gtsrb30": "uint8",
    "tt_mnist": "bit",
}
_ALIASES = {"gtsrb30_larq": "gtsrb_bnn_30"}


@dataclass(frozen=True, eq=False)
class Expected:
    """The arrays that belong to one model; None where the folder has none. source: the file they come from.

    samples (N, ...); labels (N,) classes that the exporter's own run gave; outputs (N, ...) its real outputs;
    truth (N,) the data's own classes. Each may be shorter than the others.
    """

    samples: Array | None = None
    labels: Array | None = None
    outputs: Array | None = None
    truth: Array | None = None
    source: str = ""


def find_models(folder: Path) -> list[Path]:
    """Every .onnx and .onnx.gz file below a folder (or the one file named), in order of their names."""
    if folder.is_file():
        return [folder]
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name.lower().endswith((".onnx", ".onnx.gz")))


def stem(model: Path) -> str:
    """A model's name without its endings, in lower case."""
    return re.sub(r"(\.onnx)?(\.gz)?$", "", model.name.lower())


def stated_input(model: Path, root: Path, given: Mapping[str, str]) -> str | None:
    """The encoding stated for a model: by --input NAME=ENC (or ENC for all), then by conformance.json beside it or in
    the folder. NAME is the file's name or its stem; the json maps names to encodings or to {"input": ENC}."""
    names = (model.name.lower(), stem(model), stem(model).split(".")[0])
    tables: list[Mapping[str, Any]] = [given]
    for place in dict.fromkeys((model.parent, root)):
        try:
            table = json.loads((place / "conformance.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        tables.append({str(k).lower(): v for k, v in table.items()} if isinstance(table, dict) else {})
    for found in (t[n] for t in tables for n in (*names, "*") if n in t):
        value = found.get("input") if isinstance(found, dict) else found
        if isinstance(value, str):
            return value
    return None


def known_input(model: Path) -> str | None:
    """The encoding of one of the shared test models."""
    return next((encoding for part, encoding in KNOWN.items() if part in stem(model)), None)


def find_expected(model: Path, root: Path, features: int, tensors: Iterable[str] = ()) -> Expected:
    """The samples and results that belong to a model: of the .npz file beside it, or elsewhere in the folder, whose
    name fits best; without samples, MNIST's test images for models of 784 features.

    tensors: names of the model's inputs and outputs, which arrays may have.
    """
    home = root if root.is_dir() else root.parent
    best = max(_archives(model, home), default=None, key=lambda p: _fit(model, p))
    expected = Expected()
    if best is not None and _fit(model, best) > (0, 0):
        expected = _interpret(_read(best), best, features, tuple(tensors))
    if expected.samples is None and features == 784 and (images := _mnist(home)) is not None:
        expected = Expected(images, expected.labels, expected.outputs, expected.truth, f"{expected.source}, MNIST t10k")
    return expected


def _archives(model: Path, home: Path) -> list[Path]:
    return sorted({*model.parent.glob("*.npz"), *home.rglob("*.npz")})


def _fit(model: Path, archive: Path) -> tuple[int, int]:
    """How well a file's name fits a model's: (quality, nearness), 0 for not at all."""
    near, name, other = int(archive.parent == model.parent), stem(model), archive.stem.lower()
    if other in (name, _ALIASES.get(name)):
        return 4, near
    if other == name.split(".")[0]:
        return 3, near
    longer, shorter = (name, other) if len(name) > len(other) else (other, name.split(".")[0])
    if longer.startswith(shorter) and not longer[len(shorter) : len(shorter) + 1].isalnum():
        return 2, near
    alone = len(list(model.parent.glob("*.npz"))) == 1 and len(list(model.parent.glob("*.onnx*"))) == 1
    return (1 if alone and near else 0), 0


def _read(path: Path) -> dict[str, Array]:
    """Numeric arrays of an .npz file; those that are damaged are left out."""
    found: dict[str, Array] = {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            for key in archive.files:
                try:
                    array = archive[key]
                except (OSError, ValueError, BadZipFile, zlib.error):
                    continue
                if array.dtype.kind in "biuf" and array.ndim:
                    found[key] = array
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
        return {}
    return found


def _interpret(arrays: dict[str, Array], path: Path, features: int, tensors: tuple[str, ...]) -> Expected:
    lower = {k.lower(): v for k, v in arrays.items()}
    names = tuple(t.lower() for t in tensors)
    per_sample = {k: int(np.prod(v.shape[1:], dtype=object)) for k, v in lower.items()}
    samples = next((k for k in (*SAMPLES, *names) if per_sample.get(k) == features), None)
    if samples is None:
        fits = [k for k, n in per_sample.items() if n == features and k not in (*LABELS, *OUTPUTS, *TRUTH)]
        samples = fits[0] if fits else None
    rest = {k: v for k, v in lower.items() if k != samples}
    labels = next((k for k in LABELS if k in rest and _is_classes(rest[k])), None)
    outputs = next((k for k in (*OUTPUTS, *names) if k in rest and not (_is_classes(rest[k]) and k == "y")), None)
    truth = next((k for k in TRUTH if k in rest and _is_classes(rest[k])), None)
    if "y" in rest and _is_classes(rest["y"]):  # classes named y: the data's own beside predictions, else predictions
        if labels is not None:
            truth = truth or "y"
        else:
            labels = "y"
    pick = [None if k is None else lower[k] for k in (samples, labels, outputs, truth)]
    flat = [None if a is None else a.reshape(len(a)).astype(np.int64) for a in (pick[1], pick[3])]
    return Expected(pick[0], flat[0], pick[2], flat[1], path.name)


def _is_classes(array: Array) -> bool:
    if array.size != len(array) or not len(array):
        return False
    return array.dtype.kind in "iu" or bool((array == np.rint(array)).all() and array.min() >= 0)


def _mnist(home: Path) -> Array | None:
    """MNIST's test images (10000, 784) uint8, from data/mnist in the folder, above it, or in ../shared."""
    file = "data/mnist/t10k-images-idx3-ubyte.gz"
    here = Path(__file__).resolve().parents[1]
    places = [home.resolve(), *home.resolve().parents[:3], here.parent / "shared"]
    path = next((p / file for p in places if (p / file).is_file()), None)
    if path is None:
        return None
    with gzip.open(path) as stream:
        return np.frombuffer(stream.read(), np.uint8, offset=16).reshape(-1, 784)


def fitting_encoding(samples: Array) -> str:
    """The narrowest encoding whose real values hold all samples; a fixed-point one where only that can."""
    x = samples.astype(np.float32)
    low, high = float(x.min(initial=0)), float(x.max(initial=0))
    if (x == np.rint(x)).all():
        if np.isin(x, (0, 1)).all():
            return "bit"
        if np.isin(x, (-1, 1)).all():
            return "bipolar"
        bits = max(8, int(max(-low - 1, high)).bit_length() + (low < 0))
        return f"int{bits}" if low < 0 else f"uint{bits}"
    if low >= 0 and high <= 1 and (np.rint(x * 255).astype(np.float32) / np.float32(255) == x).all():
        return "uint8/255"
    scale = 10.0 ** np.ceil(np.log10(max(-low, high) / 32767))
    return f"int16*{scale:g}"

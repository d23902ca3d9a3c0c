"""What `threshc train` prints about a trained network, and the picture of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.cli.tables import print_table
from threshc.compiler.diagnostics import fail
from threshc.compiler.files import draft

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def print_trained(
    out: Path,
    figures: Sequence[tuple[str, str, str]],
    x: NDArray[np.float64],
    expected: NDArray[np.int64],
    classes: Sequence[object] = (),
) -> None:
    """The figures, and those of the circuit, which must give the classes or scores expected (N,) of x (N, d).

    classes: the label of each class number, which is said where a label is not its own number.
    """
    import numpy as np

    from threshc.compiler.encoding import Affine
    from threshc.hdl.size import predict
    from threshc.sim import packed
    from threshc.tasks.load import load

    network = load(out)
    whole = isinstance(network.input.encoding, Affine)
    result = packed.run(network, x.astype(np.int64 if whole else np.float32), bits=False)
    what, found = ("labels", result.labels) if result.labels is not None else ("scores", result.scores)
    if found is None or not np.array_equal(found.reshape(-1), expected):
        raise AssertionError(f"{what} of the compiled network are not the estimator's")
    luts = [predict(network, family=family).luts for family in (None, "xilinx")]
    rows = [
        *figures,
        (f"{what} equal to predict", f"{len(x):,} of {len(x):,}", "simulated"),
        ("LUT4 of all layers", f"{luts[0]:,}", "estimated"),
        ("LUT6 of all layers", f"{luts[1]:,}", "estimated"),
    ]
    print_table(str(out), ("figure", "value", "source"), rows, "lrl")
    if list(classes) != list(range(len(classes))):
        print_table("classes", ("number", "label"), [(str(k), str(label)) for k, label in enumerate(classes)], "rl")


def plot(path: Path, curves: Mapping[str, Sequence[float]], x_label: str, x: Sequence[float] | None = None) -> None:
    """Draws curves over x, the rounds by default, into a .png, .svg or .pdf, whole or not at all. Needs matplotlib."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise fail("pictures need matplotlib", where="--plot", hint='pip install "threshc[report]"') from None
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, values in curves.items():
        axes.plot(range(len(values)) if x is None else x, values, "-" if x is None else "o-", label=name)
    axes.set_xlabel(x_label)
    axes.set_ylim(bottom=0)
    axes.legend()
    try:
        with draft(path, path.suffix) as partial:
            figure.savefig(partial)
    except ValueError as error:
        raise fail("the picture cannot be written", where=str(path), why=str(error)) from None
    finally:
        pyplot.close(figure)

"""Options that the commands of `threshc train` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from threshc.cli import options as o

Model = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="The .onnx to write, whole or not at all.",
        callback=o.goal_named(".onnx"),
    ),
]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="COLUMN", help="The labels' column. Default: target, class, label, y, the last."),
]
Test = Annotated[
    float, typer.Option("--test", metavar="SHARE", min=0, max=0.9, help="Hold this share back, for a test accuracy.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the split and the training.")]
Levels = Annotated[int, typer.Option("--levels", metavar="N", min=1, help="Comparisons per real feature, at most.")]
FanIn = Annotated[int | None, typer.Option("--fan-in", metavar="N", min=1, help="Weights per hidden unit, at most.")]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Draw the training curve: .png, .svg, .pdf.",
        callback=o.goal_named(".png", ".svg", ".pdf"),
    ),
]

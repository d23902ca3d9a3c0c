"""`threshc train`: its commands put together."""

from __future__ import annotations

import typer

from threshc.cli.train_convex import convex
from threshc.cli.train_ftprop import ftprop
from threshc.cli.train_lookup import lookup
from threshc.cli.train_rvscgd import rvscgd
from threshc.cli.train_ste import ste

train = typer.Typer(
    name="train",
    no_args_is_help=True,
    help="Train threshold networks whose ONNX gives their labels exactly, after compilation too.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (convex, ftprop, rvscgd, lookup, ste):
    train.command(command.__name__)(command)

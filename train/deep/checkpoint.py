"""Checkpoints that survive a kill: written whole or not at all, and only ever used for the very same training."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from threshc.compiler.archives import read_stored
from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.files import write_whole

_FORMAT = 1
_DAMAGED = (
    *(CompileError, OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, MemoryError, OverflowError),
    *(AttributeError, IndexError, AssertionError, pickle.UnpicklingError),
)


def fingerprint(settings: dict[str, Any], network: nn.Module, tensors: list[Tensor | None]) -> str:
    """Returns a name, hexadecimal, of the settings, of the network's structure and first weights, and of the
    samples."""
    h = hashlib.sha256(repr((_FORMAT, sorted(settings.items()), str(network))).encode())
    for tensor in [*network.state_dict().values(), *tensors]:
        h.update(repr(None if tensor is None else (tuple(tensor.shape), str(tensor.dtype))).encode())
        if tensor is not None:
            h.update(tensor.detach().contiguous().cpu().numpy().tobytes())
    return h.hexdigest()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint is a file, and the fingerprint of the training that it belongs to."""

    path: Path
    mark: str

    def read(self) -> dict[str, Any] | None:
        """Returns the state that was written last, None if the file is not there.

        Raises CompileError if it belongs to another training, or is not a checkpoint.
        """
        if not self.path.exists():
            return None
        hint = f"another {option('checkpoint')}, or remove the file to begin anew"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of files that torch did not write
                found = torch.load(io.BytesIO(read_stored(self.path, "checkpoint")), weights_only=True)
            mark = found["mark"]
        except _DAMAGED as error:
            why = str(error).partition("\n")[0]
            raise fail("the file is not a checkpoint", where=str(self.path), why=why, hint=hint) from None
        if mark != self.mark:
            why = "settings, network or samples are not the same"
            raise fail("the checkpoint belongs to another training", where=str(self.path), why=why, hint=hint)
        return dict(found["state"])

    def write(self, state: dict[str, Any]) -> None:
        """Replaces the file at once. state: tensors, numbers, texts, lists and dicts of them. Raises CompileError
        where the file cannot be written."""

        def save(file: IO[bytes]) -> None:
            torch.save({"mark": self.mark, "state": state}, file)
            file.flush()
            os.fsync(file.fileno())

        write_whole(self.path, save)

"""Checkpoints of convex training: a file after every round, whole or not at all, from which `fit` goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.archives import read_npz
from threshc.compiler.bounded import parse_json
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.files import write_whole
from threshc.train.arrangement import Arrangement
from threshc.train.column_generation import Certificate, State


def fingerprint(arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, object]) -> str:
    """Returns a name, hexadecimal, of the data and the settings that decide what training does."""
    found = hashlib.sha256(json.dumps({k: repr(v) for k, v in settings.items()}, sort_keys=True).encode())
    for name, values in sorted(arrays.items()):
        found.update(f"{name} {values.dtype} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def save(path: Path, name: str, pool: Arrangement, state: State, rng: np.random.Generator) -> None:
    """Replaces the checkpoint by one of this state, whole or not at all. Raises ValueError where it cannot be
    written."""
    about = {
        "format": 2,
        "name": name,
        "turn": state.turn,
        "best_value": state.best_value,
        "best_turn": state.best_turn,
        "waited": state.waited,
        "done": state.done,
        "history": [asdict(c) for c in state.history],
        "rng": rng.bit_generator.state,
    }

    def write(file: IO[bytes]) -> None:
        np.savez(
            file,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
            u=pool.u,
            t=pool.t,
            w=state.w,
            best_w=state.best_w,
            best_bias=state.best_bias,
        )
        file.flush()
        os.fsync(file.fileno())

    try:
        write_whole(path, write)
    except CompileError as error:
        raise ValueError(f"the checkpoint {path} cannot be written: {error.diagnostics[0].why}") from None


def restore(path: Path, name: str, pool: Arrangement, rng: np.random.Generator) -> State | None:
    """Fills the empty pool, sets rng as it was and returns the state; returns None where there is no file yet.

    Raises ValueError for a file that is not a checkpoint, or one of other data or settings.
    """
    if not path.exists():
        return None
    try:
        text, u, t, w, best_w, best_bias = read_npz(path, ("about", "u", "t", "w", "best_w", "best_bias"))
        about = parse_json(text.tobytes(), str(path))
        found, history = about["name"], [Certificate(**c) for c in about["history"]]
    except CompileError as error:
        why = error.diagnostics[0]
        raise ValueError(f"{path} is not a checkpoint of convex training: {why.what}: {why.why}") from None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a checkpoint of convex training: {error}") from None
    if found != name:
        raise ValueError(f"the checkpoint {path} is of other data or settings; remove it, or name another file")
    pool.add(u, t)
    if pool.size != len(t):
        raise AssertionError("a checkpoint's units do not make distinct columns")
    rng.bit_generator.state = about["rng"]
    return State(
        w,
        about["turn"],
        history,
        about["best_value"],
        about["best_turn"],
        best_w,
        best_bias,
        about["waited"],
        about["done"],
    )

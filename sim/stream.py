"""A network over samples of any number: block by block, with constant memory, progress, and results written whole."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.files import draft
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Progress, silent
from threshc.sim import packed
from threshc.sim.inputs import encode
from threshc.sim.result import Result

if TYPE_CHECKING:
    from threshc.sim.packed.planes.activity import Activity


class _Rate:
    """Progress in words: samples done, rate, and the time left where the number of samples is known."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._start = progress, time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        rate = done / max(time.monotonic() - self._start, 1e-9)
        left = "" if total is None else f", {(total - done) / rate:.0f} s left"
        of_all = "" if total is None else f" of {total:,}"
        self._progress(f"{done:,}{of_all} samples, {rate:,.0f} per second{left}")


@dataclass(frozen=True)
class Outcome:
    """samples: how many; right: how many classes were the wanted ones, None without labels; first: results of the first
    twenty samples, classes (n,) or, where the network has none, scores (n, ..)."""

    samples: int
    right: int | None
    first: NDArray[np.integer]


def activity_of(network: Network) -> Activity:
    """Counters for `run`."""
    from threshc.sim.packed.planes.activity import Activity

    return Activity(network)


def run(
    network: Network,
    blocks: Iterable[tuple[NDArray[np.generic], int | None]],
    *,
    labels: NDArray[np.int64] | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    activity: Activity | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Classes (or scores) of all samples, as `packed.run` gives them; `out` takes them as one .npy file; `activity`
    counts on.

    Raises CompileError naming the first sample that the input does not take, by its index in the whole; then, and when
    interrupted, `out` is as it was before.
    """
    done, right, rate = 0, 0, _Rate(progress or silent)
    first: NDArray[np.integer] = np.zeros(0, np.int64)
    with _writer(out) as writer:
        for block, total in blocks:
            if labels is not None and total is not None and len(labels) != total:
                raise fail(f"there are {total} samples and {len(labels)} labels", where=option("labels"))
            x = encode(network, block, done)
            result = Result(network, *packed.evaluate(network, x, False, threads, activity))
            found = result.labels if result.labels is not None else result.scores
            assert found is not None
            first = found[:20].copy() if not done else first
            if labels is not None:
                if done + len(found) > len(labels):
                    raise fail(
                        f"there are more than {len(labels)} samples and {len(labels)} labels", where=option("labels")
                    )
                right += int((found.reshape(len(found), -1)[:, 0] == labels[done : done + len(found)]).sum())
            if writer is not None:
                writer.add(found)
            done += len(found)
            rate(done, total)
        if labels is not None and len(labels) != done:
            raise fail(f"there are {done} samples and {len(labels)} labels", where=option("labels"))
    return Outcome(done, right if labels is not None else None, first)


@contextmanager
def _writer(out: str | Path | None) -> Iterator[_Writer | None]:
    """What takes the results: a file that is there at the end, or nothing where none is wanted."""
    if out is None:
        yield None
        return
    with draft(out) as partial, open(partial, "wb") as file:
        writer = _Writer(file)
        yield writer
        writer.finish()


class _Writer:
    """The results (N, ...) int64 as .npy into a file; the header, which states how many, is written last."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.count = 0
        self.shape: tuple[int, ...] = ()

    def _header(self) -> bytes:
        buffer = io.BytesIO()
        facts = {"descr": "<i8", "fortran_order": False, "shape": (self.count, *self.shape)}
        np.lib.format.write_array_header_1_0(buffer, facts)
        text = buffer.getvalue()[10:].rstrip()  # room for any count: the header is 128 bytes, its own padding included
        return buffer.getvalue()[:8] + (118).to_bytes(2, "little") + text.ljust(117) + b"\n"

    def add(self, values: NDArray[np.integer]) -> None:
        if not self.count:
            self.shape = values.shape[1:]
            self.file.write(self._header())
        self.file.write(np.ascontiguousarray(values, "<i8").tobytes())
        self.count += len(values)

    def finish(self) -> None:
        self.file.seek(0)
        self.file.write(self._header())

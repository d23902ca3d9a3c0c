"""Every model of a folder through the compiler: read or refused, and equal to what the folder says, one line each.

    python -m bench.conformance [DIR] [--json FILE] [--input NAME=ENC ...] [--samples N] [--hidden N] [--quick]

DIR: any folder (or file) with .onnx or .onnx.gz models, external data included, and .npz files with their samples and
results; without DIR, the repository's examples, small models of kinds that were once read wrongly (bench/kinds.py), and
the QONNX operators against qonnx's executor where it is installed (bench/qonnx_operators.py). Input encodings come from
--input, from conformance.json beside the models ({"model name": "uint8/255"}), or from the samples themselves where a
model needs one. Each model runs in a process with limits on time and memory. The exit code is 1 if anything differs or
a model makes the tool fail.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from bench.conformance_model import Limits, Verdict, try_model
from bench.expected import find_models, stated_input
from bench.kinds import write_kinds
from bench.measure import Row, write_rows
from bench.qonnx_operators import qonnx_rows

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def main() -> int:
    """The command."""
    options = _options()
    with tempfile.TemporaryDirectory() as made:
        roots = [EXAMPLES, write_kinds(Path(made))] if options.folder is None else [options.folder]
        return _run(options, roots)


def _run(options: argparse.Namespace, roots: Sequence[Path]) -> int:
    quick = options.quick
    limits = Limits(min(options.samples, 1000 if quick else 10**9), min(options.hidden, 32 if quick else 10**9))
    given = dict(_pair(text) for text in options.input)
    verdicts: list[Verdict] = []
    for root in roots:
        models = find_models(root)
        if not models:
            print(f"no .onnx or .onnx.gz file in {root}")
            return 1
        with Runner(root, limits, options.timeout, options.memory) as runner:
            for model in models:
                verdicts.append(runner.run(model, stated_input(model, root, given)))
                print(verdicts[-1], flush=True)
    read = sum(not v.refusal and not v.fault for v in verdicts)
    refused, faults = sum(bool(v.refusal) for v in verdicts), sum(bool(v.fault) for v in verdicts)
    wrong = sum(not v.good and not v.fault for v in verdicts)
    operators = qonnx_rows() if options.folder is None else []
    for row in operators:
        print(f"{row.name}: {row.value:,.0f} {row.unit} ({row.peer})")
    print(f"{len(verdicts)} models: {read} read, {refused} refused, {wrong} with differences, {faults} faults")
    if options.json is not None:
        write_rows([*(row for v in verdicts for row in rows(v)), *operators], options.json)
    return int(any(not v.good for v in verdicts) or any(row.met is False for row in operators))


def rows(verdict: Verdict) -> list[Row]:
    """The figures of one model; a refusal has its text in the name and no goal, a fault misses its goal."""
    name = verdict.model
    if verdict.fault:
        return [Row(f"{name}: fault: {verdict.fault}", 0.0, "models", goal=1.0, met=False)]
    if verdict.refusal:
        return [Row(f"{name}: refused: {verdict.refusal}", verdict.problems, "problems")]
    made = [
        Row(f"{name}: layers", verdict.layers, "layers"),
        Row(f"{name}: synapses", verdict.synapses, "synapses"),
        Row(f"{name}: seconds", verdict.seconds, "s"),
    ]
    equal = not verdict.difference
    peer = "float32 evaluator = reference = packed"
    made.append(
        Row(f"{name}: hidden bits equal", verdict.hidden_bits, "bits", 0.0, peer, float(equal), 0.0, 1.0, equal)
    )
    if verdict.peer:
        name_of = f"{name}: operators equal"
        made.append(Row(name_of, verdict.operator_values, "values", 0.0, verdict.peer, float(equal), 0.0, 1.0, equal))
    if verdict.stored is not None:
        same, total = verdict.stored
        share, judged = same / max(total, 1), not verdict.fixed_point
        goal, met = (1.0, same == total) if judged else (None, None)
        made.append(Row(f"{name}: labels equal", same, f"of {total}", 0.0, "stored labels", share, 0.0, goal, met))
    if verdict.truth is not None:
        made.append(Row(f"{name}: labels right", 100 * verdict.truth[0] / verdict.truth[1], "%"))
    return made


class Runner:
    """Runs models one after the other in a process of its own, which is replaced when it hangs or dies."""

    def __init__(self, root: Path, limits: Limits, timeout: float, gibibytes: float) -> None:
        self.root, self.limits, self.timeout, self.gibibytes = root, limits, timeout, gibibytes
        self.process: multiprocessing.process.BaseProcess | None = None
        self.pipe: Connection | None = None

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def run(self, model: Path, stated: str | None) -> Verdict:
        """The verdict on one model, whatever it does to the process."""
        pipe = self._start()
        pipe.send((model, stated))
        shown = str(model.relative_to(self.root)) if self.root.is_dir() else model.name
        if not pipe.poll(self.timeout):
            self._stop()
            return Verdict(shown, fault=f"no result within {self.timeout:g} s", seconds=self.timeout)
        try:
            verdict = pipe.recv()
        except EOFError:
            self._stop()
            return Verdict(shown, fault="the process died (out of memory?)")
        assert isinstance(verdict, Verdict)
        return verdict

    def _start(self) -> Connection:
        if self.pipe is not None:
            return self.pipe
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, self.root, self.limits, self.gibibytes), daemon=True
        )
        self.process.start()
        theirs.close()
        return self.pipe

    def _stop(self) -> None:
        if self.process is not None and self.pipe is not None:
            self.pipe.close()
            self.process.kill()
            self.process.join()
        self.process, self.pipe = None, None


def _serve(pipe: Connection, root: Path, limits: Limits, gibibytes: float) -> None:
    import resource

    ceiling = int(gibibytes * 2**30)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, hard))
    while True:
        try:
            model, stated = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(try_model(model, root, stated, limits))


def _pair(text: str) -> tuple[str, str]:
    name, found, encoding = text.rpartition("=")
    return (name.lower(), encoding) if found else ("*", text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as a JSON list")
    parser.add_argument("--input", action="append", default=[], metavar="[NAME=]ENC", help="encoding of the input")
    parser.add_argument("--samples", type=int, default=10_000, help="the most samples that are labelled")
    parser.add_argument("--hidden", type=int, default=256, help="the most samples whose hidden bits are compared")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for one model")
    parser.add_argument("--memory", type=float, default=8.0, help="GiB of address space for one model")
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    options = parser.parse_args()
    if options.folder is not None and not options.folder.exists():
        parser.error(f"{options.folder} does not exist")
    return options


if __name__ == "__main__":
    sys.exit(main())

"""threshc sim"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import CIRCUIT, EXACT, MODEL, TARGET, reading_alone, takes
from threshc.compiler.diagnostics import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from threshc.compiler.ir.network import Network
    from threshc.sim.data.formats import Blocks
    from threshc.sim.packed.planes.activity import Activity


@takes(MODEL, EXACT, {"fold": CIRCUIT["fold"]}, TARGET)
def sim(
    model: o.Model,
    data: o.Data = None,
    labels: o.Labels = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="packed (fast), reference (numpy) or rtl (the Verilog).")
    ] = "packed",
    out: o.OutFile = None,
    table: o.Table = None,
    limit: o.Limit = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, help="Threads of the packed engine. Default: all cores."),
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Operations, bytes, times per layer: .json, .png, or a table.",
            callback=o.goal,
        ),
    ] = None,
    activity: Annotated[
        bool, typer.Option("--activity", help="Also count ones and changes of every neuron (shown, and in --report).")
    ] = False,
    cycles: Annotated[
        bool,
        typer.Option("--cycles", help="Not what the circuit answers but when: every cycle, exact, without simulation."),
    ] = False,
    valid: Annotated[
        float, typer.Option("--valid", metavar="P", help="With --cycles: a beat is offered with this chance.")
    ] = 1.0,
    ready: Annotated[
        float, typer.Option("--ready", metavar="P", help="With --cycles: an answer is taken with this chance.")
    ] = 1.0,
    clock: Annotated[
        float | None, typer.Option("--clock", metavar="MHZ", help="With --cycles: the clock, for samples per second.")
    ] = None,
    large: o.Large = False,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Run a model on samples: classes, and the accuracy where labels are known.

    The packed engine takes files of any size block by block. With --cycles: when a folded (or unrolled) circuit takes
    and answers samples, what waits for what, how full queues get, and how many bits move.

    [dim]threshc sim digits.onnx --data digits_test.npz[/]
    [dim]threshc sim tfc.onnx --input uint8/255 --data t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz[/]
    [dim]threshc sim digits.onnx --data digits_test.npz --engine rtl --limit 100 --out classes.npy[/]
    [dim]threshc sim tfc.onnx --input uint8/255 --cycles --fold 4x49,2x8,2x8,1x4@7 --clock 65[/]
    """
    import threshc
    from threshc.cli.data import samples_and_labels
    from threshc.cli.progress import note
    from threshc.tasks.engines import checked_engine
    from threshc.tasks.read_network import load_network
    from threshc.tasks.weights import FLOAT_SAMPLES

    how = reading_alone(chosen)
    of_cycles = {"--fold": chosen["fold"], "--target": chosen["target"], "--clock": clock}
    of_cycles |= {name: None if chance == 1 else chance for name, chance in (("--valid", valid), ("--ready", ready))}
    if cycles:
        from threshc.cli.cycles_shown import show_cycles

        of_answers = {"--engine": engine != "packed", "--out": out, "--activity": activity, "--threads": threads}
        of_answers |= {"--large": large}
        _idle(of_answers, "--cycles computes when a circuit answers, not what")
        show_cycles(model, how, chosen, (data, labels, limit, table), (valid, ready, clock), report or [])
        return
    _idle(of_cycles, "it says something of the circuit for --cycles")
    if data is None:
        raise typer.BadParameter("--data FILE is needed: samples to run")
    read = partial(load_network, model, how, note=note)
    checked_engine(engine)
    if large and engine != "rtl":
        raise fail("an option would have no effect", where="--large", why="only --engine rtl makes a circuit")
    if engine == "packed":
        some = min(FLOAT_SAMPLES, limit or FLOAT_SAMPLES)
        x = None if how.snap_weights is None else samples_and_labels(data, labels, some, table)[0]
        _stream(partial(read, x=x), data, labels, table, out, limit, threads, report or [], activity, quiet)
        return
    if report or activity:
        raise fail("only the packed engine is measured", where="--report, --activity", hint="leave out --engine")
    from threshc.cli.outcome import print_hints, print_outcome
    from threshc.cli.progress import steps

    x, y = samples_and_labels(data, labels, limit, table)
    assert x is not None
    with steps(quiet) as progress:
        progress("reading the model")
        network = read(x=x)
        result = threshc.simulate(network, x, engine=engine, large=large, note=note, progress=progress)  # type: ignore[arg-type]
    print_outcome(result, y, out)
    right = None if y is None or result.labels is None else int((result.labels == y).sum())
    print_hints(network, x, y, right)


def _idle(given: Mapping[str, object], why: str) -> None:
    """Raises CompileError for flags that nothing would come of."""
    for name, value in given.items():
        if value is not None and value is not False:
            raise fail("an option would have no effect", where=name, why=why, hint=f"omit {name}")


def _stream(
    read: Callable[[], Network],
    data: Path,
    labels: Path | None,
    table: str | None,
    out: Path | None,
    limit: int | None,
    threads: int | None,
    report: list[Path],
    activity: bool,
    quiet: bool,
) -> None:
    from threshc.cli.data import labels_of, samples_options
    from threshc.cli.outcome import print_hints
    from threshc.cli.progress import note, steps
    from threshc.sim import stream
    from threshc.sim.data.blocks import blocks
    from threshc.sim.data.options import parse_table_options

    options = parse_table_options(table)
    y = labels_of(data, labels, options)
    with steps(quiet) as progress:
        progress("reading the model")
        network = read()
        progress("packed simulator (its first run on a machine compiles for some seconds)")
        counted = stream.activity_of(network) if activity else None
        head: list[NDArray[np.generic]] = []
        found = stream.run(
            network,
            _kept(blocks(data, limit, options=samples_options(options, labels), note=note), head),
            labels=y if y is None else y[:limit],
            out=out,
            threads=threads,
            activity=counted,
            progress=progress,
        )
        if report or activity:
            progress("measuring")
            _measure(network, counted, report)
    more = "..." if found.samples > len(found.first) else ""
    print("classes:" if found.first.ndim == 1 else "scores:", *found.first.ravel(), more)
    print(f"samples: {found.samples}")
    if found.right is not None:
        print(f"accuracy: {found.right / found.samples:.2%} ({found.right} of {found.samples})")
    if head:
        print_hints(network, head[0], y if y is None else y[: found.samples], found.right)


def _kept(blocks: Blocks, head: list[NDArray[np.generic]]) -> Blocks:
    """The blocks; a copy of the first samples stays in `head`."""
    from threshc.sim.hints import MOST

    for block, total in blocks:
        if not head:
            head.append(block[:MOST].copy())
        yield block, total


def _measure(network: Network, activity: Activity | None, files: list[Path]) -> None:
    """The table on stdout, and every file that was asked for."""
    from threshc.sim.measure.measured import measure
    from threshc.sim.measure.report import text, write

    found = measure(network, activity)
    print(text(found), end="")
    for file in files:
        write(found, file)

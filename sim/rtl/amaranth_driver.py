"""RTL simulation in Amaranth's own simulator: needs nothing, slow, and simulates the design rather than its Verilog."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from threshc.compiler.files import write_whole
from threshc.compiler.scratch import scratch_folder
from threshc.hdl.payload import from_ints, to_beats, to_int
from threshc.sim.rtl.trace import Job, Trace, stalls


def missing() -> str:
    """Always "": Amaranth is a dependency."""
    return ""


def simulate(job: Job) -> Trace:
    """Runs a job; see `Trace`. Raises CompileError when the circuit gets stuck."""
    from amaranth.hdl import Module, ResetInserter, Signal
    from amaranth.sim import Simulator

    dut: Any = job.unit.component()
    inputs = [to_int(w) for w in to_beats(job.words, job.interface.input)]
    answers: list[int] = []
    probes = job.interface.probes
    ports, led = [getattr(dut, f"probe{k}") for k in range(len(probes))], [list[int]() for _ in probes]
    seen = {"cycles": 0, "accepted": -1, "latency": 0}

    def listen(ctx: Any) -> None:
        for port, values in zip(ports, led, strict=True):
            if ctx.get(port.valid):
                values.append(int(ctx.get(port.payload)))

    async def interrupt(ctx: Any, beats: int) -> None:
        taken = idle = 0
        while taken < beats and idle < job.interface.timing.patience:
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, inputs[taken])
            ctx.set(dut.o.ready, 1)
            accepted = bool(ctx.get(dut.i.ready))
            taken, idle = taken + accepted, 0 if accepted else idle + 1
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    async def bench(ctx: Any) -> None:
        for beats in job.interrupted:
            await interrupt(ctx, beats)
        cycle, sent, idle, lfsr = 0, 0, 0, 0xACE1
        offering = False
        while (len(answers) < job.answers or sent < len(inputs)) and idle < job.interface.timing.patience:
            lfsr, offer, take = stalls(lfsr)
            free = not (job.stall and answers)
            offering = sent < len(inputs) and (offering or offer or free)
            ctx.set(dut.i.valid, offering)
            if offering:
                ctx.set(dut.i.payload, inputs[sent])
            ctx.set(dut.o.ready, take or free)
            accepted = offering and bool(ctx.get(dut.i.ready))
            listen(ctx)
            if accepted and not sent:
                seen["accepted"] = cycle
            if ctx.get(dut.o.valid):
                if not answers:
                    seen["latency"] = cycle - seen["accepted"]
                if take or free:
                    answers.append(int(ctx.get(dut.o.payload)))
                    idle = 0
            sent += accepted
            offering = offering and not accepted  # valid must not fall before the transfer
            idle = 0 if accepted else idle + 1
            cycle += 1
            await ctx.tick()
        seen["cycles"] = cycle
        for _ in range(job.interface.trailing):
            ctx.set(dut.i.valid, 0)
            listen(ctx)
            await ctx.tick()

    top = Module()
    reset = Signal()
    top.submodules.dut = ResetInserter(reset)(dut) if job.interrupted else dut
    beat = Signal()
    top.d.sync += beat.eq(~beat)  # there is a clock even where the design has no register
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    with scratch_folder() as folder:
        made = folder / "waves.vcd"
        with nullcontext() if job.waves is None else simulator.write_vcd(str(made)):
            simulator.run()
        if job.waves is not None:
            write_whole(job.waves, made.read_bytes())
    seen_by = tuple(from_ints(values, probe.width) for values, probe in zip(led, probes, strict=True))
    words = from_ints(answers, job.interface.output.width)
    return job.traced(words, seen["cycles"], seen["latency"], seen_by)

"""The cocotb test of an exported AXI4-Stream block, which `make` runs in its folder."""

from __future__ import annotations

from threshc.hdl.export.registers import ID, MAP_VERSION, registers
from threshc.hdl.interface import Interface
from threshc.hdl.payload import byte_count
from threshc.hdl.shell.protocol import fingerprint

_TEST = '''\
"""The AXI4-Stream block {top} against the packed simulator's answers: `make` runs this in cocotb.

It needs cocotb, cocotbext-axi and Icarus Verilog (or `make SIM=verilator`). FRAMES says how many samples (1,000).
"""

import logging
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

HERE = Path(__file__).resolve().parent
FRAMES = int(os.environ.get("FRAMES", "1000"))
IN_BEATS, OUT_BEATS = {in_beats}, {out_beats}
IN_BYTES, OUT_BYTES = {in_bytes}, {out_bytes}  # of a transfer
REGISTERS = {map}
EARLY, LATE, CUT = 1, 2, 4


def frames(name, beats, size):
    """The frames of a file of $readmemh, which has one payload a line, as lists of bytes."""
    words = [int(line, 16).to_bytes(size, "little") for line in (HERE / name).read_text().split()]
    return [b"".join(words[k : k + beats]) for k in range(0, len(words), beats)]


SAMPLES = frames("{name}_in.hex", IN_BEATS, IN_BYTES)
ANSWERS = frames("{name}_out.hex", OUT_BEATS, OUT_BYTES)


class Bench:
    """The block with a source of samples, a sink of answers and a master of the registers."""

    def __init__(self, dut, seed):
        self.dut, self.random = dut, random.Random(seed)
        logging.getLogger(f"cocotb.{{dut._name}}").setLevel("WARNING")  # not a line for every frame
        low = {{"reset": dut.aresetn, "reset_active_level": False}}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **low)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **low)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, **low)

    async def start(self):
        Clock(self.dut.aclk, 10, "ns").start()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    def gaps(self, share):
        """Withholds valid and ready in that share of the cycles, at random."""

        def pause():
            while True:
                yield self.random.random() < share

        self.source.set_pause_generator(pause())
        self.sink.set_pause_generator(pause())

    async def read(self, name):
        return await self.master.read_dword(REGISTERS[name])

    async def write(self, name, value):
        await self.master.write_dword(REGISTERS[name], value)

    async def counts(self):
        return [await self.read(f"FRAMES_{{n}}") for n in ("IN", "OUT", "DROPPED")]

    async def send(self, data):
        await self.source.send(AxiStreamFrame(data))

    async def expect(self, k):
        frame = await self.sink.recv()
        assert bytes(frame.tdata) == ANSWERS[k % len(ANSWERS)], f"answer to sample {{k}}"


@cocotb.test()
async def every_answer_with_gaps_and_back_pressure(dut):
    """FRAMES samples; in the first half valid and ready are withheld at random, in the second never."""
    bench = Bench(dut, 1)
    await bench.start()
    bench.gaps(0.3)
    for k in range(FRAMES):
        await bench.send(SAMPLES[k % len(SAMPLES)])
    for k in range(FRAMES):
        if k == FRAMES // 2:
            bench.gaps(0)
        await bench.expect(k)
    assert await bench.counts() == [FRAMES, FRAMES, 0]
    assert await bench.read("ERRORS") == 0
    assert bench.sink.empty()


@cocotb.test()
async def samples_with_a_wrong_tlast_are_dropped_and_no_other_one(dut):
    """Frames that are too short or too long lie among good ones."""
    bench = Bench(dut, 2)
    await bench.start()
    bench.gaps(0.2)
    good, errors = [], 0
    for k in range(60):
        data = SAMPLES[k % len(SAMPLES)]
        kind = bench.random.choice(("good", "good", "short", "long", "longer"))
        if kind == "good":
            good.append(k)
        elif kind == "short" and IN_BEATS > 1:
            data, errors = data[: IN_BYTES * bench.random.randrange(1, IN_BEATS)], errors | EARLY
        else:
            more = bench.random.randrange(1, IN_BEATS + 3) if kind == "long" else 3 * IN_BEATS
            data, errors = data + SAMPLES[0][:IN_BYTES] * more, errors | LATE
        await bench.send(data)
    for k in good:
        await bench.expect(k)
    await bench.source.wait()
    await ClockCycles(dut.aclk, 20)
    assert bench.sink.empty()
    assert await bench.counts() == [len(good), len(good), 60 - len(good)]
    assert await bench.read("ERRORS") == errors
    await bench.write("ERRORS", LATE)
    assert await bench.read("ERRORS") == errors & ~LATE
    await bench.write("CONTROL", 2)
    assert await bench.read("ERRORS") == 0
    assert await bench.counts() == [0, 0, 0]


@cocotb.test()
async def the_registers_say_what_the_block_is(dut):
    bench = Bench(dut, 3)
    await bench.start()
    wanted = {known}
    assert {{name: await bench.read(name) for name in wanted}} == wanted
    await bench.write("CONTROL", 0)
    for address in (4 * len(REGISTERS), 60):
        assert int((await bench.master.read(address, 4)).resp) == 2, "SLVERR where there is no register"
    assert int((await bench.master.write(REGISTERS["ID"], b"1234")).resp) == 2, "SLVERR where nothing can be written"
    assert await bench.read("ID") == wanted["ID"]


@cocotb.test()
async def a_reset_cuts_nothing_but_what_was_under_way(dut):
    """The registers reset the circuit in the middle of samples; every sample that begins afterwards is answered."""
    bench = Bench(dut, 4)
    await bench.start()
    for turn in range(8):
        bench.gaps(0.4)
        cut = IN_BEATS > 1 and turn % 2
        if cut:  # one transfer of a sample or some, and its others behind the reset
            await bench.send(SAMPLES[0])
            while not (dut.s_axis_tvalid.value == 1 and dut.s_axis_tready.value == 1):
                await ClockCycles(dut.aclk, 1)
            bench.source.pause = True
            bench.source.set_pause_generator(None)
            await ClockCycles(dut.aclk, 1)
        else:
            for k in range(3):
                await bench.send(SAMPLES[k % len(SAMPLES)])
            await bench.source.wait()
        await bench.write("CONTROL", 1)
        while await bench.read("CONTROL"):
            pass
        if IN_BEATS > 3:
            assert await bench.read("ERRORS") == (CUT if cut else 0)
            await bench.write("ERRORS", CUT)
        bench.gaps(0)
        await bench.source.wait()
        await ClockCycles(dut.aclk, 5)
        while not bench.sink.empty():
            bench.sink.recv_nowait()
        for k in range(5):
            await bench.send(SAMPLES[k % len(SAMPLES)])
        for k in range(5):
            await bench.expect(k)
        await ClockCycles(dut.aclk, 5)
        assert bench.sink.empty()
'''

_MAKEFILE = """\
# `make` runs test_{top}.py in cocotb, with Icarus Verilog unless SIM names another simulator.
SIM ?= icarus
TOPLEVEL_LANG = verilog
VERILOG_SOURCES = {sources}
TOPLEVEL = {top}
COCOTB_TOPLEVEL = {top}
MODULE = test_{top}
COCOTB_TEST_MODULES = test_{top}
COCOTB_MAKEFILES := $(shell cocotb-config --makefiles)
ifeq ($(COCOTB_MAKEFILES),)
$(error cocotb-config is not on PATH: pip install cocotb cocotbext-axi)
endif
include $(COCOTB_MAKEFILES)/Makefile.sim
"""


def cocotb_test(interface: Interface, top: str) -> str:
    """Returns the text of test_TOP.py: samples and answers are those of the testbench's files NAME_in.hex and
    NAME_out.hex."""
    rows = registers(interface)
    digest = fingerprint(interface)
    known = {
        "ID": ID,
        "VERSION": MAP_VERSION,
        "DIGEST_LOW": int.from_bytes(digest[:4], "little"),
        "DIGEST_HIGH": int.from_bytes(digest[4:], "little"),
        "CONTROL": 0,
        "ERRORS": 0,
        "INPUT_BITS": interface.input.bits,
        "INPUT_BEATS": interface.input.count,
        "OUTPUT_BITS": interface.output.bits,
        "OUTPUT_BEATS": interface.output.count,
    }
    return _TEST.format(
        name=interface.name,
        top=top,
        in_beats=interface.input.count,
        out_beats=interface.output.count,
        in_bytes=byte_count(interface.input.width),
        out_bytes=byte_count(interface.output.width),
        map={row.name: row.offset for row in rows},
        known=known,
    )


def cocotb_makefile(top: str, sources: list[str]) -> str:
    """Returns the Makefile beside the test."""
    return _MAKEFILE.format(top=top, sources=" ".join(f"$(CURDIR)/{name}" for name in sources))

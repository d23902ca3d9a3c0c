"""What is to be known of a device family, in one record: everything else of the compiler asks this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.families.models import Model
from threshc.hdl.plls.base import Pll

CellText = Callable[[str, int, tuple[str, ...], str], str]
TwoText = Callable[[str, tuple[int, int], tuple[str, ...], tuple[str, str]], str]


class ChainNets(NamedTuple):
    """Nets of two places of a carry chain. carry: into the first place; the sum of a place is its select and the carry
    into it, exclusive or; the carry out of it is the one into it where its select is 1, else its data. outputs: both
    sums, and the carry out of the second place."""

    carry: str
    selects: tuple[str, str]
    data: tuple[str, str]
    outputs: tuple[str, str, str]


ChainText = Callable[[str, ChainNets], str]


class Count(NamedTuple):
    """The count of one cell of a netlist, or of one placed cell: LUTs, flip-flops, carry cells, block RAMs,
    memories that a bitstream cannot fill."""

    luts: int = 0
    ffs: int = 0
    carries: int = 0
    brams: int = 0
    sprams: int = 0


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts of Yosys' cells, by their types: `luts` says how many LUTs a cell of a type holds, the others are
    beginnings of types, each of which is one flip-flop, carry cell, block RAM or memory that no bitstream can fill."""

    luts: Mapping[str, int]
    ffs: tuple[str, ...]
    carries: tuple[str, ...]
    brams: tuple[str, ...]
    sprams: tuple[str, ...] = ()

    def of(self, kind: str) -> Count:
        """Returns the count of one cell of a type."""
        hits = (int(kind.startswith(prefixes)) for prefixes in (self.ffs, self.carries, self.brams, self.sprams))
        return Count(self.luts.get(kind, 0), *hits)


@dataclass(frozen=True, slots=True)
class Memory:
    """A kind of memory. cell: its type in Yosys' netlists; shapes: (words, bits per word) that one cell can have;
    initialised: whether a bitstream can fill it, so that it can be a ROM."""

    cell: str
    shapes: tuple[tuple[int, int], ...]
    initialised: bool = True

    @property
    def bits(self) -> int:
        """The most bits that one cell holds."""
        return max(words * width for words, width in self.shapes)


@dataclass(frozen=True, slots=True)
class Delays:
    """Nanoseconds of every path between registers, and of every level of logic on it, measured as
    docs/research/pipeline.md says."""

    path: float
    level: float


@dataclass(frozen=True, slots=True)
class Package:
    """A package of PyPI that has a tool. name: of the package; module: Python's name; call: what runs the module,
    `tool`, on sys.argv[1:]; wasm: whether YoWASP translates it to machine code at its first run."""

    name: str
    module: str
    call: str
    wasm: bool = True


def yowasp(package: str, *tools: str) -> dict[str, Package]:
    """Returns where tools are that a package of YoWASP has, by name: a function of its module runs each."""
    module = package.replace("-", "_")
    return {tool: Package(package, module, f"run_{tool.replace('-', '_')}(sys.argv[1:])") for tool in tools}


@dataclass(frozen=True, slots=True)
class Placed:
    """A way to read nextpnr's placed cells.

    logic: the type that its utilization counts; types: how the types of those cells begin in the routed netlist;
    suffix: a regular expression of what it appends to the names of Yosys' cells; count(name, routed cell, type of the
    cell of Yosys' netlist that it was packed from, or ""): what it holds.
    """

    logic: str
    types: tuple[str, ...]
    suffix: str
    count: Callable[[str, dict[str, Any], str], Count]


@dataclass(frozen=True, slots=True)
class Flow:
    """Place and route of a family by nextpnr, and packing. Files have the names top.* in one folder.

    * nextpnr, packer: tools' names; packages: where PyPI has them
    * constraints: the suffix of the file with the pins; locate(port, pin): lines of it that put a port on a pin
    * place(selection, constrained): arguments of nextpnr besides input, report, frequency and seed; selection: those
      that select the device; constrained: whether there is a file with pins
    * routed: the file that nextpnr makes and the packer reads
    * pack(selection): arguments of the packer; bitstream: the file that it makes; header: how that begins
    * aim_hz: what nextpnr works towards when nothing is asked for; placed: how its result is read
    """

    nextpnr: str
    packer: str
    packages: Mapping[str, Package]
    constraints: str
    locate: Callable[[str, str], str]
    place: Callable[[tuple[str, ...], bool], list[str]]
    routed: str
    pack: Callable[[tuple[str, ...]], list[str]]
    bitstream: str
    aim_hz: float
    header: bytes
    placed: Placed


@dataclass(frozen=True, slots=True)
class Family:
    """A device family.

    * name: as options and reports have it; title: for people
    * inputs: of its look-up tables; cell(instance, table, operands, output): a line of Verilog that makes net `output`
      from nets `operands`, at most `inputs` of them
    * two: the same of a cell with two tables and two outputs, which read the same nets, less than `inputs` of them;
      chain(instance, nets): a line of Verilog for two places of a carry chain; None where that is not used
    * models: what every cell does that a netlist may have; simulation: Yosys' own models, a file below its share folder
    * counting: what each cell counts as; cells: how the types of its cells begin, which Yosys also names nets after
    * synth: Yosys' command that maps to it, without pads; whole: the one for what is placed, with pads where nextpnr
      makes none, "" for the same
    * rom: makes the Verilog of a module NAME(clk, address, word) of bits (words, width): a memory in the family's own
      cells whose words leave from a second register, two clock edges behind their address; None: synthesis makes it
    * lut_rom: the same of look-up tables, for as many words as a table has entries, whose address is in registers of
      its own for each of so many pieces of a word, so that no net goes all over the chip
    * loaded: makes the body of a module NAME(clk, address, word, load_write, load_address, load_data) of a memory
      of at most 16,384 words that no bitstream can fill, from the bits of word and of both addresses: read as `rom`;
      while load_write[k] is 1, bits 16 * k and on of word load_address are written instead; None: there is none
    * unmap: Yosys' commands before that, where the family maps tables its own way and pre-mapped cells are in its way
    * memories: largest first; delays: by the beginning of a device's name
    * pll: what makes other clocks of a board's; None where we know of none
    * flow: None where no open tool places and routes it
    """

    name: str
    title: str
    inputs: int
    cell: CellText
    models: Mapping[str, Model]
    counting: Counting
    synth: str
    cells: tuple[str, ...]
    simulation: str
    memories: tuple[Memory, ...]
    delays: Mapping[str, Delays] = field(default_factory=dict)
    flow: Flow | None = None
    pll: Pll | None = None
    whole: str = ""
    unmap: str = ""
    rom: Callable[[str, NDArray[np.uint8]], str] | None = None
    lut_rom: Callable[[str, NDArray[np.uint8], int], str] | None = None
    loaded: Callable[[int, int], str] | None = None
    two: TwoText | None = None
    chain: ChainText | None = None

    def delays_of(self, part: str) -> Delays:
        """Returns the delays of a device by its name. Raises CompileError where none were measured."""
        fitting = [prefix for prefix in self.delays if part.startswith(prefix)]
        if not fitting:
            raise fail(
                f"there is no model of the delays of the {part}",
                where=option("target_fmax"),
                why=f"family {self.name} has them for {', '.join(self.delays) or 'no device'}",
                hint=f"choose the registers with {option('pipeline')}, and the frequency with {option('freq')}",
            )
        return self.delays[max(fitting, key=len)]

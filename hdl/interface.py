"""The outside of a circuit: its two streams, what they carry and when. Who feeds or reads one knows only this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component


@dataclass(frozen=True, slots=True)
class Field:
    """A slice of a sample's output word: bits offset .. offset + width - 1.

    kind: `class`, `scores` or `bits`; value: the IR value it carries, of `shape`, elements in row-major order,
    `element_width` bits each (two's complement when `signed`), element 0 lowest.
    """

    name: str
    kind: str
    value: int
    offset: int
    width: int
    element_width: int
    signed: bool
    shape: tuple[int, ...]


def moved(fields: tuple[Field, ...], by: int) -> tuple[Field, ...]:
    """Returns the fields of a part of a network as the whole network has them: value v is value v + by."""
    return tuple(replace(f, value=f.value + by) for f in fields)


@dataclass(frozen=True, slots=True)
class Beats:
    """The way in which a stream carries samples: a sample's word of `bits` bits in payloads of `width` bits, its lowest
    bits first.

    The last payload of a sample is filled up with zeros.
    """

    bits: int
    width: int

    @property
    def count(self) -> int:
        """Transfers per sample."""
        return -(-self.bits // self.width)


@dataclass(frozen=True, slots=True)
class StalledTogether:
    """Registers that all stand still together while the last result waits to be taken.

    latency: how many; buffered: a second place for a result keeps `o_ready` away from the registers: they stand still
    from the cycle behind the one in which a result was not taken, and until that one is taken.
    """

    latency: int
    buffered: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """When a circuit takes samples and answers.

    latency: clock edges from the one that accepts a sample's first beat to the first cycle in which its answer's first
    beat is valid, of an empty circuit that is fed without a pause, counting the accepting edge: 1 means the very next
    cycle. interval: cycles between samples when they are fed and taken without a pause, of an uneven rhythm
    the mean, rounded up. pipelines: what decides `i_ready` and `o_valid` in every cycle, first to last; () where only
    the transfers are promised.
    """

    latency: int
    interval: int = 1
    pipelines: tuple[StalledTogether, ...] = ()

    @property
    def patience(self) -> int:
        """Cycles without any transfer after which the circuit counts as stuck: far beyond its latency and interval."""
        return 1000 + 100 * max(self.latency, self.interval)

    @property
    def throughput(self) -> str:
        """The rate at which samples are taken, in words."""
        return "1 sample per cycle" if self.interval == 1 else f"1 sample per {self.interval:,} cycles"


@dataclass(frozen=True, slots=True)
class Probe:
    """Bits inside of a circuit that leave it in simulations: ports probeK_valid and probeK_payload, K its place.

    In every cycle in which `valid` is 1 the payload is the next sample's, in the order in which they were taken. Of its
    `width` bits the fields say what they are. late: cycles after the answer's first beat, of an empty circuit, where no
    answer depends on some of the bits; 0 at the answer or before.
    """

    width: int
    fields: tuple[Field, ...]
    late: int = 0


@dataclass(frozen=True, eq=False)
class LoadPort:
    """The port through which memories are written that a bitstream cannot fill: load_write (a bit for each memory),
    load_address, load_data (16 bits).

    In a cycle in which a bit of load_write is 1 (one at most), word load_address of its memory becomes load_data. The
    circuit must not be given samples before all are written. Simulations of its text find the memories written.
    contents: what each memory has to hold, (words,) uint16, one word or more.
    """

    WIDTH: ClassVar = 16
    contents: tuple[NDArray[np.uint16], ...]

    @property
    def address_bits(self) -> int:
        """The width of load_address."""
        return max(max(len(words) - 1, 1).bit_length() for words in self.contents)

    @property
    def words(self) -> int:
        """The number of words of all memories."""
        return sum(map(len, self.contents))

    @property
    def ports(self) -> list[tuple[str, int]]:
        """The ports as (name, width), all of them inputs."""
        return [("load_write", len(self.contents)), ("load_address", self.address_bits), ("load_data", self.WIDTH)]


@dataclass(frozen=True, slots=True, eq=False)
class Interface:
    """The facts about a circuit that are known from outside.

    network: what it computes; name: the Verilog module's, with ports clk, rst, {i,o}_{payload,valid,ready}.
    input: the stream of samples; feature f of k bits is bits f*k.. of a sample's word (two's complement when signed,
    lowest bit first; a Step input has one bit per feature). output: the stream of answers; fields: the slices of an
    answer's word. probes: what is led out beside that; () for circuits that are built. load: the memories that
    are written at start, None for none.
    """

    network: Network
    name: str
    input: Beats
    output: Beats
    fields: tuple[Field, ...]
    timing: Timing
    probes: tuple[Probe, ...] = ()
    load: LoadPort | None = None

    @property
    def trailing(self) -> int:
        """Cycles after the last answer was taken in which probes may still lead something out."""
        late = max((probe.late for probe in self.probes), default=0)
        return late + 2 if late else 0


class StreamUnit(Protocol):
    """A circuit between two streams, which can be emitted."""

    @property
    def interface(self) -> Interface:
        """The facts about the unit that are known from outside."""

    def __hash__(self) -> int:
        """Units are told apart by identity."""

    def component(self) -> Component:
        """Returns a fresh Amaranth component with streams `i` and `o` of the interface's widths, and `probeK`."""

    def verilog(self) -> str:
        """Returns the Verilog-2001 of the whole circuit, with the interface's module at the top."""

    def files(self) -> Mapping[str, str]:
        """Returns the files that the Verilog reads in the folder in which a tool runs, such as memories, by name."""

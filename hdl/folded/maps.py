"""Streams of maps: the beats of a pixel, which are alike for all of them, and those of a sample; what a layer takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.folded.convolution import Conv
from threshc.hdl.folded.joints import Link, converters, gathered
from threshc.hdl.folded.layout import Layout, in_order
from threshc.hdl.folded.pieces import Dense, Unfolded
from threshc.hdl.folded.pool import Pool
from threshc.hdl.folded.pool_schedule import PoolStage
from threshc.hdl.folded.pooling import Pooling
from threshc.hdl.folded.position import Positioned
from threshc.hdl.folded.shift_schedule import ShiftWindowStage
from threshc.hdl.folded.shift_window import ShiftWindow


@dataclass(frozen=True, slots=True)
class Carried:
    """The contents of a stream. layout: the beats of a sample, pixels being 0, or of one of so many, each of `bits`
    bits."""

    layout: Layout
    pixels: int = 0
    bits: int = 0

    def whole(self) -> tuple[list[Link], Layout]:
        """Returns the parts behind which the beats of all pixels are those of a sample, and what these carry."""
        if not self.pixels:
            return [], self.layout
        made, pixel = converters(self.layout, self.layout.width)
        return made, pixel.tiled(self.pixels, self.bits)

    def by_pixel(self, bits: int) -> tuple[list[Link], Layout]:
        """Returns the parts behind which beats are those of pixels of so many bits, and what those of a pixel carry.
        Raises CompileError where beats have bits of several pixels that do not become whole ones."""
        return ([], self.layout) if self.pixels else _pixels(self.layout, bits)

    def through(self, piece: Unfolded, taken: int, left: int) -> tuple[list[Link], Carried]:
        """Returns the parts from the stream to layers that stay unrolled, and what the stream carries behind these.
        taken, left: bits of their beats in and out. Raises CompileError where beats do not become pixels."""
        if isinstance(piece, Positioned):
            return self._windows(piece), Carried(in_order(left, left), piece.scan.positions, left)
        made, given = self.whole()
        return made + gathered(given, taken), Carried(in_order(left, left))

    def _windows(self, piece: Positioned) -> list[Link]:
        """The parts from the stream to the windows of all positions of a layer, each in a beat."""
        width, scan, window = piece.width, piece.scan, piece.window
        made, found = converters(self.layout, width)
        count = 1 if self.pixels else scan.height * scan.width
        if not np.array_equal(found.elements, in_order(count * width, width).elements):
            raise fail(
                f"beats of {self.layout.width} bits do not become pixels of {width}",
                where=f"layer {piece.layers[0].name}",
                hint=f"@ at the end of {option('fold')}: features of a pixel, or of several whole ones",
            )
        if window is None:
            return made
        circuit = partial(ShiftWindow, width, scan, window.fill, window.is_pad)
        return [*made, Link(circuit, partial(ShiftWindowStage, scan=scan))]

    def into(self, dense: Dense, simd: int) -> tuple[list[Link], Layout]:
        """Returns the parts from the stream to a layer that takes SIMD inputs at once, and what its beats carry: of a
        sample, or of a pixel for a convolution. Raises CompileError where beats are not those of pixels."""
        if not isinstance(dense, Conv):
            made, given = self.whole()
        else:
            made, given = self.by_pixel(dense.shape[2] * dense.numbers.bits)
        more, found = converters(given, simd * dense.numbers.bits)
        return made + more, found

    def pooled(self, pool: Pooling) -> tuple[list[Link], Carried]:
        """Returns the parts that pool a stream, and what that carries behind them.

        Raises CompileError where the beats are not those of pixels, or padding would set bits that must stay 0.
        """
        made, pixel = self.by_pixel(pool.shape[2])
        if (pixel.elements < 0).any() and not pool.keeps_zeros():
            raise fail(
                f"{pool.shape[2]} channels do not become whole beats of {pixel.width} bits",
                where=f"layer {pool.layer.name}",
                why="its padding would set the bits that are left over",
                hint="choose PE of the layer before it that divides its neurons",
            )
        columns, rows = pool.axes(pixel.beats)
        for axis in [one for one in (columns, rows) if not one.is_plain] or [rows]:
            circuit = partial(Pool, pixel.width, axis, pool.kind, pool.window.fill)
            made.append(Link(circuit, partial(PoolStage, axis=axis)))
        return made, Carried(pixel, pool.positions, pool.shape[2])


def behind(dense: Dense, layout: Layout) -> Carried:
    """Returns what the stream carries behind a layer. layout: the beats of a position."""
    return Carried(layout, dense.positions, len(dense.start)) if isinstance(dense, Conv) else Carried(layout)


def _pixels(given: Layout, bits: int) -> tuple[list[Link], Layout]:
    """The parts from the beats of a sample in order to beats of which each is of one pixel of `bits` bits, and what
    those of a pixel carry."""
    made = list[Link]()
    if bits % given.width:
        made, given = converters(given, bits)
    found = in_order(bits, given.width)
    if not np.array_equal(found.tiled(given.beats // found.beats, bits).elements, given.elements):
        raise fail(
            "the beats of a sample are not those of its pixels",
            where=option("fold"),
            why=f"a pixel has {bits} bits",
            hint=f"@ at the end of {option('fold')}: features of a pixel, or of several whole ones",
        )
    return made, found

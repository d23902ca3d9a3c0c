"""One axis of a pooling, as numbers: which elements of a row of them are under which window. No circuit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """Rows of `count` elements, each of `depth` beats, one row after the other; every row becomes one of `outputs`.

    taps, stride, dilation: of the window. before: elements of padding that stand before the first one; after: those
    behind the last one that some window reaches. The two axes of a map are one behind the other: its columns, an
    element being a pixel, then its rows, an element being a row of what that has left.
    """

    depth: int
    count: int
    taps: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Elements from the first one under a window to the last one."""
        return (self.taps - 1) * self.dilation

    @property
    def total(self) -> int:
        """Elements of a row with its padding."""
        return self.before + self.count + self.after

    @property
    def outputs(self) -> int:
        """Windows in a row."""
        return (self.total - self.reach - 1) // self.stride + 1

    @property
    def slots(self) -> int:
        """Windows that are open between two elements at most: of these the results so far are kept."""
        return -(-self.reach // self.stride)

    @property
    def is_padded(self) -> bool:
        """Whether a row has padding."""
        return self.total != self.count

    @property
    def is_plain(self) -> bool:
        """Whether what leaves it is what came in."""
        return self.taps == self.stride == 1 and not self.is_padded

    def real(self, element: int) -> bool:
        """Returns whether an element of the padded row comes in; the others are padding."""
        return self.before <= element < self.before + self.count

    def begins(self, element: int) -> bool:
        """Returns whether a window begins with an element of the padded row, one that may reach beyond its end."""
        return element % self.stride == 0

    def ends(self, element: int) -> bool:
        """Returns whether a window ends with an element of the padded row."""
        return element >= self.reach and (element - self.reach) % self.stride == 0


def axis(
    depth: int, count: int, taps: int, *, stride: int = 1, before: int = 0, after: int = 0, dilation: int = 1
) -> Axis:
    """Returns the axis of a window over `count` elements; padding behind that no window reaches is left out."""
    whole = Axis(depth, count, taps, stride, before, after, dilation)
    needed = (whole.outputs - 1) * stride + whole.reach + 1
    return Axis(depth, count, taps, stride, before, max(needed - before - count, 0), dilation)

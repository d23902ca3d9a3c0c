"""A window that slides over a map, as a shift register sees it: the steps in which it is complete. No circuit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Scan:
    """The steps of a sample: in each one element is shifted in, a pixel of the map, row after row, or one of filling.

    height, width: of the map; kernel, stride, pads (top, left, bottom, right), dilation: of the window
    (`threshc.compiler.ir.ops.Window`). A window is complete with the step that shifts in its last tap, of the map or
    not; taps in the padding hold other pixels or anything. Filling stands behind the map where its last windows reach
    below it, so that no answer waits for the next sample; and where windows lie in the padding alone, also before it or
    at the end of rows.
    """

    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of positions."""
        top, left, bottom, right = self.pads
        rows = (self.height + top + bottom - self._reach(0) - 1) // self.stride[0] + 1
        return rows, (self.width + left + right - self._reach(1) - 1) // self.stride[1] + 1

    @property
    def positions(self) -> int:
        """Windows of a sample."""
        return self.shape[0] * self.shape[1]

    @property
    def taps(self) -> int:
        """Pixels under a window."""
        return self.kernel[0] * self.kernel[1]

    @cached_property
    def line(self) -> int:
        """Steps of a row: its pixels, or more, so that windows of a row come before those of the next one."""
        across = (self.shape[1] - 1) * self.stride[1]
        return max(self.width, across // self.stride[0] + 1)

    @cached_property
    def before(self) -> int:
        """Rows of filling before the map: for windows that lie above it."""
        corner = self._corner
        return max(0, -(corner // self.line)) if corner < 0 else 0

    @property
    def first(self) -> int:
        """The step of the first window."""
        return self._corner + self.before * self.line

    @property
    def jump(self) -> int:
        """Steps from a row's last window to the next row's first one."""
        return self.stride[0] * self.line - (self.shape[1] - 1) * self.stride[1]

    @property
    def last(self) -> int:
        """The step of the last window."""
        return self.step_of(self.shape[0] - 1, self.shape[1] - 1)

    @property
    def steps(self) -> int:
        """Steps of a sample: its cycles, where nothing waits."""
        return max(self.last + 1, (self.before + self.height - 1) * self.line + self.width)

    @property
    def unread(self) -> bool:
        """Whether there are pixels behind those of the last window: no answer waits for them."""
        return self.last < self.steps - 1

    @property
    def ahead(self) -> int:
        """Steps between a sample's last window and the next sample's first one."""
        return self.steps - 1 - self.last + self.first

    def step_of(self, row: int, column: int) -> int:
        """Returns the step of a window."""
        return self.first + row * self.stride[0] * self.line + column * self.stride[1]

    def is_real(self, step: int) -> bool:
        """Returns whether a step shifts in a pixel."""
        row, column = divmod(step, self.line)
        return 0 <= row - self.before < self.height and column < self.width

    def outside(self, axis: int, tap: int) -> tuple[int, int]:
        """Returns which rows (axis 0) or columns (axis 1) of positions have a tap's row or column in the padding: those
        below the first number, and from the second one on."""
        size, stride = (self.height, self.width)[axis], self.stride[axis]
        begin = self.pads[axis] - tap * self.dilation[axis]  # stride * position - begin is the pixel
        low, high = -(-begin // stride), -(-(size + begin) // stride)
        return max(low, 0), min(high, self.shape[axis])

    def delay(self, row: int, column: int) -> int:
        """Returns how many steps before the last one the pixel under a tap was shifted in."""
        down, right = self.kernel[0] - 1 - row, self.kernel[1] - 1 - column
        return down * self.dilation[0] * self.line + right * self.dilation[1]

    @property
    def across(self) -> int:
        """Registers of a row of taps."""
        return self._reach(1) + 1

    @property
    def gap(self) -> int:
        """Elements between a row of taps and the next one; negative where they overlap."""
        return self.dilation[0] * self.line - self.across

    @property
    def _corner(self) -> int:
        """The step of the first window, the map's first pixel being step 0."""
        return (self._reach(0) - self.pads[0]) * self.line + self._reach(1) - self.pads[1]

    def _reach(self, axis: int) -> int:
        return (self.kernel[axis] - 1) * self.dilation[axis]

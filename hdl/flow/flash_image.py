"""The file that goes into a board's flash: the bitstream, ones up to the image's place, the image of the weights."""

from __future__ import annotations

import platform
import sys

from threshc.hdl.flow.plan import Step
from threshc.hdl.flow.tools import Tool
from threshc.hdl.shell.image import OFFSET

PYTHON = "python3"
RESULT = "flash.bin"
_SCRIPT, IMAGE = "join.py", "weights.hex"
_TEXT = '''\
"""Writes a bitstream, and an image of weights behind it: join.py BITSTREAM IMAGE.hex OFFSET OUT"""

import sys

bitstream, image, offset, out = sys.argv[1:]
with open(bitstream, "rb") as file:
    data = file.read()
if len(data) > int(offset):
    sys.exit(f"error: the bitstream has {len(data)} bytes and reaches the weights, which begin at {offset}")
with open(image) as file:
    weights = bytes.fromhex(file.read())
with open(out, "wb") as file:
    file.write(data.ljust(int(offset), b"\\xff") + weights)
'''


def image_files(image: bytes) -> dict[str, str]:
    """Returns the files of a project that the step reads, by name."""
    rows = (image[k : k + 32].hex() for k in range(0, len(image), 32))
    return {_SCRIPT: _TEXT, IMAGE: "\n".join(rows) + "\n"}


def join_step(bitstream: str) -> Step:
    """Returns the command that joins bitstream and image."""
    return Step(
        doing="joining bitstream and weights",
        role="PYTHON",
        tool=PYTHON,
        arguments=(_SCRIPT, bitstream, IMAGE, str(OFFSET), RESULT),
        reads=(bitstream, _SCRIPT, IMAGE),
        makes=(RESULT,),
        log="join.log",
    )


def python() -> Tool:
    """Returns the Python that runs this as a tool of the flow."""
    return Tool(PYTHON, (sys.executable,), "native", platform.python_version())

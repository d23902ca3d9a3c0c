"""The contract as a Python module that needs nothing but Python: `pack` a sample, `beats`, `unpack` an answer."""

from __future__ import annotations

from math import prod

import numpy as np

from threshc.compiler.affine import Affine
from threshc.hdl.contract.contract import Contract
from threshc.hdl.contract.text import comment, lines_of

_HEAD = """\
# {title}
#
{words}
import struct

FEATURES = {features}
IN_BITS, IN_BEATS, IN_BEAT_BITS = {in_bits}, {in_beats}, {in_beat_bits}
OUT_BITS = {out_bits}
"""

_FLOAT32 = """

def _float32(x):
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")
"""

_STEP = '''
BIT_FEATURE = (
{feature}
)
BIT_THRESHOLD = (
{threshold}
)


def pack(x):
    """Turns a sample's real features, in order, into the circuit's word, an integer. Raises ValueError for NaN."""
    x = [_float32(v) for v in x]
    if len(x) != FEATURES:
        raise ValueError(f"{{len(x)}} features, {{FEATURES}} are needed")
    for k, v in enumerate(x):
        if v != v:
            raise ValueError(f"feature {{k}} is not a number")
    return sum((x[f] >= t) << k for k, (f, t) in enumerate(zip(BIT_FEATURE, BIT_THRESHOLD)))
'''

_INTEGERS = '''
FEATURE_BITS, LOWEST, HIGHEST = {each}, {lo}, {hi}


def pack_integers(q):
    """Turns a sample's integers, in order, into the circuit's word, an integer. Raises ValueError for one outside."""
    if len(q) != FEATURES:
        raise ValueError(f"{{len(q)}} features, {{FEATURES}} are needed")
    word = 0
    for f, v in enumerate(q):
        if not LOWEST <= v <= HIGHEST:
            raise ValueError(f"feature {{f}} is {{v}}, the circuit takes {{LOWEST}} to {{HIGHEST}}")
        word |= (int(v) & (1 << FEATURE_BITS) - 1) << FEATURE_BITS * f
    return word


def _real(f, q):
    r = _float32(q)
{forward}
    return r


def pack(x):
    """Turns the model's real inputs into the circuit's word. Raises ValueError for one that no integer stands for."""
    q = []
    for f, v in enumerate(x):
        v = want = _float32(v)
        if v - v != 0:
            raise ValueError(f"feature {{f}} is {{v}}, not a finite number")
{inverse}
        near = round(v)
        if not LOWEST <= near <= HIGHEST or _real(f, near) != want:
            raise ValueError(f"feature {{f}} is {{want}}, which no integer of {{LOWEST}}..{{HIGHEST}} stands for")
        q.append(near)
    return pack_integers(q)
'''

_TAIL = '''

def beats(word):
    """Cuts a sample's word into the transfers of the stream, in order."""
    return [word >> k * IN_BEAT_BITS & (1 << IN_BEAT_BITS) - 1 for k in range(IN_BEATS)]


FIELDS = {{
{fields}
}}
"""Of an answer's word: first bit, elements, bits of each, and whether they are in two's complement."""


def unpack(word):
    """Turns an answer's word into lists of integers, by the fields' names."""
    found = {{}}
    for name, (offset, count, bits, signed) in FIELDS.items():
        values = [word >> offset + k * bits & (1 << bits) - 1 for k in range(count)]
        found[name] = [v - (1 << bits) if signed and v >> bits - 1 else v for v in values]
    return found
'''


def python_module(contract: Contract) -> str:
    """Returns the text of NAME_io.py."""
    given, encoding = contract.input, contract.samples.encoding
    head = _HEAD.format(
        title=comment(f"{contract.name}: samples to the circuit's words and back. Made by threshc."),
        words="\n".join(f"# {comment(w)}" for w in contract.words()),
        features=contract.samples.features,
        in_bits=given.bits,
        in_beats=given.count,
        in_beat_bits=given.width,
        out_bits=contract.output.bits,
    )
    if isinstance(encoding, Affine):
        middle = _integers(contract, encoding)
    else:
        middle = _STEP.format(
            feature=lines_of(map(str, encoding.feature.tolist())) + ",",
            threshold=lines_of(map(_literal, encoding.threshold.tolist())) + ",",
        )
    fields = [
        f"    {f.name!r}: ({f.offset}, {prod(f.shape)}, {f.element_width}, {f.signed})," for f, _ in contract.fields
    ]
    return head + _FLOAT32 + middle + _TAIL.format(fields="\n".join(fields))


def _integers(contract: Contract, affine: Affine) -> str:
    channel = f"[f // {max(affine.inner, 1)} % {affine.channels}]"
    inverse, forward = list[str](), list[str]()
    for move, numbers in affine.steps:
        exact, rounded = (repr(tuple(map(kind, numbers))) for kind in (float, _rounded))
        at = "[0]" if len(numbers) == 1 else channel
        back, sign = {"mul": ("/", "*"), "div": ("*", "/"), "add": ("-", "+")}[move]
        inverse.insert(0, f"        v = v {back} {exact}{at}")
        forward.append(f"    r = _float32(r {sign} {rounded}{at})")
    return _INTEGERS.format(
        each=contract.samples.feature_bits,
        lo=affine.lo,
        hi=affine.hi,
        inverse="\n".join(inverse),
        forward="\n".join(forward),
    )


def _rounded(value: float) -> float:
    return float(np.float32(value))


def _literal(value: float) -> str:
    return repr(value) if np.isfinite(value) else f'float("{value}")'

"""The contract as a C99 header: functions that pack a sample into the circuit's word and read its answers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from threshc.compiler.affine import Affine
from threshc.compiler.encoding import Step
from threshc.hdl.contract.contract import Contract
from threshc.hdl.contract.text import comment, lines_of
from threshc.hdl.interface import Field
from threshc.hdl.naming import Names
from threshc.hdl.payload import byte_count

_WIDEST = 64
"""Bits of the widest answer that C has an integer for."""

_HEAD = """\
/* {title}
 *
{words}
 *
 * Nothing is allocated; no other header of threshc is needed. Compile without -ffast-math: comparisons and
 * steps in float32 must stay what they are.
 */
#ifndef {guard}_H
#define {guard}_H

#include <stdint.h>
#include <string.h>
{infinite}
#define {guard}_FEATURES {features}
#define {guard}_IN_BITS {in_bits}
#define {guard}_IN_BYTES {in_bytes}
#define {guard}_IN_BEATS {in_beats}
#define {guard}_IN_BEAT_BITS {in_beat_bits}
#define {guard}_OUT_BITS {out_bits}
#define {guard}_OUT_BYTES {out_bytes}
#define {guard}_OUT_BEATS {out_beats}
#define {guard}_OUT_BEAT_BITS {out_beat_bits}
"""

_STEP = """
static const {index} {name}_bit_feature[{bits}] = {{
{feature}
}};

static const float {name}_bit_threshold[{bits}] = {{
{threshold}
}};

/* Packs {features} real features into a word of {bytes} bytes. Returns 0, or 1 + the index of a feature that is NaN. */
static inline int {name}_pack(const float *x, uint8_t *word)
{{
    long k;
    for (k = 0; k < {features}; k++)
        if (x[k] != x[k])
            return (int)k + 1;
    memset(word, 0, {bytes});
    for (k = 0; k < {bits}; k++)
        if (x[{name}_bit_feature[k]] >= {name}_bit_threshold[k])
            word[k >> 3] = (uint8_t)(word[k >> 3] | 1u << (k & 7));
    return 0;
}}
"""

_INTEGERS = """
/* Packs {features} integers of {lo}..{hi} into a word of {bytes} bytes. Returns 0, or 1 + the index of one that is
 * outside. */
static inline int {name}_pack_integers(const {int} *q, uint8_t *word)
{{
    long f, at;
    int p;
    memset(word, 0, {bytes});
    for (f = 0; f < {features}; f++) {{
        if (q[f] < {lo} || q[f] > {hi})
            return (int)f + 1;
        for (p = 0; p < {each}; p++) {{
            at = {each}L * f + p;
            word[at >> 3] = (uint8_t)(word[at >> 3] | ((unsigned)((uint64_t)q[f] >> p) & 1u) << (at & 7));
        }}
    }}
    return 0;
}}

/* Packs {features} real inputs of the model. Returns 0, or 1 + the index of one that is not the real value of any of
 * these integers: nothing is rounded. */
static inline int {name}_pack(const float *x, uint8_t *word)
{{
    long f, at;
    int p;
    memset(word, 0, {bytes});
    for (f = 0; f < {features}; f++) {{
        double v = x[f];
        volatile float r;
        {int} q;
{inverse}
        if (!(v > {lo} - 0.75 && v < {hi} + 0.75))
            return (int)f + 1;
        q = ({int})(v < 0 ? v - 0.5 : v + 0.5);
        if (q < {lo} || q > {hi})
            return (int)f + 1;
        r = (float)q;
{forward}
        if (r != x[f])
            return (int)f + 1;
        for (p = 0; p < {each}; p++) {{
            at = {each}L * f + p;
            word[at >> 3] = (uint8_t)(word[at >> 3] | ((unsigned)((uint64_t)q >> p) & 1u) << (at & 7));
        }}
    }}
    return 0;
}}
"""

_BEAT = """
/* Cuts transfer number k of the stream, ({beat_bits} + 7) / 8 bytes, out of a sample's word. */
static inline void {name}_beat(const uint8_t *word, long k, uint8_t *beat)
{{
    long at = k * {beat_bits}L, bit;
    memset(beat, 0, {beat_bytes});
    for (bit = 0; bit < {beat_bits} && at + bit < {in_bits}; bit++)
        if (word[(at + bit) >> 3] >> ((at + bit) & 7) & 1)
            beat[bit >> 3] = (uint8_t)(beat[bit >> 3] | 1u << (bit & 7));
}}
"""

_FIELD = """
/* Reads {words} out of an answer's word. */
static inline void {name}_{field}(const uint8_t *word, {int} *out)
{{
    long k, at;
    int p;
    for (k = 0; k < {count}; k++) {{
        {uint} v = 0;
        for (p = 0; p < {width}; p++) {{
            at = {offset}L + {width}L * k + p;
            v = ({uint})(v | ({uint})(({uint})(word[at >> 3] >> (at & 7) & 1) << p));
        }}
{extend}        out[k] = ({int})v;
    }}
}}
"""


def c_header(contract: Contract) -> str:
    """Returns the text of NAME.h. Answers wider than 64 bits an element have no function."""
    given, answer = contract.input, contract.output
    guard, infinite = contract.name.upper(), ""
    if isinstance(contract.samples.encoding, Step) and not np.isfinite(contract.samples.encoding.threshold).all():
        infinite = "#include <math.h>\n"
    parts = [
        _HEAD.format(
            title=comment(f"{contract.name}: what the circuit's bits mean. Made by threshc."),
            words="\n".join(f" * {comment(w)}" for w in contract.words()),
            guard=guard,
            infinite=infinite,
            features=contract.samples.features,
            in_bits=given.bits,
            in_bytes=byte_count(given.bits),
            in_beats=given.count,
            in_beat_bits=given.width,
            out_bits=answer.bits,
            out_bytes=byte_count(answer.bits),
            out_beats=answer.count,
            out_beat_bits=answer.width,
        )
    ]
    match contract.samples.encoding:
        case Step() as step:
            parts.append(_steps(contract, step))
        case Affine() as affine:
            parts.append(_integers(contract, affine))
    parts.append(
        _BEAT.format(name=contract.name, beat_bits=given.width, beat_bytes=byte_count(given.width), in_bits=given.bits)
    )
    names = Names()
    parts += [_field(contract.name, names, field) for field, _ in contract.fields if field.element_width <= _WIDEST]
    return "".join([*parts, "\n#endif\n"])


def _steps(contract: Contract, step: Step) -> str:
    index = "uint16_t" if contract.samples.features <= 1 << 16 else "uint32_t"
    return _STEP.format(
        index=index,
        name=contract.name,
        bits=len(step.feature),
        features=contract.samples.features,
        bytes=byte_count(len(step.feature)),
        feature=lines_of(map(str, step.feature.tolist())),
        threshold=lines_of(map(_float, step.threshold)),
    )


def _integers(contract: Contract, affine: Affine) -> str:
    channel = f"f / {max(affine.inner, 1)}L % {affine.channels}"
    inverse, forward, tables = list[str](), list[str](), list[str]()
    for k, (move, numbers) in enumerate(affine.steps):
        exact, rounded = [repr(float(n)) for n in numbers], [_float(np.float32(n)) for n in numbers]
        wide, narrow = exact[0], rounded[0]
        if len(numbers) > 1:
            tables += [_table("double", f"{contract.name}_step{k}", exact)]
            tables += [_table("float", f"{contract.name}_step{k}f", rounded)]
            wide, narrow = (f"{contract.name}_step{k}{end}[{channel}]" for end in ("", "f"))
        back, sign = {"mul": ("/", "*"), "div": ("*", "/"), "add": ("-", "+")}[move]
        inverse.insert(0, f"        v = v {back} ({wide});")
        forward.append(f"        r = r {sign} ({narrow});")
    wide_int = affine.lo < -(1 << 31) or affine.hi >= 1 << 31
    return "".join(tables) + _INTEGERS.format(
        name=contract.name,
        features=contract.samples.features,
        bytes=byte_count(contract.input.bits),
        each=contract.samples.feature_bits,
        lo=affine.lo,
        hi=affine.hi,
        int="int64_t" if wide_int else "int32_t",
        inverse="\n".join(inverse) or "        /* the integer is the real value */",
        forward="\n".join(forward) or "        /* the integer is the real value */",
    )


def _table(kind: str, name: str, numbers: Sequence[str]) -> str:
    return f"\nstatic const {kind} {name}[{len(numbers)}] = {{\n{lines_of(numbers)}\n}};\n"


def _field(name: str, names: Names, field: Field) -> str:
    width = field.element_width
    size = 8 if width == 1 and field.kind == "bits" else 32 if width <= 32 else 64
    sign = f"        if (v >> {width - 1} & 1)\n            v |= ~({{u}})0 << {width - 1};\n"
    unsigned = f"uint{size}_t"
    what = {"class": "the class", "scores": "the scores", "bits": "the bits"}[field.kind]
    return _FIELD.format(
        words=what,
        name=name,
        field=names.pick(f"read_{field.name}"),
        int=unsigned if size == 8 else f"int{size}_t",
        uint=unsigned,
        count=prod(field.shape),
        width=width,
        offset=field.offset,
        extend=sign.format(u=unsigned) if field.signed else "",
    )


def _float(value: np.float32) -> str:
    """A literal of C for exactly this float32."""
    if np.isinf(value):
        return "-INFINITY" if value < 0 else "INFINITY"
    return f"{value!s}f"

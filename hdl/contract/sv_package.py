"""The contract as a SystemVerilog package: widths, slices and what every input bit is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.affine import Affine
from threshc.hdl.contract.contract import Contract
from threshc.hdl.contract.text import comment, lines_of
from threshc.hdl.naming import Names


def sv_package(contract: Contract) -> str:
    """Returns the text of NAME_pkg.sv."""
    given, answer, encoding = contract.input, contract.output, contract.samples.encoding
    sizes = {
        "FEATURES": contract.samples.features,
        "IN_BITS": given.bits,
        "IN_BEATS": given.count,
        "IN_BEAT_BITS": given.width,
        "OUT_BITS": answer.bits,
        "OUT_BEATS": answer.count,
        "OUT_BEAT_BITS": answer.width,
    }
    if isinstance(encoding, Affine):
        sizes |= {
            "FEATURE_BITS": contract.samples.feature_bits,
            "FEATURE_LOWEST": encoding.lo,
            "FEATURE_HIGHEST": encoding.hi,
        }
    names = Names(tuple(sizes))
    for field, _ in contract.fields:
        name = names.pick(f"out_{field.name}").upper()
        sizes |= {f"{name}_LSB": field.offset, f"{name}_BITS": field.width, f"{name}_ELEMENT_BITS": field.element_width}
    lines = [f"// {comment(f'{contract.name}: what the circuit says and is told, bit by bit. Made by threshc.')}", "//"]
    lines += [f"// {comment(w)}" for w in contract.words()]
    lines.append(f"package {contract.name}_pkg;")
    lines += [f"  localparam longint {name} = {value};" for name, value in sizes.items()]
    lines += ["  typedef logic [IN_BEAT_BITS-1:0] in_beat_t;", "  typedef logic [OUT_BEAT_BITS-1:0] out_beat_t;"]
    if not isinstance(encoding, Affine):
        width = max((contract.samples.features - 1).bit_length(), 1)
        lines += ["", "  // Bit k of a sample's word is 1 where feature BIT_FEATURE[k] >= BIT_THRESHOLD[k], a float32."]
        lines += _packed("BIT_FEATURE", width, [f"{width}'d{f}" for f in encoding.feature.tolist()])
        bits = encoding.threshold.astype(np.float32).view(np.uint32).tolist()
        lines += _packed("BIT_THRESHOLD", 32, [f"32'h{b:08x}" for b in bits])
    return "\n".join([*lines, "endpackage", ""])


def _packed(name: str, width: int, items: Sequence[str]) -> list[str]:
    """A packed array, whose highest element is written first."""
    return [f"  localparam logic [IN_BITS-1:0][{width - 1}:0] {name} = {{", lines_of(items[::-1]), "  };"]

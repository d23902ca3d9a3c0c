"""The lines of pre-mapped text around the data: module, ports and handshake, which must stand there letter by letter.

`valid` is a shift register of `latency` bits that reset clears; everything samples while its last bit is 0 or the
reader takes a result. The second form has a further place for results behind that, see `threshc.hdl.proof.buffer`.
"""

from __future__ import annotations

from threshc.hdl.proof.certificate import Certificate

_HEAD = """\
module {name} (
  input wire clk, input wire rst,
  input wire [{i}:0] i_payload, input wire i_valid, output wire i_ready,
  output wire [{o}:0] o_payload, output wire o_valid, input wire o_ready
);
  reg [{v}:0] valid;
  wire enable;
  wire [{o}:0] last;
  assign i_ready = enable;
  always @(posedge clk) if (rst) valid <= 0; else if (enable) valid <= {shift};
"""
_PLAIN = """\
  assign enable = ~valid[{v}] | o_ready;
  assign o_valid = valid[{v}];
  assign o_payload = last;
"""
_BUFFERED = """\
  reg full, free;
  reg [{o}:0] held;
  assign enable = free;
  assign o_valid = full | valid[{v}];
  assign o_payload = full ? held : last;
  always @(posedge clk) if (rst) full <= 0; else full <= o_valid & ~o_ready;
  always @(posedge clk) if (rst) free <= 1; else free <= ~o_valid | o_ready;
  always @(posedge clk) if (enable) held <= last;
"""


def frames(certificate: Certificate) -> tuple[str, ...]:
    """Returns the beginnings that a text of this certificate may have, none where its latency is 0."""
    v, o = certificate.latency - 1, len(certificate.outputs) - 1
    if v < 0 or o < 0:
        return ()
    shift = f"{{valid[{v - 1}:0], i_valid}}" if v else "i_valid"
    head = _HEAD.format(name=certificate.name, i=certificate.inputs - 1, o=o, v=v, shift=shift)
    return tuple(head + end.format(v=v, o=o) for end in (_PLAIN, _BUFFERED))

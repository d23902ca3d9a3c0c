"""The register block of an exported circuit: its map, and the AXI4-Lite slave that holds it."""

from __future__ import annotations

from dataclasses import dataclass

from threshc.hdl.interface import Interface
from threshc.hdl.shell.protocol import fingerprint

ID = 0x54485243
"""The text `THRC`, first letter highest."""
MAP_VERSION = 0x0001_0000
"""Of the register map: 1.0."""
ADDRESS_BITS = 6


@dataclass(frozen=True, slots=True)
class Register:
    """A word of 32 bits. offset: in bytes; access: ro, or w1 where ones that are written do something; value: what is
    read, as Verilog; text: what it means, as a sentence."""

    name: str
    offset: int
    access: str
    value: str
    text: str


def registers(interface: Interface) -> list[Register]:
    """Returns the register map of a circuit, by offset. Its last words say the shape of its streams."""
    digest = fingerprint(interface)
    low, high = (int.from_bytes(digest[k : k + 4], "little") for k in (0, 4))
    given, taken = interface.input, interface.output
    rows = [
        ("ID", "ro", _hex(ID), "The text THRC, first letter highest."),
        ("VERSION", "ro", _hex(MAP_VERSION), "Of this map: 1.0."),
        ("DIGEST_LOW", "ro", _hex(low), "Bytes 0 to 3 of the fingerprint of the network and its answers."),
        ("DIGEST_HIGH", "ro", _hex(high), "Bytes 4 to 7 of it."),
        (
            "CONTROL",
            "w1",
            "{31'd0, resetting}",
            "Writing bit 0 resets the circuit, bit 1 clears counters and errors. Bit 0 reads as 1 until the reset "
            "is over.",
        ),
        (
            "ERRORS",
            "w1",
            "{29'd0, errors}",
            "Bit 0: TLAST came before the last transfer of a sample; bit 1: it did not come with it; bit 2: a reset "
            "cut a sample. Writing a bit clears it.",
        ),
        ("FRAMES_IN", "ro", "frames_in", "Samples that the circuit has taken whole."),
        ("FRAMES_OUT", "ro", "frames_out", "Answers that were taken whole."),
        ("FRAMES_DROPPED", "ro", "frames_dropped", "Samples that were dropped because of an error."),
        ("INPUT_BITS", "ro", _dec(given.bits), "Bits of a sample."),
        ("INPUT_BEATS", "ro", _dec(given.count), "Transfers of a sample."),
        ("OUTPUT_BITS", "ro", _dec(taken.bits), "Bits of an answer."),
        ("OUTPUT_BEATS", "ro", _dec(taken.count), "Transfers of an answer."),
    ]
    return [Register(name, 4 * k, access, value, text) for k, (name, access, value, text) in enumerate(rows)]


def _hex(value: int) -> str:
    return f"32'h{value:08x}"


def _dec(value: int) -> str:
    return f"32'd{value}"


_MODULE = """\
// The registers of {of}: an AXI4-Lite slave. Each write answers when its address and its data have come, in any order.
module {name} (
  input  wire aclk,
  input  wire aresetn,
  input  wire [{high}:0] s_axil_awaddr,
  input  wire [2:0] s_axil_awprot,
  input  wire s_axil_awvalid,
  output wire s_axil_awready,
  input  wire [31:0] s_axil_wdata,
  input  wire [3:0] s_axil_wstrb,
  input  wire s_axil_wvalid,
  output wire s_axil_wready,
  output reg  [1:0] s_axil_bresp,
  output reg  s_axil_bvalid,
  input  wire s_axil_bready,
  input  wire [{high}:0] s_axil_araddr,
  input  wire [2:0] s_axil_arprot,
  input  wire s_axil_arvalid,
  output wire s_axil_arready,
  output reg  [31:0] s_axil_rdata,
  output reg  [1:0] s_axil_rresp,
  output reg  s_axil_rvalid,
  input  wire s_axil_rready,
  // asked for by a write, for one cycle
  output reg  soft_reset,
  // what is read; the events are 1 for one cycle each
  input  wire resetting,
  input  wire [2:0] error_events,
  input  wire frame_in,
  input  wire frame_out,
  input  wire frame_dropped
);
  localparam [1:0] OKAY = 2'b00, SLVERR = 2'b10;

  reg clear;
  reg [2:0] errors;
  reg [31:0] frames_in, frames_out, frames_dropped;

  reg [{high}:2] address;
  reg [2:0] data;
  reg strobe, address_held, data_held;
  wire write = address_held && data_held && (!s_axil_bvalid || s_axil_bready);
  wire write_control = write && address == {control};
  wire write_errors = write && address == {errors};

  assign s_axil_awready = !address_held;
  assign s_axil_wready = !data_held;
  assign s_axil_arready = !s_axil_rvalid;

  always @(posedge aclk) begin
    soft_reset <= 1'b0;
    clear <= 1'b0;
    if (s_axil_bready) s_axil_bvalid <= 1'b0;
    if (s_axil_awvalid && s_axil_awready) begin
      address <= s_axil_awaddr[{high}:2];
      address_held <= 1'b1;
    end
    if (s_axil_wvalid && s_axil_wready) begin
      data <= s_axil_wdata[2:0];
      strobe <= s_axil_wstrb[0];
      data_held <= 1'b1;
    end
    if (write) begin
      address_held <= 1'b0;
      data_held <= 1'b0;
      s_axil_bvalid <= 1'b1;
      s_axil_bresp <= write_control || write_errors ? OKAY : SLVERR;
      soft_reset <= write_control && strobe && data[0];
      clear <= write_control && strobe && data[1];
    end
    errors <= (errors & ~(write_errors && strobe ? data : 3'd0)) | error_events;
    if (frame_in) frames_in <= frames_in + 32'd1;
    if (frame_out) frames_out <= frames_out + 32'd1;
    if (frame_dropped) frames_dropped <= frames_dropped + 32'd1;
    if (clear) begin
      errors <= 3'd0;
      frames_in <= 32'd0;
      frames_out <= 32'd0;
      frames_dropped <= 32'd0;
    end
    if (s_axil_rready) s_axil_rvalid <= 1'b0;
    if (s_axil_arvalid && s_axil_arready) begin
      s_axil_rvalid <= 1'b1;
      s_axil_rresp <= OKAY;
      case (s_axil_araddr[{high}:2])
{reads}
        default: begin
          s_axil_rdata <= 32'd0;
          s_axil_rresp <= SLVERR;
        end
      endcase
    end
    if (!aresetn) begin
      address_held <= 1'b0;
      data_held <= 1'b0;
      s_axil_bvalid <= 1'b0;
      s_axil_rvalid <= 1'b0;
      soft_reset <= 1'b0;
      clear <= 1'b0;
      errors <= 3'd0;
      frames_in <= 32'd0;
      frames_out <= 32'd0;
      frames_dropped <= 32'd0;
    end
  end

  // No register depends on these.
  wire unused = &{{1'b0, s_axil_awprot, s_axil_arprot, s_axil_awaddr[1:0], s_axil_araddr[1:0],
                  s_axil_wdata[31:3], s_axil_wstrb[3:1], 1'b0}};
endmodule
"""


def registers_verilog(interface: Interface, name: str, of: str) -> str:
    """Returns the Verilog-2001 of the module `name`, the registers of the module `of`."""
    rows = {row.name: row for row in registers(interface)}
    reads = "\n".join(f"        {_word(row)}: s_axil_rdata <= {row.value};  // {row.name}" for row in rows.values())
    return _MODULE.format(
        name=name,
        of=of,
        high=ADDRESS_BITS - 1,
        control=_word(rows["CONTROL"]),
        errors=_word(rows["ERRORS"]),
        reads=reads,
    )


def _word(row: Register) -> str:
    return f"{ADDRESS_BITS - 2}'d{row.offset // 4}"

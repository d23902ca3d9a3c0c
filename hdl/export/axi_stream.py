"""A circuit as an AXI4-Stream block with a register block: the wrapper's Verilog."""

from __future__ import annotations

from threshc.hdl.export.registers import ADDRESS_BITS
from threshc.hdl.interface import Interface
from threshc.hdl.payload import byte_count

_MODULE = """\
// {title}
//
// Samples come as frames of {in_beats} over s_axis, answers leave as frames of {out_beats} over m_axis, in the
// same order. Payloads are filled up with zeros to whole bytes; bits of s_axis_tdata beyond them are ignored.
//
// TLAST must come with the last transfer of a sample and with no other one. Where it comes early, the circuit is given
// zeros for the rest of that sample; where it comes late, what is too much is thrown away up to TLAST. Either way
// the sample is counted as dropped, its answer is thrown away, and no other sample is shifted or changed.
//
// A reset by the registers takes effect between two answers; an answer that is offered stays until it is taken. What
// the circuit holds is lost, and so is the rest of a sample that is under way, up to its TLAST.
module {name} (
  input  wire aclk,
  input  wire aresetn,
  input  wire [{s_high}:0] s_axis_tdata,
  input  wire s_axis_tvalid,
  output wire s_axis_tready,
  input  wire s_axis_tlast,
  output reg  [{m_high}:0] m_axis_tdata,
  output reg  m_axis_tvalid,
  input  wire m_axis_tready,
  output reg  m_axis_tlast,
  input  wire [{a_high}:0] s_axil_awaddr,
  input  wire [2:0] s_axil_awprot,
  input  wire s_axil_awvalid,
  output wire s_axil_awready,
  input  wire [31:0] s_axil_wdata,
  input  wire [3:0] s_axil_wstrb,
  input  wire s_axil_wvalid,
  output wire s_axil_wready,
  output wire [1:0] s_axil_bresp,
  output wire s_axil_bvalid,
  input  wire s_axil_bready,
  input  wire [{a_high}:0] s_axil_araddr,
  input  wire [2:0] s_axil_arprot,
  input  wire s_axil_arvalid,
  output wire s_axil_arready,
  output wire [31:0] s_axil_rdata,
  output wire [1:0] s_axil_rresp,
  output wire s_axil_rvalid,
  input  wire s_axil_rready
);
  localparam [{i_high}:0] LAST_IN = {i_bits}'d{last_in};
  localparam [{o_high}:0] LAST_OUT = {o_bits}'d{last_out};

  // The circuit, and when it may run.
  wire i_ready, o_valid;
  wire {o_range}o_payload;
  wire i_valid, o_ready;
  reg circuit_reset, reset_asked;
  wire open = !reset_asked && !circuit_reset;

  // Samples: `at` counts transfers of the one at hand; `fill`: it has ended early; `skip`: all is thrown away to TLAST.
  reg [{i_high}:0] at;
  reg fill, skip;
  wire last_in = at == LAST_IN;
  // Whether each sample that the circuit holds whole is a good one, oldest first: as many as it can hold.
  reg [{d_high}:0] good;
  reg [{p_bits}:0] put, got;
  wire full = put[{p_high}:0] == got[{p_high}:0] && put[{p_bits}] != got[{p_bits}];
  wire empty = put == got;
  wire room = open && !(last_in && full);

  assign s_axis_tready = skip ? open : room && !fill && i_ready;
  assign i_valid = room && (fill || (s_axis_tvalid && !skip));
  wire taken = s_axis_tvalid && s_axis_tready && !skip;
  wire given = i_valid && i_ready;
  wire early = taken && s_axis_tlast && !last_in;
  wire late = taken && !s_axis_tlast && last_in;
  wire whole = taken && s_axis_tlast && last_in;

  // Answers: `out` counts transfers of the one at hand. Those of samples that were dropped go nowhere.
  reg [{o_high}:0] out;
  wire last_out = out == LAST_OUT;
  wire dropped = !good[got[{p_high}:0]];
  wire free = dropped || !m_axis_tvalid || m_axis_tready;
  assign o_ready = !empty && free && !circuit_reset && !(reset_asked && out == {o_bits}'d0);
  wire answered = o_valid && o_ready;

  wire soft_reset;
  wire reset_now = reset_asked && !circuit_reset && out == {o_bits}'d0;
  wire cut = reset_now && at != {i_bits}'d0 && !fill;

  always @(posedge aclk) begin
    circuit_reset <= reset_now;
    if (soft_reset) reset_asked <= 1'b1;
    else if (circuit_reset) reset_asked <= 1'b0;

    if (given) at <= last_in ? {i_bits}'d0 : at + {i_bits}'d1;
    if (early) fill <= 1'b1;
    if (given && last_in) begin
      fill <= 1'b0;
      good[put[{p_high}:0]] <= whole;
      put <= put + {p_width}'d1;
    end
    if (late) skip <= 1'b1;
    if (skip && s_axis_tvalid && s_axis_tready && s_axis_tlast) skip <= 1'b0;

    if (m_axis_tready) m_axis_tvalid <= 1'b0;
    if (answered) begin
      out <= last_out ? {o_bits}'d0 : out + {o_bits}'d1;
      if (last_out) got <= got + {p_width}'d1;
      if (!dropped) begin
        m_axis_tvalid <= 1'b1;
        m_axis_tdata <= {answer};
        m_axis_tlast <= last_out;
      end
    end

    if (reset_now) begin
      at <= {i_bits}'d0;
      fill <= 1'b0;
      put <= {p_width}'d0;
      got <= {p_width}'d0;
      if (cut) skip <= 1'b1;
    end
    if (!aresetn) begin
      circuit_reset <= 1'b1;
      reset_asked <= 1'b0;
      at <= {i_bits}'d0;
      fill <= 1'b0;
      skip <= 1'b0;
      put <= {p_width}'d0;
      got <= {p_width}'d0;
      out <= {o_bits}'d0;
      m_axis_tvalid <= 1'b0;
    end
  end

  {circuit} circuit (
    .clk(aclk), .rst(circuit_reset),
    .i_payload(fill ? {i_width}'d0 : s_axis_tdata{i_slice}), .i_valid(i_valid), .i_ready(i_ready),
    .o_payload(o_payload), .o_valid(o_valid), .o_ready(o_ready)
  );

  {registers} registers (
    .aclk(aclk), .aresetn(aresetn),
    .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(s_axil_awprot),
    .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
    .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
    .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
    .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
    .s_axil_araddr(s_axil_araddr), .s_axil_arprot(s_axil_arprot),
    .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
    .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
    .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
    .soft_reset(soft_reset), .resetting(reset_asked || circuit_reset),
    .error_events({{cut, late, early}}),
    .frame_in(whole), .frame_out(m_axis_tvalid && m_axis_tready && m_axis_tlast),
    .frame_dropped(early || late || cut)
  );{unused}
endmodule
"""


def axi_stream_verilog(interface: Interface, name: str, registers: str, title: str) -> str:
    """Returns the Verilog-2001 of the module `name` around a circuit, with the module `registers` within.

    title: a comment of one line. Samples are s_axis_tdata, answers m_axis_tdata, both in whole bytes.
    """
    given, taken = interface.input, interface.output
    bytes_in, bytes_out = byte_count(given.width), byte_count(taken.width)
    depth = 1 << max(1, (held(interface) - 1).bit_length())
    pointer = depth.bit_length() - 1
    i_bits, o_bits = (max(1, (beats.count - 1).bit_length()) for beats in (given, taken))
    pad, spare = 8 * bytes_out - taken.width, 8 * bytes_in - given.width
    unused = (
        "" if not spare else f"\n\n  wire unused = &{{1'b0, s_axis_tdata[{8 * bytes_in - 1}:{given.width}], 1'b0}};"
    )
    return _MODULE.format(
        title=title,
        name=name,
        registers=registers,
        circuit=interface.name,
        in_beats=_transfers(given.count),
        out_beats=_transfers(taken.count),
        s_high=8 * bytes_in - 1,
        m_high=8 * bytes_out - 1,
        a_high=ADDRESS_BITS - 1,
        i_high=i_bits - 1,
        o_high=o_bits - 1,
        i_bits=i_bits,
        o_bits=o_bits,
        last_in=given.count - 1,
        last_out=taken.count - 1,
        d_high=depth - 1,
        p_high=pointer - 1,
        p_bits=pointer,
        p_width=pointer + 1,
        i_width=given.width,
        i_slice="" if not spare else f"[{given.width - 1}:0]",
        o_range="" if taken.width == 1 else f"[{taken.width - 1}:0] ",
        answer=f"{{{pad}'d0, o_payload}}" if pad else "o_payload",
        unused=unused,
    )


def held(interface: Interface) -> int:
    """Returns how many whole samples the wrapper lets into the circuit: enough to never make it wait when its answers
    are taken at once."""
    return interface.timing.latency // interface.timing.interval + 3


def _transfers(count: int) -> str:
    return "1 transfer" if count == 1 else f"{count} transfers"

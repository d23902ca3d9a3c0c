"""An exported AXI4-Stream block as a LiteX module: the text of a Python file."""

from __future__ import annotations

from threshc.hdl.export.registers import ADDRESS_BITS, registers
from threshc.hdl.interface import Interface
from threshc.hdl.payload import byte_count

_TEXT = '''\
"""{name} as a LiteX module: samples over `sink`, answers over `source`, registers over `bus` (AXI4-Lite).

    soc.submodules.net = {class_name}(soc.platform)
    soc.bus.add_slave("net", soc.net.bus, region=SoCRegion(size={size:#x}, cached=False))

This file was not tried in a SoC by threshc, which has none; that it is Python and names all ports is tested. Registers
as offsets in bytes: REGISTERS.
"""

from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.interconnect import stream
from litex.soc.interconnect.axi import AXILiteInterface
from migen import ClockSignal, Instance, ResetSignal

FOLDER = Path(__file__).resolve().parent
REGISTERS = {map}


class {class_name}(LiteXModule):
    """sink: samples, {in_bits} bits a transfer, `last` with the last one of a sample ({in_beats}); source: answers,
    {out_bits} bits, {out_beats} a sample."""

    def __init__(self, platform):
        self.sink = stream.Endpoint([("data", {in_bits})])
        self.source = stream.Endpoint([("data", {out_bits})])
        self.bus = bus = AXILiteInterface(data_width=32, address_width=32)
        self.specials += Instance(
            "{name}",
            i_aclk=ClockSignal(),
            i_aresetn=~ResetSignal(),
            i_s_axis_tdata=self.sink.data,
            i_s_axis_tvalid=self.sink.valid,
            o_s_axis_tready=self.sink.ready,
            i_s_axis_tlast=self.sink.last,
            o_m_axis_tdata=self.source.data,
            o_m_axis_tvalid=self.source.valid,
            i_m_axis_tready=self.source.ready,
            o_m_axis_tlast=self.source.last,
            i_s_axil_awaddr=bus.aw.addr[:{address}],
            i_s_axil_awprot=0,
            i_s_axil_awvalid=bus.aw.valid,
            o_s_axil_awready=bus.aw.ready,
            i_s_axil_wdata=bus.w.data,
            i_s_axil_wstrb=bus.w.strb,
            i_s_axil_wvalid=bus.w.valid,
            o_s_axil_wready=bus.w.ready,
            o_s_axil_bresp=bus.b.resp,
            o_s_axil_bvalid=bus.b.valid,
            i_s_axil_bready=bus.b.ready,
            i_s_axil_araddr=bus.ar.addr[:{address}],
            i_s_axil_arprot=0,
            i_s_axil_arvalid=bus.ar.valid,
            o_s_axil_arready=bus.ar.ready,
            o_s_axil_rdata=bus.r.data,
            o_s_axil_rresp=bus.r.resp,
            o_s_axil_rvalid=bus.r.valid,
            i_s_axil_rready=bus.r.ready,
        )
        for source in {verilog}:
            platform.add_source(str(FOLDER / source))
        platform.add_verilog_include_path(str(FOLDER))
'''


def litex_class(name: str) -> str:
    """Returns the name of the class for a top module."""
    return "".join(word.capitalize() for word in name.split("_") if word)


def litex_module(interface: Interface, name: str, verilog: tuple[str, ...]) -> str:
    """Returns NAME_litex.py for the top module `name` around a circuit."""
    return _TEXT.format(
        name=name,
        class_name=litex_class(name),
        size=1 << ADDRESS_BITS,
        map={row.name: row.offset for row in registers(interface)},
        in_bits=8 * byte_count(interface.input.width),
        out_bits=8 * byte_count(interface.output.width),
        in_beats=interface.input.count,
        out_beats=interface.output.count,
        address=ADDRESS_BITS,
        verilog=repr(list(verilog)),
    )

"""Units joined by streams, as an Amaranth component and as a Verilog module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from threshc.hdl.interface import Interface

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component

_STREAM = ("payload", "valid", "ready")


def ports(interface: Interface) -> list[tuple[str, str, int]]:
    """Returns the ports of the interface's module as (direction, name, width)."""
    found = [("input", "clk", 1), ("input", "rst", 1)]
    for side, beats, way in (("i", interface.input, "input"), ("o", interface.output, "output")):
        back = "output" if way == "input" else "input"
        found += [(way, f"{side}_payload", beats.width), (way, f"{side}_valid", 1), (back, f"{side}_ready", 1)]
    for k, probe in enumerate(interface.probes):
        found += [("output", f"probe{k}_payload", probe.width), ("output", f"probe{k}_valid", 1)]
    if interface.load is not None:
        found += [("input", name, width) for name, width in interface.load.ports]
    return found


def module_head(interface: Interface, name: str) -> str:
    """Returns the first lines of a module `name` with the ports of the interface."""
    lines = ",\n".join(f"  {way} wire {_range(width)}{port}" for way, port, width in ports(interface))
    return f"module {name} (\n{lines}\n);"


def joined_verilog(whole: Interface, units: Sequence[Interface]) -> str:
    """Returns the module of the whole, in which the modules of the units are instances u0, u1, ..., each one's output
    the next one's input; their probes are the whole's, in order."""
    lines, probe = [module_head(whole, whole.name)], 0
    for k, unit in enumerate(units):
        nets = {"clk": "clk", "rst": "rst"}
        nets |= {f"i_{m}": f"s{k}_{m}" if k else f"i_{m}" for m in _STREAM}
        last = k == len(units) - 1
        nets |= {f"o_{m}": f"o_{m}" if last else f"s{k + 1}_{m}" for m in _STREAM}
        for p in range(len(unit.probes)):
            nets |= {f"probe{p}_{m}": f"probe{probe}_{m}" for m in _STREAM[:2]}
            probe += 1
        if not last:
            lines.append(f"  wire {_range(unit.output.width)}s{k + 1}_payload;\n  wire s{k + 1}_valid, s{k + 1}_ready;")
        pins = ", ".join(f".{name}({nets[name]})" for _, name, _ in ports(unit))
        lines.append(f"  {unit.name} u{k} ({pins});")
    return "\n".join([*lines, "endmodule\n"])


def joined_component(units: Sequence[Component], whole: Interface) -> Component:
    """Returns the same as a component."""
    from amaranth.hdl import Module
    from amaranth.lib import stream, wiring
    from amaranth.lib.wiring import In, Out

    class Joined(wiring.Component):
        def __init__(self) -> None:
            i, o = (stream.Signature(beats.width) for beats in (whole.input, whole.output))
            probes = [Out(stream.Signature(p.width, always_ready=True)) for p in whole.probes]
            super().__init__({"i": In(i), "o": Out(o)} | {f"probe{k}": probe for k, probe in enumerate(probes)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            source: Any = wiring.flipped(self.i)
            number = 0
            for k, made in enumerate(units):
                unit: Any = made
                m.submodules[f"u{k}"] = unit
                wiring.connect(m, source, unit.i)
                source = unit.o
                for inner in (name for name in unit.signature.members if name.startswith("probe")):
                    wiring.connect(m, getattr(unit, inner), wiring.flipped(getattr(self, f"probe{number}")))
                    number += 1
            wiring.connect(m, source, wiring.flipped(self.o))
            return m

    return Joined()


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""

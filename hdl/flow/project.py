"""The plan of a build: which files and commands make the bitstream of a design for a target."""

from __future__ import annotations

from collections.abc import Mapping

from threshc.hdl.chain import Circuit
from threshc.hdl.families.registry import family
from threshc.hdl.flow.flash_image import image_files, join_step
from threshc.hdl.flow.floorplan import placed_memories
from threshc.hdl.flow.plan import Plan, Step
from threshc.hdl.flow.routing import pack_step, route_step
from threshc.hdl.flow.synthesis import synthesis_script, synthesis_step
from threshc.hdl.shell.image import make_image
from threshc.hdl.shell.top import Top
from threshc.hdl.targets.base import Device, Target


def make_plan(
    chain: Circuit,
    target: Target,
    top: Top,
    *,
    freq_hz: float | None,
    seed: int,
    memories: Mapping[str, str] | None = None,
) -> Plan:
    """Returns the plan; for a family without place and route it ends with the synthesis.

    freq_hz: what nextpnr works towards, None for the family's own aim. memories: files with the contents of memories
    that the design's text reads by name ($readmemh); today's designs have none.
    """
    device, chosen = target.device, family(target.device.family)
    files = {"design.v": chain.mapped(chosen.name), "top.il": top.rtlil, **(memories or {})}
    aim = freq_hz or (0.0 if chosen.flow is None else chosen.flow.aim_hz)
    image = target.board is not None and chain.interface.load is not None
    places = placed_memories(chain, files["design.v"], device) if chosen.flow is not None else []
    steps = _steps(device, tuple(files), bool(top.constraints), aim, seed, image, crowded=bool(places))
    if image:
        files |= image_files(make_image(chain.interface))
    files["synth.ys"] = synthesis_script(chosen, chain.name, places)
    if chosen.flow is not None and top.constraints:
        files[f"top.{chosen.flow.constraints}"] = top.constraints
    return Plan(f"{chain.name} for {target.title}", files, steps, target.programmers)


def made_for(device: Device) -> tuple[str, ...]:
    """Returns the names of the files that the commands of any plan for a device make."""
    return Plan("", {}, _steps(device, (), False, 1e6, 1, bool(device.sprams))).made


def _steps(
    device: Device,
    sources: tuple[str, ...],
    constrained: bool,
    freq_hz: float,
    seed: int,
    image: bool,
    *,
    crowded: bool = False,
) -> tuple[Step, ...]:
    synthesis = synthesis_step(device, sources)
    if family(device.family).flow is None:
        return (synthesis,)
    pack = pack_step(device)
    joined = (join_step(pack.makes[0]),) if image else ()
    return (
        synthesis,
        route_step(device, constrained=constrained, freq_hz=freq_hz, seed=seed, crowded=crowded),
        pack,
        *joined,
    )

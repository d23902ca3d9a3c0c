"""What other tools read of an exported circuit: a FuseSoC core, Tcl for Vivado and Quartus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of an exported circuit. name: of its top module, also the files' that are made of it; verilog: in no
    order; memories: what the Verilog reads when it is synthesized, by $readmemh; clock: the top's clock port; bench:
    modules and files of the testbench, ("",) for none; about: one line of text."""

    name: str
    verilog: tuple[str, ...]
    memories: tuple[str, ...]
    clock: str
    about: str
    bench: tuple[str, ...] = ()
    bench_data: tuple[str, ...] = ()
    bench_top: str = ""


_CORE = """\
CAPI=2:
# For FuseSoC 2: fusesoc --cores-root . run --target lint threshc::{name}
name: threshc::{name}:1.0.0
description: {about}

filesets:
  rtl:
    files:
{verilog}
    file_type: verilogSource
{memories}  waivers:
    files:
      - {name}.vlt: {{file_type: vlt}}
{bench}
targets:
  default: &default
    filesets: [{filesets}]
    toplevel: {name}
  lint:
    <<: *default
    filesets: [{filesets}, waivers]
    default_tool: verilator
    description: Verilator with all warnings but those that {name}.vlt waives
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wall]
{sim}"""


def fusesoc_core(sources: Sources) -> str:
    """Returns NAME.core, which FuseSoC 2 reads: targets default and lint, and sim where there is a testbench."""
    filesets = ["rtl", *(["memories"] if sources.memories else [])]
    memories = ""
    if sources.memories:
        memories = f"  memories:\n    files:\n{_copied(sources.memories)}\n    file_type: user\n"
    bench = sim = ""
    if sources.bench:
        bench = f"  bench:\n    files:\n{_listed(sources.bench, ': {file_type: verilogSource}')}\n"
        bench += f"{_copied(sources.bench_data, ', file_type: user')}\n"
        sim = (
            "  sim:\n    <<: *default\n    default_tool: icarus\n"
            "    description: The testbench, which prints PASS or FAIL\n"
            f"    filesets: [{', '.join([*filesets, 'bench'])}]\n    toplevel: {sources.bench_top}\n"
        )
    return _CORE.format(
        name=sources.name,
        about=_quoted(sources.about),
        verilog=_listed(sources.verilog),
        memories=memories,
        bench=bench,
        filesets=", ".join(filesets),
        sim=sim,
    )


def _listed(names: tuple[str, ...], more: str = "") -> str:
    return "\n".join(f"      - {name}{more}" for name in names)


def _copied(names: tuple[str, ...], more: str = "") -> str:
    """Files that a tool looks for in the folder in which it runs."""
    return "\n".join(f"      - {name}: {{copyto: {name}{more}}}" for name in names)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def waivers(circuit: str) -> str:
    """Returns NAME.vlt: what Verilator is not to warn of in the file of the circuit itself, whose text is generated."""
    return f"""\
`verilator_config
// Generated text: wires that nothing reads, registers with first values, names that are not the file's.
lint_off -file "*{circuit}.v"
"""


_VIVADO = """\
# Synthesis out of context, without pins: vivado -mode batch -source {name}_vivado.tcl [-tclargs PART [NANOSECONDS]]
# It has not been run by threshc, which has no Vivado; its Tcl is parsed in threshc's tests.
set part [expr {{$argc > 0 ? [lindex $argv 0] : "xc7a35tcpg236-1"}}]
set period [expr {{$argc > 1 ? [lindex $argv 1] : 10.0}}]
cd [file dirname [file normalize [info script]]]
foreach source {{{verilog}}} {{
  read_verilog $source
}}
foreach memory {{{memories}}} {{
  read_mem $memory
}}
synth_design -top {name} -part $part -mode out_of_context
create_clock -name clock -period $period [get_ports {clock}]
opt_design
place_design
route_design
report_utilization -file {name}_utilization.txt
report_timing_summary -file {name}_timing.txt
write_checkpoint -force {name}.dcp
"""


def vivado(sources: Sources) -> str:
    """Returns NAME_vivado.tcl: synthesis, placing and routing out of context."""
    return _VIVADO.format(
        name=sources.name,
        verilog=" ".join(sources.verilog),
        memories=" ".join(sources.memories),
        clock=sources.clock,
    )


_IPXACT = """\
# Packs the block as an IP for Vivado's block designs: vivado -mode batch -source {name}_ipxact.tcl
# The folder {name}_ip beside this file then is an IP repository. It has not been run by threshc, which has no Vivado;
# its Tcl is parsed in threshc's tests.
cd [file dirname [file normalize [info script]]]
create_project -in_memory -part xc7a35tcpg236-1
foreach source {{{verilog}}} {{
  add_files -norecurse $source
}}
foreach memory {{{memories}}} {{
  add_files -norecurse $memory
}}
set_property top {name} [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir {name}_ip -vendor threshc -library threshc -taxonomy /UserIP -import_files -force
set core [ipx::current_core]
set_property name {name} $core
set_property version 1.0 $core
set_property display_name {{{name}}} $core
set_property description {{{about}}} $core
foreach bus {{s_axis m_axis s_axil}} {{
  ipx::associate_bus_interfaces -busif $bus -clock aclk $core
}}
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::save_core $core
"""


def ipxact(sources: Sources) -> str:
    """Returns NAME_ipxact.tcl, which packs an AXI block as an IP."""
    return _IPXACT.format(
        name=sources.name,
        verilog=" ".join(sources.verilog),
        memories=" ".join(sources.memories),
        about="".join(c for c in sources.about if c not in "{}\\"),
    )


_QUARTUS = """\
# A project of the block alone, all its pins virtual: quartus_sh -t {name}_quartus.tcl [DEVICE]
# It has not been run by threshc, which has no Quartus; its Tcl is parsed in threshc's tests.
package require ::quartus::project
package require ::quartus::flow
set device [expr {{[llength $quartus(args)] > 0 ? [lindex $quartus(args) 0] : "10CL025YU256C8G"}}]
cd [file dirname [file normalize [info script]]]
project_new {name} -overwrite
set_global_assignment -name DEVICE $device
set_global_assignment -name TOP_LEVEL_ENTITY {name}
foreach source {{{verilog}}} {{
  set_global_assignment -name VERILOG_FILE $source
}}
foreach memory {{{memories}}} {{
  set_global_assignment -name MISC_FILE $memory
}}
set constraints [open {name}.sdc w]
puts $constraints "create_clock -name clock -period 10.0 \\[get_ports {clock}\\]"
close $constraints
set_global_assignment -name SDC_FILE {name}.sdc
set_instance_assignment -name VIRTUAL_PIN ON -to *
set_instance_assignment -name VIRTUAL_PIN OFF -to {clock}
execute_flow -compile
project_close
"""


def quartus(sources: Sources) -> str:
    """Returns NAME_quartus.tcl: a project that is made and compiled."""
    return _QUARTUS.format(
        name=sources.name,
        verilog=" ".join(sources.verilog),
        memories=" ".join(sources.memories),
        clock=sources.clock,
    )

"""The weight memories of a chain as Yosys makes them for a family, read back from the INIT strings of its cells, or
from its SPRAM once it was loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.progress import Progress, silent
from threshc.compiler.scratch import scratch_folder
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.flow.tools import YOSYS, check, find_tools, run_tool
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.unit import FoldedUnit
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_memory import read_words

_CYCLES = 2
"""Clock edges between an address and its word."""
Kind = Literal["weights", "starts"]
"""A unit's memory: of weights, or of threshold bits that have their own."""
_SCRIPT = "read_verilog {name}.v\n{synth} -top {name}\nwrite_json {name}.json\n"


def prove_memories(chain: FoldedChain, family: str, progress: Progress = silent) -> int:
    """Returns how many words of all weight memories were found to be those of `chain.files()`: at every address, from
    the cells that Yosys makes for a family, two cycles later and of nothing but that address.

    Raises Unproved, with the layer, where one is not, and CompileError where Yosys is not there or fails, or the
    family's memories have no model.
    """
    found = 0
    with scratch_folder() as folder:
        for unit in chain.units:
            progress(f"synthesizing the weights of layer {unit.layer.name}")
            for kind in ("weights", "starts") if unit.has_starts else ("weights",):
                found += check_memory(unit, synthesized(unit, family, folder, kind), family, kind)
    return found


def synthesized(unit: FoldedUnit, family: str, folder: Path, kind: Kind = "weights") -> Path:
    """Returns the netlist that Yosys makes of a unit's memory, in a folder. Raises CompileError if it fails."""
    name, made, yosys = f"{unit.name}_{kind}", find_family(family), find_tools([YOSYS])[YOSYS]
    (folder / f"{name}.v").write_text(_module(unit.modules(made), name), encoding="utf-8")
    for file, text in unit.files().items():
        (folder / file).write_text(text, encoding="utf-8")
    (folder / f"{name}.ys").write_text(_SCRIPT.format(name=name, synth=made.synth), encoding="utf-8")
    check(run_tool(yosys, ["-q", "-l", "yosys.log", "-s", f"{name}.ys"], folder, silent), "synthesizing a memory")
    return folder / f"{name}.json"


def _module(text: str, name: str) -> str:
    return next(f"module {part}" for part in text.split("module ")[1:] if part.startswith(f"{name}("))


def check_memory(unit: FoldedUnit, netlist: Path, family: str, kind: Kind = "weights") -> int:
    """Returns the number of words of a unit's memory, all of which its netlist answers with. Raises Unproved if not."""
    gates = read_netlist(netlist, family, f"{unit.name}_{kind}")
    layer = unit.layer
    if kind == "weights":
        want = read_words(unit.memory_text(), layer.depth, layer.pe * layer.own_bits)
    else:
        count = layer.patterns * layer.depth
        want = read_words(unit.files()[unit.starts_file], count, layer.pe * len(layer.exponents))
    address, word = gates.inputs["address"], gates.outputs["word"]
    if unit.loads and kind == "weights":
        orders = np.arange(len(want)), np.arange(len(want))[::-1]  # the word before does not matter
        _compare(unit, loaded_back(gates, unit, np.concatenate(orders)), want[np.concatenate(orders)])
        return len(want)
    late = _cycles(gates, address)
    if any(late.get(net, {_CYCLES}) - {_CYCLES} for net in word) or len(word) != want.shape[1]:
        raise Unproved(f"the memory of layer {unit.layer.name} does not answer two cycles behind its address")
    _compare(unit, read_back(gates, address, word, len(want)), want)
    return len(want)


def _compare(unit: FoldedUnit, got: NDArray[np.uint8], want: NDArray[np.uint8]) -> None:
    if got.shape != want.shape or (got != want).any():
        wrong = int((got != want).any(axis=1).argmax()) if got.shape == want.shape else 0
        raise Unproved(f"the memory of layer {unit.layer.name} has another word at address {wrong % len(want)}")


def read_back(gates: Gates, address: list[int], word: list[int], depth: int) -> NDArray[np.uint8]:
    """Returns the words at all addresses, (depth, bits), a sample of the simulated netlist reading each."""
    lanes = -(-depth // 64)
    machine = Machine(gates, lanes)
    at = np.arange(64 * lanes)
    bits = (at[None, :] >> np.arange(len(address))[:, None] & 1).astype(np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
    stimulus = np.zeros((_CYCLES + 1, len(address), lanes), np.uint64)
    stimulus[0] = packed
    out = machine.run(machine.nets(address), stimulus, machine.nets(word))[_CYCLES]
    found: NDArray[np.uint8] = np.unpackbits(np.ascontiguousarray(out).view(np.uint8), axis=1, bitorder="little").T
    return found[:depth]


def loaded_back(gates: Gates, unit: FoldedUnit, read: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Returns the words at addresses `read`, (addresses, bits), one a cycle, of a memory that was written through its
    loading port, a word a cycle, with what `unit.loads` holds; before that it held zeros."""
    machine, depth = Machine(gates), unit.layer.depth
    ports = ("address", "load_write", "load_address", "load_data")
    nets = {name: gates.inputs[name] for name in ports}
    written = len(unit.loads) * depth
    values = {name: np.zeros(written + len(read) + _CYCLES, np.int64) for name in ports}
    values["load_write"][:written] = np.repeat(1 << np.arange(len(unit.loads)), depth)
    values["load_address"][:written] = np.tile(np.arange(depth), len(unit.loads))
    values["load_data"][:written] = np.concatenate(unit.loads)
    values["address"][written : written + len(read)] = read
    bits = [values[name][:, None] >> np.arange(len(nets[name])) & 1 for name in ports]
    stimulus = np.where(np.concatenate(bits, axis=1), ~np.uint64(0), np.uint64(0))[:, :, None]
    drive = machine.nets([net for name in ports for net in nets[name]])
    out = machine.run(drive, stimulus, machine.nets(gates.outputs["word"]))
    found: NDArray[np.uint8] = (out[written + _CYCLES :, :, 0] & np.uint64(1)).astype(np.uint8)
    return found


def _cycles(gates: Gates, address: list[int]) -> dict[int, set[int]]:
    """By how many registers nets are behind the address, over all paths; what does not depend on it is not there."""
    late: dict[int, set[int]] = {net: {0} for net in address}
    grows = True
    while grows:
        before = {net: len(found) for net, found in late.items()}
        for gate in gates.gates:
            _join(late, gate.net, [late[x] for x in gate.operands if x in late])
        for block in gates.blocks:
            if block.writes:
                raise Unproved("a weight memory can be written")
            for port in block.reads:
                for net, _ in port.data:
                    _join(late, net, [late[x] for x, _ in port.address if x in late])
        for flop in gates.flops:
            _join(late, flop.q, [{k + 1 for k in late[flop.next] if k <= _CYCLES}] if flop.next in late else [])
        grows = {net: len(found) for net, found in late.items()} != before
    return late


def _join(late: dict[int, set[int]], net: int, found: list[set[int]]) -> None:
    if found:
        late[net] = late.get(net, set()).union(*found)

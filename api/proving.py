"""A model's circuit proved equal to its network on all inputs, neuron by neuron, with a certificate that can be checked
again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.compiler.diagnostics import fail
from threshc.folder import REPORT
from threshc.loading import load_network

if TYPE_CHECKING:
    from threshc.compiler.ir.network import Network
    from threshc.hdl.design import Design
    from threshc.hdl.proof.certificate import Certificate
    from threshc.loading import Model

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds. methods: what was proved, by method; texts: Verilog that was compared with the certificate;
    seconds: of the check alone, the certificate read or made before."""

    network: str
    methods: dict[str, int]
    luts: int
    registers: int
    steps: int
    texts: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        lines = [
            f"proved: the circuit of {self.network} equals its network on all inputs",
            *(f"  {count:,} x {method}" for method, count in self.methods.items()),
            f"  {self.luts:,} tables, {self.registers:,} registers, {self.steps:,} steps, {self.seconds:.1f} s",
            *(f"  {text}" for text in self.texts),
        ]
        return "\n".join(lines)


def prove(
    model: Model,
    certificate: str | os.PathLike[str] | None = None,
    *,
    check: bool = False,
    input: str | None = None,
    neuron: str = "auto",
    pipeline: str | int = "layer",
    effort: int = 1,
    dont_care: bool = False,
    scores: bool = False,
    weight_bits: str | None = None,
    note: Progress | None = None,
    jobs: int | None = None,
    family: str | None = None,
    netlist: str | os.PathLike[str] | None = None,
    layer: str | None = None,
    progress: Progress | None = None,
) -> Proof:
    """Prove that the circuit of a model computes its network on all inputs, and keep the certificate.

    model: as for `load`; of a folder that threshc made, the circuit with the folder's options is proved, which must be
    its Verilog byte for byte. neuron, pipeline, effort, dont_care, scores, jobs: see
    `threshc.hdl.design.build_design`. weight_bits, note: as for `compile`. family: `ice40`, `ecp5` or `xilinx` also
    proves the pre-mapped cells that synthesis reads. netlist: the JSON file that Yosys wrote of this circuit in cells
    of the family, which is proved equal too (`threshc.hdl.proof.netlist`). certificate: the file to write.
    layer: only this layer, its inputs free, as a circuit of its own (a convolution at one position).
    check: read that file instead, and prove that it holds for the model; nothing is compiled then.
    Raises CompileError where something cannot be proved, naming the place.
    """
    from threshc.hdl.design import build_design
    from threshc.hdl.proof.certificate import read
    from threshc.hdl.proof.certify import certify

    say = progress or (lambda _: None)
    say("reading the model")
    network = load_network(model, input=input, weight_bits=weight_bits, note=note)
    if layer is not None:
        from threshc.hdl.proof.one_layer import one_layer

        if netlist is not None:
            raise fail("a netlist is of the whole network", where="--layer", hint="leave --layer or --netlist away")
        network = one_layer(network, layer)
    if check:
        if certificate is None:
            raise fail("there is no certificate to check", where="--check", hint="name the file with --certificate")
        return check_certificate(network, read(Path(certificate)), (), say)
    options: dict[str, Any] = {
        "neuron": neuron,
        "pipeline": pipeline,
        "effort": effort,
        "dont_care": dont_care,
        "scores": scores,
    }
    folder = Path(model) if isinstance(model, str | os.PathLike) and Path(model).is_dir() else None
    if folder is not None:
        options = _options(folder)
    if layer is not None:
        folder, options["scores"] = None, network.output("scores") is not None
    say("building the circuit")
    # without a device, large layers would be vectors, whose heaps are not proved step by step
    options.setdefault("family", None if folder else family or "ice40")
    design = build_design(network, **options, jobs=jobs)
    made = certify(design)
    texts = _texts(design, made, folder, family)
    if netlist is not None:
        texts += (prove_file(made, Path(netlist), str(family or options.get("family") or "ice40"), say),)
    proof = check_certificate(network, made, texts, say)
    if certificate is not None:
        try:
            made.write(Path(certificate))
        except OSError as problem:
            raise fail("the certificate cannot be written", where=str(certificate), why=str(problem)) from None
    return proof


def prove_file(certificate: Certificate, netlist: Path, family: str, say: Progress) -> str:
    """Proves a netlist that Yosys wrote equal to a certificate; returns what was proved. Raises CompileError."""
    from threshc.hdl.flow.netlist.read import read_netlist
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.netlist import prove_netlist

    gates = read_netlist(netlist, family, certificate.name)
    try:
        found = prove_netlist(certificate, gates, say)
    except Unproved as problem:
        hint = "pre-mapped text (neurons mdfa, fa63, table, tree) keeps the nodes that the proof needs"
        raise fail(
            "the netlist is not proved equal to the circuit", where=str(netlist), why=str(problem), hint=hint
        ) from None
    how = ", ".join(f"{count:,} x {method}" for method, count in found.methods.items())
    cells = f"{found.cells:,} cells and {found.registers:,} data registers"
    return f"{cells} that Yosys made equal the circuit on all inputs: {how}"


def check_certificate(network: Network, certificate: Certificate, texts: tuple[str, ...], say: Progress) -> Proof:
    """Raises CompileError unless the certificate holds for the network; texts: see `Proof`."""
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.check import check

    start = time.perf_counter()
    try:
        found = check(network, certificate, say)
    except Unproved as problem:
        raise _unproved(str(problem)) from None
    except (TypeError, ValueError, KeyError, IndexError) as problem:  # of a file that somebody else wrote
        raise _unproved(f"the certificate is malformed: {problem!r}") from None
    seconds = time.perf_counter() - start
    return Proof(network.name, found.methods, found.luts, found.registers, found.steps, texts, seconds)


def _unproved(why: str) -> Exception:
    hint = "--neuron auto, mdfa or fa63: their heaps are proved step by step, others only by decision diagrams"
    return fail("the circuit is not proved", where="proof", why=why, hint=hint)


def _options(folder: Path) -> dict[str, Any]:
    try:
        options = json.loads((folder / REPORT).read_text(encoding="utf-8"))["options"]
        flags = {name: options.get(name) == "true" for name in ("scores", "dont_care")}
        return {**options, **flags, "effort": int(options.get("effort", 1))}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise fail("the folder's report cannot be read", where=str(folder / REPORT), why=str(problem)) from None


def _texts(design: Design, certificate: Certificate, folder: Path | None, family: str | None) -> tuple[str, ...]:
    from threshc.hdl.emitted import emitted
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.mapped import check_mapped

    said = []
    if folder is not None:
        path = folder / f"{design.name}.v"
        if not path.is_file() or path.read_text(encoding="utf-8") != emitted(design):
            why = "it was changed, or made by another version"
            raise fail("the folder's Verilog is not what is proved", where=str(path), why=why, hint="compile it again")
        said.append(f"{path.name} is the Verilog of this circuit, byte for byte")
    if family is not None:
        try:
            cells = check_mapped(certificate, design.mapped(family))
        except Unproved as problem:
            raise _unproved(f"cells of {family}: {problem}") from None
        said.append(f"{cells:,} cells of {family}, each equal to its node of the certificate")
    return tuple(said)

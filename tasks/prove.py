"""A model's circuit proved equal to its network on all inputs, neuron by neuron, with a certificate that can be checked
again."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option, visible
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.pool import checked_jobs
from threshc.hdl.targets.registry import target as find_target
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.tasks.load import load_network
from threshc.tasks.options import Keywords, ModelOptions, circuit_options, model_options
from threshc.tasks.proved_folder import not_read, same_certificate, same_verilog
from threshc.tasks.recorded import changed, folder_of, recorded, refuse_without_effect, want_the_folders_own

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.compiler.ir.network import Network
    from threshc.hdl.proof.certificate import Certificate
    from threshc.hdl.unrolled.design import Design
    from threshc.tasks.load import Model


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds. methods: what was proved, by method; texts: what was read, and what was compared with what;
    seconds: of the check alone, the certificate read or made before; payload: the fields of the output payload with
    their bits, lowest first."""

    network: str
    methods: dict[str, int]
    luts: int
    registers: int
    steps: int
    texts: tuple[str, ...]
    seconds: float
    payload: str = ""

    def __str__(self) -> str:
        lines = [
            f"proved: the circuit of {self.network} equals its network on all inputs",
            f"  output payload: {self.payload}",
            *(f"  {count:,} x {method}" for method, count in self.methods.items()),
            f"  {self.luts:,} tables, {self.registers:,} registers, {self.steps:,} steps, {self.seconds:.1f} s",
            *(f"  {text}" for text in self.texts),
        ]
        return "\n".join(map(visible, lines))


def prove(
    model: Model,
    certificate: str | os.PathLike[str] | None = None,
    *,
    check: bool = False,
    reading: ModelOptions | None = None,
    options: CircuitOptions | None = None,
    target: str | None = None,
    jobs: int | None = None,
    note: Note | None = None,
    netlist: str | os.PathLike[str] | None = None,
    layer: str | None = None,
    large: bool = False,
    progress: Progress | None = None,
    **keywords: Unpack[Keywords],
) -> Proof:
    """Proves that the circuit of a model computes its network on all inputs, and keeps the certificate.

    model: as for `load`; of a folder that threshc made, the circuit with the folder's options is proved, which must be
    its Verilog byte for byte; other options of the circuit are refused then. reading, options, keywords, target, jobs,
    note: as for `compile`. A device family, stated or the target's, also proves the pre-mapped cells that synthesis
    reads. netlist: the JSON file
    that Yosys wrote of this circuit in cells of the family, which is proved equal too (`threshc.hdl.proof.netlist`).
    certificate: the file to write.
    layer: only this layer, its inputs free, as a circuit of its own (a convolution at one position).
    large: go on with a circuit that may take more memory than there is, which is refused otherwise before it is made.
    check: read that file instead, and prove that it holds for the model. Nothing is compiled then, options of the
    circuit are refused, and `scores` demands that the payload carries them. Of a folder, the circuit is compiled again
    after that, and must be the certificate's in every part, its Verilog the folder's byte for byte.
    Raises CompileError for wrong options before the model is read, and where something cannot be proved, naming the
    place.
    """
    from threshc.hdl.families.registry import USUAL
    from threshc.hdl.proof.parse import read
    from threshc.hdl.size import predict, refuse_vast
    from threshc.hdl.unrolled.build import build_design
    from threshc.hdl.unrolled.certify import certify

    progress = progress or silent
    goal = None if target is None else find_target(target)
    how, asked = model_options(reading, keywords), circuit_options(options, keywords) or USUAL_CIRCUIT
    circuit = asked.settled(goal)
    family, scores = circuit.family, circuit.scores
    checked_jobs(jobs)
    if check and certificate is None:
        hint = f"name the file with {option('certificate')}"
        raise fail("there is no certificate to check", where=option("check"), hint=hint)
    if layer is not None and netlist is not None:
        hint = f"omit {option('layer')} or {option('netlist')}"
        raise fail("a netlist is of the whole network", where=option("layer"), hint=hint)
    folder = None if layer is not None else folder_of(model)
    if folder is not None:
        made_with = recorded(folder)
        want_the_folders_own(made_with, how, replace(asked, family=None, scores=False), target)
        circuit = replace(made_with.circuit, scores=scores or made_with.circuit.scores)
        scores = circuit.scores
    elif check:
        own = replace(asked, scores=False) if netlist is None else replace(asked, scores=False, family=None)
        refuse_without_effect(
            [*changed(own), *([] if target is None else ["target"])],
            f"nothing is compiled with {option('check', True)}, the certificate is proved as it is",
        )
    progress("reading the model")
    network = load_network(model, how, note=note)
    if layer is not None:
        from threshc.hdl.proof.one_layer import one_layer

        network = one_layer(network, layer)
        scores = network.output("scores") is not None
    if folder is None:
        # without a device, large layers would be vectors, whose heaps are not proved step by step
        circuit = replace(circuit, family=family or USUAL, scores=scores)

    def build() -> Design:
        refuse_vast(predict(network, circuit), note, large=large)
        progress("building the circuit")
        return build_design(network, circuit, jobs=jobs)

    texts: tuple[str, ...] = ()
    if check:
        assert certificate is not None
        made = read(Path(certificate))
        proof = check_certificate(network, made, (), progress, scores)
        texts += (_read_all(model, network, certificate),)
        if folder is not None:
            design = build()
            texts += (same_certificate(folder, Path(certificate), made, certify(design)),)
            texts += _texts(design, made, folder, family)
    else:
        design = build()
        made = certify(design)
        proof = check_certificate(network, made, (), progress, scores)
        texts += _texts(design, made, folder, family)
    if folder is not None:
        texts += (not_read(folder, f"{made.name}.v"),)
    elif family is None and netlist is None:
        texts += ("no Verilog was read: that some text is this circuit is not said here",)
    if netlist is not None:
        texts += (prove_file(made, Path(netlist), family or circuit.family or USUAL, progress),)
    if certificate is not None and not check:
        made.write(Path(certificate))
    return replace(proof, texts=texts)


def _read_all(model: Model, network: Network, certificate: str | os.PathLike[str]) -> str:
    source = Path(model).name if isinstance(model, str | os.PathLike) else "the network"
    from threshc.hdl.proof.fingerprint import fingerprint

    digest = fingerprint(network)[:16]
    return f"read: {source} (network {network.name}, SHA-256 {digest}..) and the whole of {Path(certificate).name}"


def prove_file(certificate: Certificate, netlist: Path, family: str, progress: Progress) -> str:
    """Proves a netlist that Yosys wrote equal to a certificate; returns what was proved. Raises CompileError."""
    from threshc.hdl.cells.read import read_netlist
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.netlist import prove_netlist

    gates = read_netlist(netlist, family, certificate.name)
    try:
        found = prove_netlist(certificate, gates, progress)
    except Unproved as problem:
        hint = "pre-mapped text (neurons pairs, counters, table, tree) keeps the nodes that the proof needs"
        raise fail(
            "the netlist is not proved equal to the circuit", where=str(netlist), why=str(problem), hint=hint
        ) from None
    how = ", ".join(f"{count:,} x {method}" for method, count in found.methods.items())
    cells = f"{found.cells:,} cells and {found.registers:,} data registers"
    return f"{cells} that Yosys made equal the circuit on all inputs: {how}"


def check_certificate(
    network: Network, certificate: Certificate, texts: tuple[str, ...], progress: Progress, scores: bool = False
) -> Proof:
    """Raises CompileError unless the certificate holds for the network; texts: see `Proof`; scores: the payload must
    carry them."""
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.check import check

    start = time.perf_counter()
    try:
        found = check(network, certificate, progress, demanded=("scores",) if scores else ())
    except Unproved as problem:
        raise _unproved(str(problem), problem.hint) from None
    seconds = time.perf_counter() - start
    payload, offset = [], 0
    for field in found.fields:
        payload.append(f"{field.name} (bits {offset} to {offset + field.width - 1}, value {field.value})")
        offset += field.width
    return Proof(
        network.name, found.methods, found.luts, found.registers, found.steps, texts, seconds, ", ".join(payload)
    )


def _unproved(why: str, hint: str) -> Exception:
    return fail("the circuit is not proved", where="proof", why=why, hint=hint)


def _texts(design: Design, certificate: Certificate, folder: Path | None, family: str | None) -> tuple[str, ...]:
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.mapped import check_mapped

    said = [] if folder is None else [same_verilog(folder, design)]
    if family is not None:
        try:
            cells = check_mapped(certificate, mapped_verilog(design, family))
        except Unproved as problem:
            raise _unproved(f"cells of {family}: {problem}", problem.hint) from None
        said.append(f"{cells:,} cells of {family}, each equal to its node of the certificate")
    return tuple(said)

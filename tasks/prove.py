"""A model's circuit proved equal to its network on all inputs, neuron by neuron, with a certificate that can be checked
again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.compiler.diagnostics import fail, visible
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.tasks.load import Scores, load_network
from threshc.tasks.proved_folder import folder_options, not_read, same_certificate, same_verilog

if TYPE_CHECKING:
    from threshc.compiler.ir.network import Network
    from threshc.hdl.proof.certificate import Certificate
    from threshc.hdl.unrolled.design import Design
    from threshc.tasks.load import Model

Progress = Callable[[str], None]
_USUAL = {"neuron": "auto", "pipeline": "layer", "effort": 1, "dont_care": False}


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
    input: str | None = None,
    neuron: str = "auto",
    pipeline: str | int = "layer",
    effort: int = 1,
    dont_care: bool = False,
    scores: Scores = False,
    weight_bits: str | None = None,
    snap_weights: int | None = None,
    note: Progress | None = None,
    jobs: int | None = None,
    family: str | None = None,
    netlist: str | os.PathLike[str] | None = None,
    layer: str | None = None,
    large: bool = False,
    progress: Progress | None = None,
) -> Proof:
    """Prove that the circuit of a model computes its network on all inputs, and keep the certificate.

    model: as for `load`; of a folder that threshc made, the circuit with the folder's options is proved, which must be
    its Verilog byte for byte; other options of the circuit are refused then. neuron, pipeline, effort, dont_care,
    scores, jobs: see `threshc.hdl.unrolled.build.build_design`. weight_bits, snap_weights, note: as for `compile`.
    family: a device family's name also proves the pre-mapped cells that synthesis reads. netlist: the JSON file
    that Yosys wrote of this circuit in cells of the family, which is proved equal too (`threshc.hdl.proof.netlist`).
    certificate: the file to write.
    layer: only this layer, its inputs free, as a circuit of its own (a convolution at one position).
    large: go on with a circuit that may take more memory than there is, which is refused otherwise before it is made.
    check: read that file instead, and prove that it holds for the model. Nothing is compiled then, options of the
    circuit are refused, and `scores` demands that the payload carries them. Of a folder, the circuit is compiled again
    after that, and must be the certificate's in every part, its Verilog the folder's byte for byte.
    Raises CompileError where something cannot be proved, naming the place.
    """
    from threshc.hdl.families.registry import USUAL
    from threshc.hdl.options import CircuitOptions
    from threshc.hdl.proof.parse import read
    from threshc.hdl.size import predict, refuse_vast
    from threshc.hdl.unrolled.build import build_design
    from threshc.hdl.unrolled.certify import certify

    say = progress or (lambda _: None)
    say("reading the model")
    network = load_network(
        model,
        input=input,
        weight_bits=weight_bits,
        snap_weights=snap_weights,
        exact_scores=scores == "exact",
        note=note,
    )
    scores = bool(scores)
    if layer is not None:
        from threshc.hdl.proof.one_layer import one_layer

        if netlist is not None:
            raise fail("a netlist is of the whole network", where="--layer", hint="leave --layer or --netlist away")
        network = one_layer(network, layer)
    folder = Path(model) if isinstance(model, str | os.PathLike) and layer is None and os.path.isdir(model) else None
    options: dict[str, Any] = {"neuron": neuron, "pipeline": pipeline, "effort": effort, "dont_care": dont_care}
    given = [name for name, value in options.items() if value != _USUAL[name]]
    if layer is not None:
        scores = network.output("scores") is not None
    if folder is not None:
        _refuse(given, "the circuit of a folder is made with the folder's own options")
        options = folder_options(folder)
        options["scores"] = scores = scores or options["scores"]
    elif check:
        given += [] if family is None or netlist is not None else ["family"]
        _refuse(given, "nothing is compiled with --check, the certificate is proved as it is")

    def build() -> Design:
        # without a device, large layers would be vectors, whose heaps are not proved step by step
        chosen = CircuitOptions(**{"family": family or USUAL, "scores": scores, **options})
        refuse_vast(predict(network, chosen), note, large=large)
        say("building the circuit")
        return build_design(network, chosen, jobs=jobs)

    texts: tuple[str, ...] = ()
    if check:
        if certificate is None:
            raise fail("there is no certificate to check", where="--check", hint="name the file with --certificate")
        made = read(Path(certificate))
        proof = check_certificate(network, made, (), say, scores)
        texts += (_read_all(model, network, certificate),)
        if folder is not None:
            design = build()
            texts += (same_certificate(folder, Path(certificate), made, certify(design)),)
            texts += _texts(design, made, folder, family)
    else:
        design = build()
        made = certify(design)
        proof = check_certificate(network, made, (), say, scores)
        texts += _texts(design, made, folder, family)
    if folder is not None:
        texts += (not_read(folder, f"{made.name}.v"),)
    elif family is None and netlist is None:
        texts += ("no Verilog was read: that some text is this circuit is not said here",)
    if netlist is not None:
        texts += (prove_file(made, Path(netlist), str(family or options.get("family") or USUAL), say),)
    if certificate is not None and not check:
        made.write(Path(certificate))
    return replace(proof, texts=texts)


def _refuse(given: list[str], why: str) -> None:
    if given:
        where = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise fail("an option would have no effect", where=where, why=why, hint="leave it away")


def _read_all(model: Model, network: Network, certificate: str | os.PathLike[str]) -> str:
    source = Path(model).name if isinstance(model, str | os.PathLike) else "the network"
    from threshc.hdl.proof.fingerprint import fingerprint

    digest = fingerprint(network)[:16]
    return f"read: {source} (network {network.name}, SHA-256 {digest}..) and the whole of {Path(certificate).name}"


def prove_file(certificate: Certificate, netlist: Path, family: str, say: Progress) -> str:
    """Proves a netlist that Yosys wrote equal to a certificate; returns what was proved. Raises CompileError."""
    from threshc.hdl.cells.read import read_netlist
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.netlist import prove_netlist

    gates = read_netlist(netlist, family, certificate.name)
    try:
        found = prove_netlist(certificate, gates, say)
    except Unproved as problem:
        hint = "pre-mapped text (neurons pairs, counters, table, tree) keeps the nodes that the proof needs"
        raise fail(
            "the netlist is not proved equal to the circuit", where=str(netlist), why=str(problem), hint=hint
        ) from None
    how = ", ".join(f"{count:,} x {method}" for method, count in found.methods.items())
    cells = f"{found.cells:,} cells and {found.registers:,} data registers"
    return f"{cells} that Yosys made equal the circuit on all inputs: {how}"


def check_certificate(
    network: Network, certificate: Certificate, texts: tuple[str, ...], say: Progress, scores: bool = False
) -> Proof:
    """Raises CompileError unless the certificate holds for the network; texts: see `Proof`; scores: the payload must
    carry them."""
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.check import check

    start = time.perf_counter()
    try:
        found = check(network, certificate, say, demanded=("scores",) if scores else ())
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

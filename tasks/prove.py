"""A model's circuit proved equal to its network on all inputs, neuron by neuron, with a certificate that can be checked
again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.bounded import open_regular
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.split import split
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.pool import checked_jobs
from threshc.hdl.targets.registry import target as find_target
from threshc.tasks.options import Keywords, ModelOptions, circuit_options, lists_options, model_options
from threshc.tasks.plan import with_plan
from threshc.tasks.proof import Proof, certificate_files, check_units, prove_cells, prove_file
from threshc.tasks.prove_folded import prove_folded, refuse_for_folded
from threshc.tasks.proved_folder import not_read, same_certificate, same_verilog
from threshc.tasks.read_network import load_network
from threshc.tasks.recorded import changed, folder_of, recorded, refuse_without_effect, want_the_folders_own

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.compiler.ir.network import Network
    from threshc.hdl.chain import Chain
    from threshc.tasks.read_network import Model


@lists_options(ModelOptions, CircuitOptions)
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
    """Proves that the circuit of a model computes its network on all inputs, and writes the certificate.

    from threshc.tasks.options import Keywords, ModelOptions, circuit_options, lists_options, model_options
    from threshc.tasks.proof import Proof, certificate_files, check_units, prove_cells, prove_file
    """
    from threshc.hdl.chain import build as build_chain
    from threshc.hdl.families.registry import USUAL
    from threshc.hdl.naming import sanitize
    from threshc.hdl.proof.parse import read
    from threshc.hdl.size import predict, refuse_vast
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
    for other, name in ((layer, "layer"), (netlist, "netlist")):
        if circuit.cut and other is not None:
            hint = f"omit {option('cut')} or {option(name)}"
            raise fail(f"{option(name)} is not proved of a network that is cut", where=option("cut"), hint=hint)
    if netlist is not None:
        open_regular(netlist, "netlist").close()
    folder = None if layer is not None else folder_of(model)
    if folder is not None:
        made_with = recorded(folder)
        want_the_folders_own(made_with, how, replace(asked, family=None, scores=False), target)
        circuit = replace(made_with.circuit, scores=scores or made_with.circuit.scores)
        scores = circuit.scores
    elif check:
        own = replace(asked, scores=False, cut=(), family=asked.family if netlist is None else None)
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

    if circuit.fold is not None:
        refuse_for_folded(check, certificate, netlist, layer)
        return prove_folded(network, with_plan(network, circuit, goal), folder, progress)
    parts = split(network, circuit.cut)

    def build() -> Chain:
        from threshc.hdl.chain import Chain

        refuse_vast(predict(network, circuit), note, large=large)
        progress("building the circuit")
        made = build_chain(network, circuit, jobs=jobs, progress=progress)
        assert isinstance(made, Chain)
        return made

    files = [] if certificate is None else certificate_files(Path(certificate), len(parts))
    design: Chain | None = None
    if check:
        made = [read(file) for file in files]
    else:
        design = build()
        made = [certify(unit) for unit in design.units]
    proof = check_units(network, parts, made, progress, scores)
    texts = list(proof.texts)
    if check:
        texts += [_read_all(model, part.network, file) for part, file in zip(parts, files, strict=True)]
        if folder is not None:
            design = build()
            for file, one, unit in zip(files, made, design.units, strict=True):
                texts.append(same_certificate(folder, file, one, certify(unit)))
    if design is not None and folder is not None:
        texts.append(same_verilog(folder, design))
    if design is not None and family is not None:
        texts += [prove_cells(one, unit, family) for one, unit in zip(made, design.units, strict=True)]
    if folder is not None:
        texts.append(not_read(folder, f"{sanitize(network.name, 'network')}.v"))
    elif family is None and netlist is None:
        texts.append("no Verilog was read: that some text is this circuit is not said here")
    if netlist is not None:
        texts.append(prove_file(made[0], Path(netlist), family or circuit.family or USUAL, progress))
    if not check:
        for one, file in zip(made, files, strict=False):
            one.write(file)
    return replace(proof, texts=tuple(texts))


def _read_all(model: Model, network: Network, certificate: Path) -> str:
    from threshc.hdl.proof.fingerprint import fingerprint

    source = Path(model).name if isinstance(model, str | os.PathLike) else "the network"
    digest = fingerprint(network)[:16]
    return f"read: {source} (network {network.name}, SHA-256 {digest}..) and the whole of {certificate.name}"

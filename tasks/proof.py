"""A proof that holds, and what it takes: a certificate checked, a netlist and pre-mapped text proved equal to it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, visible
from threshc.compiler.progress import Progress

if TYPE_CHECKING:
    from threshc.compiler.ir.network import Network
    from threshc.compiler.ir.split import Part
    from threshc.hdl.proof.certificate import Certificate
    from threshc.hdl.unrolled.design import Design


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


def check_certificate(network: Network, certificate: Certificate, progress: Progress, scores: bool = False) -> Proof:
    """Checks that a certificate holds for a network, and returns the proof. scores: the payload must carry them.

    Raises CompileError where it does not hold, naming the place.
    """
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
    return Proof(network.name, found.methods, found.luts, found.registers, found.steps, (), seconds, ", ".join(payload))


def check_units(
    network: Network, parts: Sequence[Part], certificates: Sequence[Certificate], progress: Progress, scores: bool
) -> Proof:
    """Checks the certificate of every part of a network, and that the parts are the network; returns the whole proof.

    scores: the last payload must carry them. Raises CompileError where something does not hold, naming the place.
    """
    from threshc.compiler.ir.split import joined
    from threshc.hdl.proof.fingerprint import fingerprint

    last = len(parts) - 1
    proofs = [
        check_certificate(part.network, certificate, progress, scores and k == last)
        for k, (part, certificate) in enumerate(zip(parts, certificates, strict=True))
    ]
    if not last:
        return proofs[0]
    if fingerprint(joined(parts, network.name)) != fingerprint(network):
        raise _unproved("the networks of the units, put together, are another network", "")
    methods: dict[str, int] = {}
    for proof in proofs:
        for method, count in proof.methods.items():
            methods[method] = methods.get(method, 0) + count
    return Proof(
        network.name,
        methods,
        sum(p.luts for p in proofs),
        sum(p.registers for p in proofs),
        sum(p.steps for p in proofs),
        (f"{len(proofs)} units, each equal to its part of the network; the parts put together are the network",),
        sum(p.seconds for p in proofs),
        proofs[last].payload,
    )


def certificate_files(file: Path, units: int) -> list[Path]:
    """Returns the files of the certificates of a circuit of so many units: the file, or FILE.u0, FILE.u1, ..."""
    return [file] if units == 1 else [file.with_name(f"{file.name}.u{k}") for k in range(units)]


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


def prove_cells(certificate: Certificate, design: Design, family: str) -> str:
    """Proves the pre-mapped text of a design in cells of a family equal to its certificate; returns what was proved.

    Raises CompileError.
    """
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.proof.mapped import check_mapped
    from threshc.hdl.unrolled.mapped import mapped_verilog

    try:
        cells = check_mapped(certificate, mapped_verilog(design, family))
    except Unproved as problem:
        raise _unproved(f"cells of {family}: {problem}", problem.hint) from None
    return f"{cells:,} cells of {family}, each equal to its node of the certificate"


def _unproved(why: str, hint: str) -> Exception:
    return fail("the circuit is not proved", where="proof", why=why, hint=hint)

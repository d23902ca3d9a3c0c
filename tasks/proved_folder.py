"""A folder that threshc made against the circuit of its options and network: Verilog and certificate."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.bounded import read_file
from threshc.compiler.diagnostics import CompileError, fail
from threshc.tasks.folder import REPORT, report_of
from threshc.tasks.read_network import THRESH

if TYPE_CHECKING:
    from threshc.hdl.chain import Circuit
    from threshc.hdl.folded.chain import FoldedChain
    from threshc.hdl.proof.certificate import Certificate


def same_verilog(folder: Path, design: Circuit) -> str:
    """Compares a folder's Verilog, and the memories that it reads, with the text of a design, byte for byte; returns
    what was found equal.

    Raises CompileError naming the first file that differs.
    """
    verilog = f"{design.name}.v"
    for name, text in {verilog: design.verilog(), **design.files()}.items():
        try:
            same = read_file(folder / name, what="folder's Verilog") == text.encode("utf-8")
            why = "it was changed, or made by another version"
        except CompileError as problem:
            same, why = False, problem.diagnostics[0].why
        if not same:
            own = "the folder's Verilog is not" if name == verilog else "the folder's weights are not of"
            raise fail(f"{own} its own circuit", where=str(folder / name), why=why, hint="compile it again")
    return f"{verilog} is the Verilog of this circuit, byte for byte"


def same_certificate(folder: Path, file: Path, given: Certificate, made: Certificate) -> str:
    """Compares a certificate with the one of the circuit that a folder's network and options make, part by part.

    Returns what was found equal. Raises CompileError, with the parts that differ.
    """
    parts = [f.name for f in dataclasses.fields(made) if getattr(given, f.name) != getattr(made, f.name)]
    if parts:
        raise fail(
            "the certificate is not of the circuit in this folder",
            where=f"{file} and {folder / REPORT}",
            why=f"the circuit of the folder's options has other {', '.join(parts)}",
            hint=f"threshc prove {folder} -c FILE makes the folder's certificate",
        )
    return f"{file.name} is the certificate of the circuit that the options in {REPORT} make, in every part"


def same_weights(folder: Path, chain: FoldedChain) -> dict[str, str]:
    """Decodes the images of weights in a folder that was built for a board: in the file for its flash, and as the tools
    are given it; returns what was found, in words, by the names of the files.

    {} where the folder's report states none. Raises CompileError naming the first file whose image does not say the
    network's integers, or that the board would not take.
    """
    built = report_of(folder).get("built")
    if chain.interface.load is None or not isinstance(built, dict) or not isinstance(built.get("loading"), dict):
        return {}
    from threshc.hdl.flow.flash_image import IMAGE
    from threshc.hdl.flow.plan import PROJECT
    from threshc.hdl.flow.prove_flash import prove_flash
    from threshc.hdl.proof.bits import Unproved
    from threshc.hdl.shell.image import OFFSET

    found: dict[str, str] = {}
    for name in (str(built.get("bitstream")), f"{PROJECT}/{IMAGE}"):
        whole = read_file(folder / name, what="image of weights")
        try:
            words = prove_flash(chain, bytes.fromhex(whole.decode()) if name.endswith(IMAGE) else whole[OFFSET:])
        except (Unproved, ValueError) as problem:
            why = str(problem) if isinstance(problem, Unproved) else "it has letters that are not hexadecimal digits"
            what, hint = "the image of weights is not that of the network", "build it again"
            raise fail(what, where=str(folder / name), why=why, hint=hint) from None
        where = f"{words:,} words of weights in {name}, from {OFFSET:#x} on" if not found else f"in {name}"
        found[name] = where
    return found


def not_read(folder: Path, verilog: str, *others: str) -> str:
    """Returns what of a folder was not looked at: files, and what the report holds beside its options. others: names of
    files that were looked at."""
    read = {REPORT, THRESH, verilog, *others}
    names = sorted(p.name for p in folder.iterdir() if p.name not in read)
    rest = [f"the figures in {REPORT} (all of it but its options)", *names[:20]]
    return f"not read, so nothing is said of them: {', '.join(rest)}" + (
        f" and {len(names) - 20} more" if len(names) > 20 else ""
    )

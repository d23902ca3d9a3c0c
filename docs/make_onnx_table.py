"""Writes the tables of docs/reference/onnx.md: patterns, frameworks, refusals, from the models in tests/.

python docs/make_onnx_table.py            writes the tables
python docs/make_onnx_table.py --check    says whether they are up to date (exit code 1 if not)
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "frameworks")]

from catalog import CASES, VERSIONS, Case  # noqa: E402
from patterns import PATTERNS, Pattern  # noqa: E402
from refusals import REFUSALS, Refusal  # noqa: E402

from threshc.compiler.diagnostics import CompileError  # noqa: E402
from threshc.compiler.files import write_whole  # noqa: E402
from threshc.compiler.frontend.load import load  # noqa: E402

DOCUMENT = ROOT / "docs" / "reference" / "onnx.md"


def operators(p: Pattern) -> str:
    """The operators of a row's model in the order of its nodes, repeated ones once, other domains named."""
    names = [f"{n.domain}:{n.op_type}" if n.domain else n.op_type for n in p.build().graph.node]
    return " ".join(f"`{n}`" for n in dict.fromkeys(names))


def patterns() -> str:
    """All rows in Markdown, a table per group."""
    lines: list[str] = []
    for group, rows in groupby(PATTERNS, key=lambda p: p.group):
        lines += [f"### {group}", "", "| pattern | notes | operators of the test model |", "|---|---|---|"]
        for p in rows:
            stated = f"`--input {p.input}`" if p.input and p.name != p.input else ""
            notes = "; ".join(t for t in (p.note, stated) if t)
            name = f"`{p.name}`" if p.name == p.input else p.name
            lines.append(f"| {name} | {notes} | {operators(p)} |".replace("|  |", "| |"))
        lines.append("")
    return "\n".join(lines)


def frameworks() -> str:
    """What networks of real frameworks become, in Markdown."""
    lines = ["| framework | exporter | idiom | outcome |", "|---|---|---|---|"]
    for case in CASES:
        made = f"{case.framework} {VERSIONS[case.framework]}"
        lines.append(
            f"| {made} | {', '.join(case.exporters)} | {case.idiom.replace('|', chr(92) + '|')} | {outcome(case)} |"
        )
    return "\n".join(lines) + "\n"


def outcome(case: Case) -> str:
    """What is stated of a network, and tested where its framework is installed."""
    if case.refused:
        return f"refused: {case.refused}"
    options = f"`--input {case.input}`" + (f", `--snap-weights {case.snap}`" if case.snap else "")
    return f"labels equal{', and every hidden bit, Verilog included' if case.rtl else ''}; {options}"


def refusals() -> str:
    """What is refused, and the message in full."""
    lines = []
    for r in REFUSALS:
        lines += [f"**{r.name}**", "", "```text", message(r), "```", ""]
    return "\n".join(lines)


def message(r: Refusal) -> str:
    """What the front end says of a row's model."""
    try:
        load(r.build(), input=r.input)
    except CompileError as error:
        return str(error.diagnostics[0])
    raise AssertionError(f"{r.name} is not refused")


def replaced(text: str, mark: str, content: str) -> str:
    """The text with new content between two marks."""
    begin, end = f"<!-- begin {mark} -->", f"<!-- end {mark} -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{content}\n{end}{rest.split(end)[1]}"


def main() -> int:
    """The command."""
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = text
    for mark, content in (("patterns", patterns), ("frameworks", frameworks), ("refusals", refusals)):
        wanted = replaced(wanted, mark, content())
    if "--check" in sys.argv[1:]:
        if text == wanted:
            return 0
        print("docs/reference/onnx.md is out of date: run `python docs/make_onnx_table.py`")
        return 1
    write_whole(DOCUMENT, wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())

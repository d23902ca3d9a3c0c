"""One way for each thing: what stands outside its one place is listed here with its reason, while it is needed."""

from __future__ import annotations

import re

import pytest
from import_graph import ROOT, files

INTO_A_FOLDER_FOR_TOOLS = "into a folder for temporary files, for programs that read them there"

WAYS: dict[str, tuple[str, str, dict[str, str]]] = {
    "files are written whole or not at all, by compiler/files.py": (
        r"""\.write_(text|bytes)\(|\bopen\([^)\n]*["'][wax]b?["']|os\.(replace|rename)\(|np\.savez?\(""",
        "compiler/files.py",
        {
            "cli/terminal.py": "opens the streams that were closed",
            "compiler/cache.py": "its entries, in a folder that is held open",
            "hdl/flow/flash_image.py": "the text of a script that a project's Makefile runs",
            "hdl/flow/plan.py": INTO_A_FOLDER_FOR_TOOLS,
            "hdl/flow/prove_memories.py": INTO_A_FOLDER_FOR_TOOLS,
            "hdl/flow/prove_schedule.py": INTO_A_FOLDER_FOR_TOOLS,
            "sim/rtl/icarus.py": INTO_A_FOLDER_FOR_TOOLS,
            "sim/rtl/verilator.py": INTO_A_FOLDER_FOR_TOOLS,
            "sim/stream.py": "a draft of compiler/files.py, block by block",
            "sim/together.py": INTO_A_FOLDER_FOR_TOOLS,
            "tasks/failed_build.py": "moves a whole folder from one draft into another",
            "tasks/folder.py": "the same for folders",
            "tasks/samples.py": "by way of write_whole",
            "train/convex_checkpoint.py": "by way of write_whole",
        },
    ),
    "folders for temporary files come from compiler/scratch.py": (r"\btempfile\b", "compiler/scratch.py", {}),
    "caches lie where compiler/cache.py says": (
        r"""["'](THRESHC_CACHE|XDG_CACHE_HOME|LOCALAPPDATA)["']""",
        "compiler/cache.py",
        {"hdl/yowasp.py": "sets the variables by which YoWASP's own programs find their caches"},
    ),
    "samples are read by sim/data": (
        r"np\.(load|loadtxt|genfromtxt|fromfile|memmap)\(|\bcsv\.(reader|DictReader)\(|\b(import|from) (pyarrow|PIL)\b",
        "sim/data/",
        {"sim/rtl/verilator.py": "the answers of its own program"},
    ),
    "progress and notes have one type each, in compiler/progress.py": (
        r"Callable\[\[str\], (None|object)\]",
        "compiler/progress.py",
        {},
    ),
    "folders are looked through by compiler/discovery.py": (r"\biter_modules\b", "compiler/discovery.py", {}),
}
"""Of each thing: how to know it in a line of code, its place, and the other files that do it, with the reason."""


@pytest.mark.parametrize("thing", WAYS)
def test_there_is_one_way(thing: str) -> None:
    pattern, place, others = WAYS[thing]
    code = {str(path): _code((ROOT / path).read_text(encoding="utf-8")) for path in files().values()}
    found = {path for path, text in code.items() if re.search(pattern, text)}
    assert any(path.startswith(place) for path in found), f"{place} does not do it"
    elsewhere = {path for path in found if not path.startswith(place)}
    assert elsewhere - set(others) == set(), thing
    assert set(others) - elsewhere == set(), "these do it no more: take them out of WAYS"


def _code(text: str) -> str:
    """The text without docstrings and comments."""
    return re.sub(r'"""(?s:.*?)"""|#[^\n]*', "", text)

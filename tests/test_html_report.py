"""`threshc report` and `threshc compare`: pages that stand alone, say what reports say, and fit into a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Compare, Input, Loc, Output, Sum
from threshc.tasks.html_report import compare_folders, html_report

pytest.importorskip("matplotlib")

HOSTILE = 'a</b><script>alert(1)</script>$x^2$ & "q"'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `plain`, of digits, and `hostile`, whose layers have names of HTML."""
    home = tmp_path_factory.mktemp("pages")
    root = Path(__file__).resolve().parent.parent
    threshc.compile(root / "examples/digits/digits.onnx", home / "plain", samples=32)
    rng = np.random.default_rng(0)
    ops = (
        Input("x", (6,), parse_encoding("uint8"), (6,)),
        Compare(0, np.arange(6), np.full(6, 9)),
        Sum(1, rng.integers(-1, 2, (5, 6)).astype(np.int8), np.zeros(5, np.int64), Loc(HOSTILE, HOSTILE)),
        Compare(2, np.arange(5), np.arange(5)),
        Sum(3, rng.integers(-1, 2, (3, 5)).astype(np.int8), np.zeros(3, np.int64)),
        ArgMax(4),
    )
    network = Network(HOSTILE, ops, (Output("c", 5, "class", np.ones(()), np.zeros(())),))
    threshc.compile(network, home / "hostile", samples=16)
    for name in ("plain", "hostile"):
        html_report(home / name)
    return home


class Reader(HTMLParser):
    """Every tag is closed; scripts, ids and addresses are noted."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href"):
                self.addresses.append(value or "")
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "br", "img", "link"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_a_page_stands_alone(made: Path, name: str) -> None:
    text = (made / name / "report.html").read_text(encoding="utf-8")
    page = Reader(text)
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    assert all(address.startswith("#") and address[1:] in page.ids for address in page.addresses)
    assert not re.findall(r"url\((?!#)", text)
    assert page.tags.count("svg") == 5
    html_report(made / name, made / "again.html")
    assert (made / "again.html").read_text(encoding="utf-8") == text


def test_it_says_what_the_report_says(made: Path) -> None:
    text = (made / "plain/report.html").read_text(encoding="utf-8")
    report = json.loads((made / "plain/report.json").read_text())
    for figure in report["figures"]:
        assert f'<td>{figure["name"]}</td><td class="n">{figure["value"]}</td>' in text
    assert "32 of 32 samples (random inputs)" in text
    assert "Bit k = feature k &gt;= 8.0." in text
    assert ">1,668<" in text  # a bar of synapses
    assert HOSTILE[:8] not in (made / "hostile/report.html").read_text(encoding="utf-8")


def test_compiling_again_takes_the_page_away(made: Path, root: Path, tmp_path: Path) -> None:
    """It would be of another circuit; it is threshc's own file, so no --force is needed."""
    shutil.copytree(made / "plain", tmp_path / "o")
    threshc.compile(root / "examples/digits/digits.onnx", tmp_path / "o", samples=16)
    assert not (tmp_path / "o/report.html").exists()


def test_side_by_side(made: Path) -> None:
    result = CliRunner().invoke(
        app, ["compare", str(made / "plain"), str(made / "hostile"), "-o", str(made / "c.html")]
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"synapses +2,434 +\d+ \(x0\.0\d\) +counted", result.output)
    Reader((made / "c.html").read_text(encoding="utf-8"))
    names, rows = compare_folders([made / "plain", made / "plain"])
    assert names == ("plain", "plain (2)")
    assert all(row.cells[0] == row.cells[1] for row in rows)


def test_the_command(made: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(made / "plain"), "-o", str(tmp_path / "x.html")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "x.html").is_file()


def test_refusals(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CompileError, match="there is no such folder"):
        html_report(tmp_path / "none")
    with pytest.raises(CompileError, match="the page is HTML"):
        html_report(made / "plain", tmp_path / "x.pdf")
    with pytest.raises(CompileError, match="one folder is compared with nothing"):
        compare_folders([made / "plain"])
    shutil.copytree(made / "plain", tmp_path / "o")
    report = json.loads((tmp_path / "o/report.json").read_text())
    for key in ("figures", "design", "counted", "model"):
        (tmp_path / "o/report.json").write_text(json.dumps({k: v for k, v in report.items() if k != key}))
        with pytest.raises(CompileError, match="the folder's report cannot be read"):
            html_report(tmp_path / "o")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(CompileError, match="pictures need matplotlib"):
        html_report(made / "plain")
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [420, 1200])
@pytest.mark.parametrize("name", ["plain/report.html", "hostile/report.html"])
def test_in_a_browser(made: Path, tmp_path: Path, width: int, name: str) -> None:
    """Nothing is wider than the window, and every picture has a size."""
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    if browser is None:
        pytest.skip("needs a browser: chromium")
    probe = (
        "<script>document.title = [document.documentElement.scrollWidth, innerWidth,"
        " ...[...document.querySelectorAll('svg')].map(s => Math.round(s.getBoundingClientRect().height))]"
        ".join(' ')</script>"
    )
    page = tmp_path / "p.html"
    page.write_text((made / name).read_text(encoding="utf-8").replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/b"]
    run = subprocess.run(
        [*command, f"--window-size={width},900", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    title = re.search(r"<title>([\d ]+)</title>", run.stdout)
    assert title is not None, run.stderr[-2000:]
    wide, inner, *heights = map(int, title[1].split())
    assert wide <= inner
    assert min(heights) > 50

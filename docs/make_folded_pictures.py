"""Writes the pictures of docs/explanation/folded.md: a small folded circuit cycle by cycle, from the exact cycle model.

python docs/make_folded_pictures.py            writes them
python docs/make_folded_pictures.py --check    says whether they are up to date (exit code 1 if not)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from threshc.compiler.files import write_whole
from threshc.hdl.folded import schedule

FOLDER = Path(__file__).resolve().parent / "explanation"
LAYERS, LATENCY, SAMPLES = ((4, 2), (2, 3)), 2, 4
"""Chunks and groups of the layers; cycles of their arithmetic, less than a real one's; samples that are drawn."""
PICTURES = {"folded-steady.svg": "1", "folded-waits.svg": "00001"}
"""By file: in which cycles, over and over, whoever reads the answers takes one."""
_CELL, _ROW, _LEFT, _TOP, _CYCLES = 21, 26, 138, 34, 50
_STYLE = """
    text { font: 12px sans-serif; fill: #223; } .small { font-size: 10px; fill: #667; } .name { text-anchor: end; }
    .in { text-anchor: middle; font-size: 10px; fill: #112; } .page { fill: #fff; } .grid { stroke: #dde; }
    .s0 { fill: #a9c9f5; } .s1 { fill: #f7c98b; } .s2 { fill: #b5dfa8; } .s3 { fill: #e3b7e8; }
    .wait { fill: none; stroke: #b33; stroke-dasharray: 3 2; } .bold { font-weight: bold; }
    @media (prefers-color-scheme: dark) {
      text { fill: #dde; } .small { fill: #99a; } .in { fill: #112; } .page { fill: #14161c; } .grid { stroke: #334; }
      .s0 { fill: #7ea8e0; } .s1 { fill: #dca55c; } .s2 { fill: #8cc47b; } .s3 { fill: #c58fcc; }
      .wait { stroke: #f77; }
    }"""


@dataclass(slots=True)
class Seen(schedule.FoldedStage):
    """A layer of the model that keeps when its answers were offered."""

    offers: list[int] = field(default_factory=list)

    def send(self, valid: int) -> int:
        """Hands an answer on, as every stage does."""
        self.offers.append(valid)
        return schedule.FoldedStage.send(self, valid)

    def steps(self) -> list[int]:
        """The cycle of every step, from what the model says: when chunks came, and when each pass ended."""
        found: list[int] = []
        for k, offer in enumerate(self.offers):
            sample, group = divmod(k, self.groups)
            for chunk in range(self.chunks):
                came = self.times[sample * self.chunks + chunk] + 1 if group == 0 else 0
                found.append(max(found[-1] + 1 if found else 0, came))
            found[-1] = offer - self.latency - 1
        return found


def picture(taken: str) -> str:
    """The SVG of a run: five rows, of the streams and of the two layers' steps; a column per cycle."""
    layers = [Seen(chunks=c, groups=g, places=2 * c, queue=2, latency=LATENCY) for c, g in LAYERS]
    sink = schedule.Sink(pattern=[int(c) for c in taken])
    schedule.run([*layers, sink], SAMPLES * layers[0].chunks)
    first, second = layers
    steps = [layer.steps() for layer in layers]
    rows = [
        ("chunks in", _cells(first.times, first.chunks, "{b}")),
        ("layer 1, steps", _cells(steps[0], first.chunks * first.groups, "{a}{c}", first.chunks) + _waits(steps[0])),
        ("answers of layer 1", _cells(second.times, second.chunks, "{B}")),
        ("layer 2, steps", _cells(steps[1], second.chunks * second.groups, "{a}{c}", second.chunks) + _waits(steps[1])),
        ("answers out", _cells(sink.times, second.groups, "{B}")),
    ]
    return _svg(rows, "always taken" if taken == "1" else "taken in every fifth cycle")


def _cells(times: Sequence[int], each: int, label: str, chunks: int = 1) -> list[str]:
    """A filled square per time; sample: of which there are `each`; {b}, {B}: its number, {a}{c}: chunk and group."""
    found = []
    for k, t in enumerate(times):
        sample, k = divmod(k, each)
        if sample >= SAMPLES or t >= _CYCLES:
            continue
        group, chunk = divmod(k, chunks)
        text = label.format(a="abcd"[chunk], c=group, b="abcd"[k % 4], B=k)
        found.append(f'<rect class="s{sample}" x="{_x(t) + 1}" y="Y" width="{_CELL - 2}" height="{_ROW - 6}" rx="3"/>')
        found.append(f'<text class="in" x="{_x(t) + _CELL / 2}" y="T">{text}</text>')
    return found


def _waits(steps: Sequence[int]) -> list[str]:
    """A dashed square per cycle in which the next step waits."""
    waited = set(range(steps[0], min(steps[-1], _CYCLES))) - set(steps)
    return [
        f'<rect class="wait" x="{_x(t) + 2}" y="Y" width="{_CELL - 4}" height="{_ROW - 6}" rx="3"/>'
        for t in sorted(waited)
    ]


def _x(cycle: int) -> int:
    return _LEFT + cycle * _CELL


def _svg(rows: Sequence[tuple[str, list[str]]], taken: str) -> str:
    width, height = _x(_CYCLES) + 8, _TOP + len(rows) * _ROW + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="Cycles of a folded circuit of two layers, answers {taken}">',
        f"  <style>{_STYLE}\n  </style>",
        f'  <rect class="page" width="{width}" height="{height}"/>',
        f'  <text class="name small" x="{_LEFT - 8}" y="20">cycle</text>',
    ]
    for t in range(0, _CYCLES + 1, 5):
        lines.append(f'  <line class="grid" x1="{_x(t)}" y1="26" x2="{_x(t)}" y2="{height - 6}"/>')
        lines.append(f'  <text class="small" x="{_x(t) + 2}" y="20">{t if t < _CYCLES else ""}</text>')
    for k, (name, cells) in enumerate(rows):
        y = _TOP + k * _ROW
        lines.append(
            f'  <text class="name{" bold" if "step" in name else ""}" x="{_LEFT - 8}" y="{y + 14}">{name}</text>'
        )
        lines += ["  " + cell.replace('"Y"', f'"{y}"').replace('"T"', f'"{y + 14}"') for cell in cells]
    return "\n".join([*lines, "</svg>\n"])


def main() -> int:
    """The command."""
    made = {FOLDER / name: picture(taken) for name, taken in PICTURES.items()}
    if "--check" in sys.argv[1:]:
        old = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        for path in old:
            print(f"{path.name} is out of date: run `python docs/make_folded_pictures.py`")
        return int(bool(old))
    for path, text in made.items():
        write_whole(path, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

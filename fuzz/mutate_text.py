"""Mutations of pre-mapped Verilog: of characters, of lines, of what lines say, and constructs that no text has."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_CHARACTERS = "0123456789abcdefnrsl_'{}[]()~+?:;,.= \t\r\n\x0b\x0c\\/*`\"\u0661\u2028"
_LINES = (
    *("  assign {n} = 1'b0;", "  assign {n} = ~{m};", "  initial {n} = 0;", "  always @* {n} = 0;", "  // {n}"),
    *(
        "  wire {n} = 1'b0;",
        "  wire {n}, {m};",
        "  reg [0:0] r1;",
        "  assign last[0:0] = {{{n}}};",
        "`timescale 1ns/1ps",
    ),
    *("  defparam l1.INIT = 0;", "  parameter p = 1;", "  (* keep *)", "  generate endgenerate", "  supply0 {n};"),
    *("  SB_LUT4 l999999 (.I0({n}), .O({m}));", "  buf b({n}, {m});", "  initial force {n} = {m};", "`define {n} {m}"),
    *("  always @(posedge clk) r1 <= {{{n}}};", "  /*", "  */", "endmodule", "module x();", "  \\{n} ;", "  tri0 {n};"),
)


def mutated(rng: random.Random, text: str) -> tuple[str, list[str]]:
    """One to three mutations of a text, and their names."""
    names = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        mutator = rng.choice(MUTATORS)
        text = mutator(rng, text)
        names.append(mutator.__name__)
    return text, names


def character(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text))
    return text[:at] + rng.choice((*_CHARACTERS, "")) + text[at + rng.randrange(2) :]


def number(rng: random.Random, text: str) -> str:
    match = rng.choice(list(re.finditer(r"\d+", text)))
    old = int(match[0])
    return text[: match.start()] + str(rng.choice((old + 1, max(old - 1, 0), old ^ 1, f"0{old}"))) + text[match.end() :]


def _lines(change: Callable[[random.Random, list[str]], None]) -> Callable[[random.Random, str], str]:
    def mutator(rng: random.Random, text: str) -> str:
        lines = text.split("\n")
        change(rng, lines)
        return "\n".join(lines)

    mutator.__name__ = change.__name__
    return mutator


@_lines
def line_dropped(rng: random.Random, lines: list[str]) -> None:
    del lines[rng.randrange(len(lines))]


@_lines
def line_twice(rng: random.Random, lines: list[str]) -> None:
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))


@_lines
def lines_exchanged(rng: random.Random, lines: list[str]) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


@_lines
def line_inserted(rng: random.Random, lines: list[str]) -> None:
    nets = [f"n{rng.randrange(1, 400)}" for _ in range(2)]
    lines.insert(rng.randrange(len(lines)), rng.choice(_LINES).format(n=nets[0], m=nets[1]))


def _matched(pattern: str, change: Callable[[random.Random, re.Match[str], str], str]) -> Callable[..., str]:
    def mutator(rng: random.Random, text: str) -> str:
        found = list(re.finditer(pattern, text, re.M))
        if not found:
            return character(rng, text)
        match = rng.choice(found)
        return text[: match.start()] + change(rng, match, text) + text[match.end() :]

    mutator.__name__ = change.__name__
    return mutator


def table_bit(rng: random.Random, match: re.Match[str], text: str) -> str:
    value = int(match[1], 16) ^ 1 << rng.randrange(4 * len(match[1]))
    return f"'h{value:0{len(match[1])}x}"


def net_changed(rng: random.Random, match: re.Match[str], text: str) -> str:
    return rng.choice(re.findall(r"\bn\d+\b", text))


def pins_exchanged(rng: random.Random, match: re.Match[str], text: str) -> str:
    pins = match[0].split(", ")
    a, b = rng.randrange(len(pins)), rng.randrange(len(pins))
    if rng.random() < 0.3:  # in another order, which changes nothing
        pins[a], pins[b] = pins[b], pins[a]
        return ", ".join(pins)
    names, nets = zip(*(re.findall(r"\.(\w+)\((\S+)\)", pin)[0] for pin in pins), strict=True)
    order = list(nets)
    order[a], order[b] = order[b], order[a]
    return ", ".join(f".{name}({net})" for name, net in zip(names, order, strict=True))


def word_shuffled(rng: random.Random, match: re.Match[str], text: str) -> str:
    parts = match[1].split(", ")
    rng.shuffle(parts)
    return "{" + ", ".join(parts[rng.randrange(2) * (rng.random() < 0.3) :]) + "}"


def inverted(rng: random.Random, match: re.Match[str], text: str) -> str:
    return match[0][1:] if match[0].startswith("~") else f"~{match[0]}"


def halves(rng: random.Random, match: re.Match[str], text: str) -> str:
    return rng.choice((f"? {match[2]} : {match[1]}", f"? {match[1]} : {match[1]}"))


def constant(rng: random.Random, match: re.Match[str], text: str) -> str:
    return rng.choice(("1'b0", "1'b1"))


MUTATORS = (
    *(character, number, line_dropped, line_twice, lines_exchanged, line_inserted, line_inserted),
    *(_matched(r"'h([0-9a-f]+)", table_bit), _matched(r"'h([0-9a-f]+)", table_bit), _matched(r"\bn\d+\b", net_changed)),
    *(_matched(r"\.(?:I\d|A)\(\S+\)(?:, \.\w+\([^)]+\))*", pins_exchanged), _matched(r"\{(.*?)\}", word_shuffled)),
    *(_matched(r"~?\bn\d+\b", inverted), _matched(r"\? (\w+) : (\w+)", halves), _matched(r"\bn\d+\b", constant)),
)

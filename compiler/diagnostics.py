"""The one exception users see, and the shape of what it says: what, where, why, what to try."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

Spelling = Callable[[str, str | int | None], str]
"""How an option is written for those who read a message: from its name, and its value or None."""


def visible(text: str, *, lines: bool = False) -> str:
    """Returns text as it may reach a terminal, a report or a log: what is not printable is escaped, as in `\\x1b` or
    `\\u202e`.

    Names in models and of files may be any text; they must not move the cursor, change colours, turn the direction of
    writing, or look like a line of ours. lines: the text is our own and its line ends stay.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or (lines and c == "\n") else c.encode("unicode_escape").decode("ascii") for c in text
    )


def keyword(name: str, value: str | int | None = None) -> str:
    """Returns an option as Python has it: `neuron=`, or with a value `neuron='auto'`."""
    return f"{name}={'' if value is None else repr(value)}"


_spelling: Spelling = keyword


def option(name: str, value: str | int | None = None) -> str:
    """Returns an option as whoever reads the message can type it: an argument in Python, a flag on the command line.

    name: the argument's. value: what to give it, True for a flag alone, or None for the option as such. Call it where
    the message is made, not for constants of a module: who reads it is known only then.
    """
    return _spelling(name, value)


@contextmanager
def spelled(spelling: Spelling) -> Iterator[None]:
    """Options in the messages of the block are written by `spelling`; `threshc.cli.errors` has the command line's."""
    global _spelling
    before, _spelling = _spelling, spelling
    try:
        yield
    finally:
        _spelling = before


class Lines(str):
    """Several lines that we put together, each visible by itself; other text in a diagnostic is one line."""

    __slots__ = ()

    @classmethod
    def of(cls, texts: Iterable[str], indent: int = 7) -> Lines:
        """Returns one text below the other, indented to stand below the first one."""
        return cls(("\n" + " " * indent).join(visible(text) for text in texts))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem with a user's model, data or design.

    what:  the problem in one line
    where: ONNX node, tensor and index, file, or command-line option ("" when it is the whole model)
    why:   why threshc does not go on ("" when `what` already says it)
    hint:  what the user can try ("" when nothing can be advised)

    Each is made visible and one line, unless it is `Lines`.
    """

    what: str
    where: str = ""
    why: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            text = getattr(self, name)
            if not isinstance(text, Lines):
                object.__setattr__(self, name, visible(text))

    def __str__(self) -> str:
        lines = [self.what]
        lines += [
            f"  {label}: {text}"
            for label, text in (("where", self.where), ("why", self.why), ("try", self.hint))
            if text
        ]
        return "\n".join(lines)


class CompileError(Exception):
    """The model, the data or the design is at fault (exit code 1). Holds every problem that was found."""

    def __init__(self, problems: Diagnostic | Iterable[Diagnostic]) -> None:
        self.diagnostics = (problems,) if isinstance(problems, Diagnostic) else tuple(problems)
        super().__init__("\n".join(str(d) for d in self.diagnostics))

    def advise(self, text: str) -> None:
        """Adds to what the last problem says that the user can try."""
        last = self.diagnostics[-1]
        hint = f"{last.hint}; {text}" if last.hint else text
        self.diagnostics = (*self.diagnostics[:-1], replace(last, hint=hint))
        self.args = ("\n".join(str(d) for d in self.diagnostics),)

    def rename(self, old: str, new: str) -> None:
        """Says `new` in place of `old` everywhere: the place that users know of a file, and not that of its draft."""
        old, new = visible(old), visible(new)
        self.diagnostics = tuple(
            Diagnostic(*(type(t)(t.replace(old, new)) for t in (d.what, d.where, d.why, d.hint)))
            for d in self.diagnostics
        )
        self.args = ("\n".join(str(d) for d in self.diagnostics),)


def grouped(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Returns the same problem at several places as one that names them all; the most frequent problem first."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for p in problems:
        found = places.setdefault((p.what, p.why, p.hint), [])
        if p.where not in found:
            found.append(p.where)
    ordered = sorted(places.items(), key=lambda item: -len(item[1]))
    return [Diagnostic(what, Lines.of(where, 9), why, hint) for (what, why, hint), where in ordered]


def fail(what: str, *, where: str = "", why: str = "", hint: str = "") -> CompileError:
    """Returns a `CompileError` with a single diagnostic, to be raised by the caller."""
    return CompileError(Diagnostic(what, where, why, hint))

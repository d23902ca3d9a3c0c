"""`--table`: what a table does not say of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from threshc.compiler.diagnostics import fail, option

_FORMS = "target=NAME, drop=NAME,NAME, decimal=comma, header=no, onehot=NAME:WORD|WORD"


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Options for reading a table. target: the labels' column. drop: columns to leave out. decimal: "." or ",". header:
    whether the first line holds names; None to find out. onehot: column -> its words; each is a feature, 1 where it
    stands.

    Columns are given by name, or by number from 0 in a table without names.
    """

    target: str | None = None
    drop: tuple[str, ...] = ()
    decimal: str = "."
    header: bool | None = None
    onehot: dict[str, tuple[str, ...]] = field(default_factory=dict)


def parse_table_options(text: str | None, target: str | None = None) -> TableOptions:
    """Returns the options of `--table`: `KEY=VALUE` with semicolons between; `target` is `--target`, which goes before.

    Raises CompileError for unknown keys and values.
    """
    drop: tuple[str, ...] = ()
    decimal, header, onehot = ".", None, dict[str, tuple[str, ...]]()
    for part in (text or "").split(";"):
        key, equals, value = (s.strip() for s in part.partition("="))
        match key, value:
            case "", "" if not equals:
                pass
            case "target", name if name:
                target = target or name
            case "drop", names if names:
                drop += tuple(n.strip() for n in names.split(","))
            case "decimal", ("comma" | "point") as mark:
                decimal = "," if mark == "comma" else "."
            case "header", ("yes" | "no") as said:
                header = said == "yes"
            case "onehot", value if ":" in value:
                name, _, words = value.rpartition(":")
                onehot[name.strip()] = tuple(w.strip() for w in words.split("|"))
            case _:
                raise fail(f"{part.strip()!r} is not an option of tables", where=option("table"), hint=_FORMS)
    return TableOptions(target, drop, decimal, header, onehot)

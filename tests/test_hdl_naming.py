"""Whatever a model calls itself, the Verilog identifiers are valid, unique, short and the same every time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threshc.hdl.naming import LIMIT, Names, sanitize

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
HOSTILE = [
    'a"b',
    "a\nb; endmodule",
    "../../etc/passwd",
    "$display",
    "x" * 10_000,
    "Größe",
    "",
    "module",
    "9lives",
    "\\esc ",
    "`t",
    "_",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile(text: str) -> None:
    name = sanitize(text)
    assert IDENTIFIER.fullmatch(name)
    assert len(name) <= LIMIT


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("/fc1/MatMul", "fc1_MatMul"),
        ("reg", "n_reg"),
        ("Module", "n_Module"),
        ("3x3", "n_3x3"),
        ("日本", "n"),
        ("a__b_", "a_b"),
    ],
)
def test_readable(text: str, want: str) -> None:
    assert sanitize(text) == want


@given(st.lists(st.one_of(st.text(max_size=80), st.sampled_from(HOSTILE)), max_size=30))
def test_unique_and_deterministic(texts: list[str]) -> None:
    names = [n.pick(t) for n in [Names(("top",))] for t in texts]
    assert names == [n.pick(t) for n in [Names(("top",))] for t in texts]
    assert len({n.lower() for n in names}) == len(names)
    assert "top" not in names
    for name in names:
        assert IDENTIFIER.fullmatch(name)
        assert sanitize(name) == name  # no keyword
        assert len(name) <= LIMIT

"""What the parser says about bad text: message, line and column."""

from __future__ import annotations

import contextlib

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.isomorphism import isomorphic
from threshc.compiler.ir.parser import parse_network
from threshc.compiler.ir.text import to_text

HEAD = 'network "n" format=1\n%0 = input "x" shape=[2] model_shape=[] affine 0..1 mul=1.0 div=1.0 add=0.0\n'
BITS = HEAD + "%1 = bitplanes %0\n"
END = 'output "y" %1 bits scale=1.0 offset=0.0\n'


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "expected 'network', found the end of the text", "line 1, column 1"),
        ("hello", "expected 'network', found 'hello'", "line 1, column 1"),
        ("network n", "expected the network's name in quotes, found 'n'", "line 1, column 9"),
        ('network "n" format=2\n', "the text has format 2, this threshc reads format 1", "line 1, column 20"),
        ('network "\\q" format=1\n', "unknown escape '\\\\q' in a string", "line 1, column 9"),
        ('network "\\u{110000}" format=1\n', "unknown escape '\\\\u{110000}' in a string", "line 1, column 9"),
        ('network "open\n', "expected the network's name in quotes, found '\"'", "line 1, column 9"),
        ('network "n" format=1 %0', "expected the end of the line, found '%0'", "line 1, column 22"),
        (
            'network "n" format=1\n%1 = bitplanes %0',
            "expected '%0', found '%1': values are numbered in order",
            "line 2, column 1",
        ),
        (HEAD, None, ""),
        (
            HEAD + "%1 = exec %0",
            "expected an operation (input, bitplanes, window, gather, sum, compare, reduce, argmax), found 'exec'",
            "line 3, column 6",
        ),
        (HEAD + "%1 = bitplanes 0", "expected a value like %0, found '0'", "line 3, column 16"),
        (
            HEAD + "%1 = bitplanes %99999999999999999999",
            "expected a value like %0, found '%99999999999999999999'",
            "line 3, column 16",
        ),
        (HEAD + "%1 = bitplanes %0 : bits[3]\n" + END, "%1 is bits[2], the text says bits[3]", "line 3, column 21"),
        (HEAD + "%1 = bitplanes %0 : real[2]\n", "expected a type (bits, ints), found 'real'", "line 3, column 21"),
        (
            HEAD + '%1 = bitplanes %0 from "a"\n',
            "expected the tensor's name in quotes, found the end of the line",
            "line 3, column 27",
        ),
        (
            BITS + "%2 = sum %1 weights=[[1, 2.5]] bias=[0]",
            "expected a 64-bit integer, found '2.5'",
            "line 4, column 26",
        ),
        (
            BITS + "%2 = sum %1 weights=int8[[1, 200]] bias=[0]",
            "expected an integer -128..127, found '200'",
            "line 4, column 30",
        ),
        (
            BITS + "%2 = sum %1 weights=uint8[[1, 2]] bias=[0]",
            "expected a dtype (int64, int8, int16, int32), found 'uint8'",
            "line 4, column 21",
        ),
        (
            BITS + "%2 = sum %1 weights=[[1, 2], [3]] bias=[0]",
            "this item has shape [1], the first one [2]",
            "line 4, column 30",
        ),
        (
            BITS + "%2 = sum %1 weights=[1, 2] bias=[0]",
            "expected an array of 2 dimensions, found 1",
            "line 4, column 21",
        ),
        (BITS + "%2 = sum %1 weights=[[1 2]] bias=[0]", "expected ',' or ']', found '2'", "line 4, column 25"),
        (
            BITS + "%2 = sum %1 weights=[[]] bias=[0]",
            "expected a 64-bit integer, found ']'",
            "line 4, column 23",
        ),
        (BITS + "%2 = sum %1 bias=[0]", "expected 'weights', found 'bias'", "line 4, column 13"),
        (BITS + "%2 = sum %1 weights=@w int8[1, 2] bias=[0]", "array @w is not in the side table", "line 4, column 21"),
        (
            BITS + "%2 = sum %1 weights=@big int8[1, 2] bias=[0]",
            "array @big is int16[1, 2] in the side table, int8[1, 2] in the text",
            "line 4, column 21",
        ),
        (
            BITS + "%2 = gather %1 index=[[[[0]]]]",
            "expected a number (arrays have at most three dimensions), found '['",
            "line 4, column 25",
        ),
        (
            BITS + "%2 = gather %1 index=" + "[" * 100000,
            "expected a number (arrays have at most three dimensions), found '['",
            "line 4, column 25",
        ),
        (
            BITS + "%2 = gather %1 index=[" + "1" * 5000 + "]",
            "expected a 64-bit integer, found '" + "1" * 40 + "...'",
            "line 4, column 23",
        ),
        (
            BITS + "%2 = gather %1 index=[0..9000000000]",
            "expected an integer 0..4194303, found '9000000000'",
            "line 4, column 26",
        ),
        (BITS + "%2 = reduce %1 xor taps=2", "expected a reduction (or, and), found 'xor'", "line 4, column 16"),
        (BITS + "%2 = window %1 kernel=[3]", "expected 2 integers, found 1", "line 4, column 23"),
        (
            BITS + "%2 = compare %1 row=[0] threshold=[1e3]",
            "expected a 64-bit integer, found '1e3'",
            "line 4, column 36",
        ),
        (BITS + END + "%2 = bitplanes %0", "expected 'output' or the end of the text, found '%2'", "line 5, column 1"),
        (
            BITS + 'output "y" %1 bit scale=1.0 offset=0.0',
            "expected a kind of output (class, scores, bits), found 'bit'",
            "line 4, column 15",
        ),
        (
            BITS + 'output "y" %1 bits scale=one offset=0.0',
            "expected a dtype (float64), found 'one'",
            "line 4, column 26",
        ),
        (BITS + "; rm -rf", "expected '%2' or 'output', found ';'", "line 4, column 1"),
        (
            HEAD.replace("[2]", "[2000000000, 2000000000, 9]"),
            "the input has 36000000000000000000 features, more than 2147483648",
            "line 2, column 22",
        ),
        (
            HEAD.replace("affine 0..1", "float 0..1"),
            "expected an encoding (affine, step), found 'float'",
            "line 2, column 41",
        ),
    ],
)
def test_parse_errors(text: str, message: str | None, place: str) -> None:
    with pytest.raises(CompileError) as caught:
        parse_network(text, {"big": np.ones((1, 2), np.int16)})
    problem = caught.value.diagnostics[0]
    if message is None:  # grammatical, but not a network
        assert [d.what for d in caught.value.diagnostics] == ["the network has no output"]
        return
    assert (problem.what, problem.where) == (message, place)


def test_errors_name_the_source() -> None:
    with pytest.raises(CompileError) as caught:
        parse_network("x", source="a.txt")
    assert caught.value.diagnostics[0].where == "a.txt, line 1, column 1"
    with pytest.raises(CompileError) as caught:
        parse_network(BITS + "%2 = sum %0 weights=[[1]] bias=[0]\n" + END, source="a.txt")
    assert caught.value.diagnostics[0].where == "a.txt, %2 = Sum"


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damaged_text_is_refused_or_read(data: st.DataObject) -> None:
    """Whatever stands in the text, the answer is a network or a CompileError."""
    text, arrays = to_text(networks.random_conv(np.random.default_rng(0)))
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(len(text), at + 20)))
    piece = data.draw(st.sampled_from(["", "9", "-", '"', "\n", "[", "..", "%3", "@x int8[2]", "nan", "\0", "\ud800"]))
    with contextlib.suppress(CompileError):
        parse_network(text[:at] + piece + text[end:], arrays)


def test_comments_and_blank_lines_are_skipped() -> None:
    text = "// a comment\n\n" + BITS.replace("\n", "  // another\n\n") + END + "\n"
    assert isomorphic(parse_network(text), parse_network(BITS + END))

"""`--input`: what every spelling means, to the bit of float32; and what is said of the others."""

from __future__ import annotations

import networks
import numpy as np
import onnx_models
import pytest
from frontend_compare import compare
from hypothesis import given, settings
from hypothesis import strategies as st

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Affine, parse_encoding
from threshc.compiler.ir.isomorphism import first_difference, isomorphic
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.parser import parse_network
from threshc.compiler.ir.text import to_text

F = np.float32
IMAGENET = "uint8/255 mean=0.485,0.456,0.406 std=0.229,0.224,0.225"


@pytest.mark.parametrize(
    ("text", "lo", "hi", "want"),
    [
        ("uint8", 0, 255, lambda x: x),
        ("uint8/255", 0, 255, lambda x: x / F(255)),
        ("uint8*0.5", 0, 255, lambda x: x * F(0.5)),
        ("int12*0.01", -2048, 2047, lambda x: x * F(0.01)),
        ("uint8/127.5-1", 0, 255, lambda x: x / F(127.5) - F(1)),
        ("2*(uint8/255)-1", 0, 255, lambda x: x / F(255) * F(2) - F(1)),
        ("2 * uint8 / 255 - 1", 0, 255, lambda x: x * F(2) / F(255) - F(1)),
        ("(uint8/255-0.1307)/0.3081", 0, 255, lambda x: (x / F(255) - F(0.1307)) / F(0.3081)),
        ("uint8/255 mean=0.1307 std=0.3081", 0, 255, lambda x: (x / F(255) - F(0.1307)) / F(0.3081)),
        ("uint8/255, mean=0.1307, std=0.3081", 0, 255, lambda x: (x / F(255) - F(0.1307)) / F(0.3081)),
        ("uint8/255 std=0.3081", 0, 255, lambda x: x / F(255) / F(0.3081)),
        ("(uint8-128)*(1/64)", 0, 255, lambda x: (x + F(-128)) * F(1 / 64)),
        ("1-uint8/255", 0, 255, lambda x: F(1) - x / F(255)),
        ("-uint4+3", 0, 15, lambda x: -x + F(3)),
        ("int8:-127..127", -127, 127, lambda x: x),
        ("int8:-127..127/127", -127, 127, lambda x: x / F(127)),
        ("UINT8:0..16", 0, 16, lambda x: x),
        ("bit", 0, 1, lambda x: x),
        ("binary", 0, 1, lambda x: x),
        ("bipolar", 0, 1, lambda x: 2 * x - 1),
        ("bipolar*0.5", 0, 1, lambda x: (2 * x - 1) * F(0.5)),
    ],
)
def test_every_spelling_in_float32(text: str, lo: int, hi: int, want: object) -> None:
    encoding = parse_encoding(text)
    assert (encoding.lo, encoding.hi) == (lo, hi)
    i = np.arange(lo, hi + 1)
    expected = want(i.astype(F))  # type: ignore[operator]
    assert expected.dtype == F
    np.testing.assert_array_equal(encoding.real(i), expected)
    np.testing.assert_array_equal(encoding.nearest(encoding.real(i).astype(np.float64)), i)
    assert parse_encoding(str(encoding)) == encoding


def test_one_number_per_channel_first_and_last() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 2), np.uint8)
    mean, std = (np.array(v, F).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    want = (x.astype(F) / F(255) - mean) / std
    first = parse_encoding(IMAGENET).for_shape((3, 4, 2))
    np.testing.assert_array_equal(first.real(x), want)
    np.testing.assert_array_equal(first.real(x.reshape(5, -1)), want.reshape(5, -1))
    last = parse_encoding(IMAGENET).for_shape((4, 2, 3))
    np.testing.assert_array_equal(last.real(np.moveaxis(x, 1, -1)), np.moveaxis(want, 1, -1))
    np.testing.assert_array_equal(first.nearest(want.astype(np.float64)), x)
    assert str(first) == "(uint8/255-[0.485,0.456,0.406])/[0.229,0.224,0.225]"
    assert parse_encoding(str(first)).for_shape((3, 4, 2)) == first


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("", 1, "a number or the integers (uint8, int12, bit, bipolar) are expected here"),
        ("furlong", 1, "a number or the integers (uint8, int12, bit, bipolar) are expected here"),
        ("uint8/", 7, "a number or the integers (uint8, int12, bit, bipolar) are expected here"),
        ("uint8/255-", 11, "a number or the integers"),
        ("(uint8/255", 11, "')' is expected here"),
        ("uint8/255)", 10, "the encoding ends before this"),
        ("uint8 255", 7, "the encoding ends before this"),
        ("uint8/255 std=0.3 mean=0.1", 19, "the encoding ends before this (mean= comes before std=)"),
        ("uint8/255 mean 0.1", 16, "'=' is expected here"),
        ("uint8^2", 6, "this is not part of an encoding"),
        ("uint0", 1, "uint0 has 0 bits; 1 to 32 bits (int: 2 to 32) are supported"),
        ("uint33", 1, "uint33 has 33 bits"),
        ("int1", 1, "int1 has 1 bits"),
        ("uint8/0", 6, "a scale is zero"),
        ("uint8/1e-60", 6, "a scale is zero, or zero in float32"),
        ("uint8*1e60", 6, "a number is beyond float32"),
        ("uint8+1e400", 6, "a number is beyond float32"),
        ("uint8*(1/0)", 9, "this divides by zero"),
        ("255/uint8", 4, "a number divided by the integers is not a scale of them"),
        ("uint8*uint8", 6, "integers are named twice"),
        ("uint8-uint8", 6, "integers are named twice"),
        ("1/255", 1, "nothing names the integers"),
        ("int8:-200..127", 6, "-200..127 is not a range of at least two integers within -128..127"),
        ("uint8:5..5", 7, "5..5 is not a range of at least two integers"),
        ("uint8:0.5..3", 7, "an integer is expected here"),
        ("uint8:0", 8, "'..' is expected here"),
        ("uint8 mean=0.1,0.2 std=1,2,3", 20, "3 numbers stand beside 2"),
        ("(" * 100 + "uint8", 65, "nested too deeply"),
    ],
)
def test_a_caret_shows_where_a_statement_ends_to_be_one(text: str, place: int, why: str) -> None:
    with pytest.raises(CompileError) as caught:
        parse_encoding(text)
    (found,) = caught.value.diagnostics
    assert found.what == f"input encoding {text!r} is not understood"
    assert why in found.why
    head, shown, caret = found.where.splitlines()
    assert head == f"input=, character {place}"
    assert shown.strip() == text.strip()
    assert len(caret) - len("         ") == place
    assert "(uint8/255-0.1307)/0.3081" in found.hint


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="uint8/255-0.1307()*+[],=meanstdbipolar: e", max_size=40))
def test_any_text_is_an_encoding_or_an_error(text: str) -> None:
    try:
        encoding = parse_encoding(text)
    except CompileError:
        return
    assert parse_encoding(str(encoding)) == encoding


@pytest.mark.parametrize(
    ("shape", "why"), [((3, 5, 3), "two axes have so many"), ((4, 5, 2), "neither the first nor the last axis")]
)
def test_channels_that_no_axis_or_two_have(shape: tuple[int, ...], why: str) -> None:
    with pytest.raises(CompileError, match="3 channels are stated for samples of shape") as caught:
        parse_encoding(IMAGENET).for_shape(shape)
    assert why in str(caught.value)


def _images(head: str, pads: int) -> tuple[object, tuple[int, ...]]:
    rng = np.random.default_rng(5)
    if head == "dense":
        m = onnx_models.Model(["N", 3, 4, 4])
        x = m.op("Flatten", m.input)
        x = m.op("MatMul", x, m.const(rng.choice([-1, 1], (48, 9))))
    else:
        m = onnx_models.Model(["N", 3, 6, 6])
        x = m.op("Conv", m.input, m.const(rng.choice([-1, 1], (9, 3, 3, 3))), kernel_shape=[3, 3], pads=[pads] * 4)
    x = onnx_models.step(m, m.batch_norm(x, rng, 9), "where")
    if head != "dense":
        x = m.op("Flatten", x)
    width = 9 if head == "dense" else 9 * (4 + 2 * pads) ** 2
    return m.build(m.op("MatMul", x, m.const(rng.choice([-1, 1], (width, 4))))), m.shape[1:]  # type: ignore[return-value]


@pytest.mark.parametrize("statement", [IMAGENET, "(uint8/255-0.1307)/0.3081", "uint8:0..16 mean=3 std=2,4,8"])
@pytest.mark.parametrize(("head", "pads"), [("dense", 0), ("conv", 0), ("conv", 1)])
def test_models_behind_a_normalisation(statement: str, head: str, pads: int) -> None:
    """The network of a statement has the hidden bits and labels that the float32 model has on normalised samples."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    model, shape = _images(head, pads)
    encoding = parse_encoding(statement).for_shape(shape)
    x = np.random.default_rng(1).integers(encoding.lo, encoding.hi + 1, (200, *shape))
    real = encoding.real(x)
    compare(model, real, statement)  # type: ignore[arg-type]
    network = threshc.load(model, input=statement)  # type: ignore[arg-type]
    session = onnxruntime.InferenceSession(model.SerializeToString())  # type: ignore[attr-defined]
    (theirs,) = session.run(None, {"x": real})
    labels = threshc.simulate(network, x).labels
    top = np.sort(theirs, axis=1)
    clear = top[:, -1] > top[:, -2]
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(labels[clear], theirs.argmax(axis=1)[clear])  # type: ignore[index]
    np.testing.assert_array_equal(threshc.simulate(network, real).labels, labels)


def channelled() -> Network:
    encoding = parse_encoding(IMAGENET).for_shape((4, 4, 3))
    return networks.random_dense(np.random.default_rng(0), (48, 5, 3), "pm1", encoding, "class")


def test_channels_in_the_text_form_and_in_files(tmp_path: object) -> None:
    network = channelled()
    text, arrays = to_text(network)
    assert "affine 0..255 div=255.0 add=[-0.485, -0.456, -0.406] div=[0.229, 0.224, 0.225] inner=1 :" in text
    back = parse_network(text, arrays)
    assert back.input.encoding == network.input.encoding
    assert isomorphic(back, network)
    many = Affine(0, 15, (("add", tuple(k + 0.5 for k in range(100))),), 1)
    wide = networks.random_dense(np.random.default_rng(0), (100, 5, 3), "pm1", many, "class")
    text, arrays = to_text(wide)
    assert "0.step0" in arrays
    assert parse_network(text, arrays).input.encoding == many
    other = networks.random_dense(np.random.default_rng(0), (48, 5, 3), "pm1", "uint8/255", "class")
    assert "Input, encoding" in str(first_difference(network, other))


def test_texts_of_older_versions_are_read() -> None:
    old = 'network "n" format=1\n%0 = input "x" shape=[2] model_shape=[] affine 0..255 mul=1.0 div=255.0 add=0.0\n'
    found = parse_network(old + '%1 = bitplanes %0\noutput "y" %1 bits scale=1.0 offset=0.0\n')
    assert found.input.encoding == parse_encoding("uint8/255")


def test_a_network_takes_its_own_input_in_any_spelling(tmp_path: object) -> None:
    from pathlib import Path

    from threshc.compiler.ir.storage import save

    path = Path(str(tmp_path)) / "n.thresh"
    save(channelled(), path)
    assert threshc.load(path, input=IMAGENET).name
    assert threshc.load(path, input="(uint8/255-[0.485,0.456,0.406])/[0.229,0.224,0.225]").name
    with pytest.raises(CompileError, match="the network states its input"):
        threshc.load(path, input="uint8/255")

"""The end of a model: scores in the exact order of what it computes, compared with onnx's evaluator on every input."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_models import Model
from pattern import bits, pm1, quant
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.heads import departures, keeps_order
from threshc.compiler.frontend.load import lower_model
from threshc.sim.packed import single

End = Callable[[Model, str], str]
X = np.array(list(itertools.product((-1.0, 1.0), repeat=8)), np.float32)


def head(end: End, weights: object = None) -> onnx.ModelProto:
    """Eight bits, four scores of small integers, and an end."""
    m, rng = Model(["batch", 8]), np.random.default_rng(3)
    w = rng.integers(-3, 4, (8, 4)) if weights is None else weights
    return m.build(end(m, m.op("MatMul", bits(m, m.input), m.const(w))))


def reference(model: onnx.ModelProto, x: np.ndarray = X) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    (found,) = ReferenceEvaluator(model).run(None, {"x": x})
    return np.asarray(found)


def _fine(op: str, scale: float = 0.1, **attrs: float) -> End:
    """A function of scores with a scale and a bias, so that many of its values differ a little."""
    return lambda m, x: m.op(
        op, m.op("Add", m.op("Mul", x, m.const(scale)), m.const([0.01, -0.2, 0.003, 0.0])), **attrs
    )


ENDS: dict[str, End] = {
    "Relu": lambda m, x: m.op("Relu", x),
    "Relu, biases": _fine("Relu"),
    "Sigmoid, saturated": lambda m, x: m.op("Sigmoid", m.op("Mul", x, m.const(3.0))),
    "Sigmoid, biases": _fine("Sigmoid"),
    "Tanh, saturated": lambda m, x: m.op("Tanh", x),
    "Tanh, biases": _fine("Tanh"),
    "HardSigmoid": _fine("HardSigmoid", alpha=0.25, beta=0.5),
    "Clip": lambda m, x: m.op("Clip", x, m.const(-2.0), m.const(5.0)),
    "Softplus": _fine("Softplus"),
    "Elu": _fine("Elu"),
    "LeakyRelu": _fine("LeakyRelu"),
    "Abs": _fine("Abs"),
    "Where(x > 0, x, 0)": lambda m, x: m.op("Where", m.op("Greater", x, m.const(0.0)), x, m.const(0.0)),
    "Round of scores": lambda m, x: m.op("Round", m.op("Mul", x, m.const(0.3))),
    "Sign of scores": lambda m, x: m.op("Sign", x),
    "Neg": lambda m, x: m.op("Neg", x),
}


@pytest.mark.parametrize("picked", [False, True], ids=["scores", "ArgMax"])
@pytest.mark.parametrize("name", ENDS)
def test_the_class_is_the_models_for_every_input(name: str, picked: bool) -> None:
    """Scores that a function makes equal are equal: the lowest class wins."""

    def end(m: Model, x: str) -> str:
        y = ENDS[name](m, x)
        return m.op("ArgMax", y, axis=1, keepdims=0) if picked else y

    model = head(end)
    wanted = reference(model)
    labels = threshc.simulate(threshc.load(model), X).labels
    np.testing.assert_array_equal(labels, wanted if picked else wanted.argmax(axis=1))
    assert threshc.verify(model, X, rtl=False).ok


def test_scores_that_are_quantized_keep_their_ties() -> None:
    model = head(lambda m, x: m.op("ArgMax", quant(m, x, 3.0, 1, 0, 2.0), axis=1, keepdims=0))
    report = threshc.verify(model, X, rtl=False)
    assert report.ok, str(report)
    assert threshc.load(model).output("class") is not None


def _integer_bias(m: Model, x: str, scales: object, biases: object) -> str:
    """What Brevitas' Int32Bias leaves: every product and the bias are rounded to float32."""
    s = np.broadcast_to(np.asarray(scales, np.float32), (4,))
    return m.op("Add", m.op("Mul", x, m.const(s)), m.const(np.float32(s * np.asarray(biases, np.float32))))


@pytest.mark.parametrize("scales", [0.19512576, [0.19512576, 0.0331, 0.1117, 0.07]], ids=["one scale", "per channel"])
def test_a_bias_in_units_of_its_sum_is_an_integer(scales: object) -> None:
    """Where float32 breaks ties of whole numbers, the whole numbers count; how often it does is said."""
    biases, rng = np.array([3, -5, 2, 7]), np.random.default_rng(3)
    weights = rng.integers(-3, 4, (8, 4))
    model = head(lambda m, x: _integer_bias(m, x, scales, biases))
    network = threshc.load(model)
    real = np.broadcast_to(np.float64(np.float32(scales)), (4,)) * (X.astype(np.int64) @ weights + biases)
    np.testing.assert_array_equal(threshc.simulate(network, X).labels, np.round(real, 9).argmax(axis=1))
    report = threshc.verify(model, X, rtl=False)
    assert report.ok, str(report)
    if np.ndim(scales) == 0:
        scores = network.output("scores")
        assert scores is not None
        assert not scores.order_only  # the plain integers: D + B
        (rounded,) = lower_model(model).rounded
        assert "float32 rounds" in rounded.note
        assert "of 3" in rounded.note or "pairs of reachable sums" in rounded.note
        assert any("pairs of reachable sums" in note for note in report.notes)


def test_how_many_pairs_float32_moves_is_counted() -> None:
    """Counted again, one by one."""
    biases = np.array([3, -5, 2, 7])
    model = head(lambda m, x: _integer_bias(m, x, 0.19512576, biases))
    lowered = lower_model(model)
    weights = np.random.default_rng(3).integers(-3, 4, (8, 4))
    s, broken, total = np.float32(0.19512576), 0, 0
    sums = [np.arange(-np.abs(w).sum(), np.abs(w).sum() + 1, 2 * np.gcd.reduce(w)) for w in weights.T]
    for c, d in itertools.combinations(range(4), 2):
        for a, b in itertools.product(sums[c], sums[d]):
            values = [
                np.float32(np.float32(s * np.float32(v)) + np.float32(s * biases[k])) for v, k in ((a, c), (b, d))
            ]
            broken += (values[0] >= values[1]) != (a + biases[c] >= b + biases[d])
            total += 1
    assert broken
    assert f"{broken:,} of {total:,} pairs" in lowered.rounded[0].note


def test_orders_are_compared_as_pair_by_pair() -> None:
    """The quick comparison against the definition, on small random outputs with many ties, rising and falling."""
    rng = np.random.default_rng(9)
    kept = 0
    for _ in range(300):
        count = int(rng.integers(1, 5))
        scores = [
            np.sort(rng.choice(30, int(rng.integers(1, 6)), replace=False))[:: rng.choice([-1, 1])]
            for _ in range(count)
        ]
        values = [np.floor(s * 0.9 / rng.choice([1, 1, 1, 3])) for s in scores]
        broken = total = 0
        for c, d in itertools.combinations(range(count), 2):
            for i, j in itertools.product(range(len(scores[c])), range(len(scores[d]))):
                broken += (values[c][i] >= values[d][j]) != (scores[c][i] >= scores[d][j])
                total += 1
        assert departures(values, scores) == (broken, total)
        assert keeps_order(values, scores) == (broken == 0)
        kept += broken == 0
    assert 20 < kept < 280


TAILS: dict[str, End] = {
    "BatchNormalization": lambda m, x: m.batch_norm(x, np.random.default_rng(5), 4),
    "Mul, Add": lambda m, x: m.op("Add", m.op("Mul", x, m.const([0.7, 1.3, 0.9, 1.1])), m.const([0.3, -0.2, 1, 0])),
    "Sigmoid": lambda m, x: m.op("Sigmoid", m.op("Add", x, m.const([0.3, -0.2, 1, 0]))),
    "Tanh, Softmax": lambda m, x: m.op("Softmax", m.op("Tanh", x)),
    "Softmax, Mul, Log": lambda m, x: m.op("Log", m.op("Mul", m.op("Softmax", x), m.const(100.0))),
    "LogSoftmax": lambda m, x: m.op("LogSoftmax", m.batch_norm(x, np.random.default_rng(5), 4)),
}


@pytest.mark.parametrize("name", TAILS)
def test_real_weights_and_what_follows_them(name: str) -> None:
    """Sums of too many values to look at each: their real order, which the model has where it can tell scores apart."""
    weights = np.random.default_rng(8).normal(size=(8, 4)).astype(np.float32) * 0.3
    model = head(TAILS[name], weights)
    np.testing.assert_array_equal(threshc.simulate(threshc.load(model), X).labels, reference(model).argmax(axis=1))
    report = threshc.verify(model, X, rtl=False)
    assert report.ok, str(report)
    assert any("too many to look at each" in note for note in report.notes)


def test_show_says_how_many_pairs_float32_moves(tmp_path: Path) -> None:
    onnx.save(head(lambda m, x: _integer_bias(m, x, 0.19512576, [3, -5, 2, 7])), tmp_path / "m.onnx")
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "m.onnx"), "--pattern"])
    assert shown.exit_code == 0, shown.output
    assert "have the order of the real numbers; float32 rounds" in shown.output


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 1.0), (-2.0, 0.25), (1.0, 3.0)])
@pytest.mark.parametrize("real", [False, True], ids=["small integers", "real weights"])
def test_alpha_and_beta(alpha: float, beta: float, real: bool) -> None:
    rng = np.random.default_rng(4)
    w = rng.normal(size=(8, 4)) if real else rng.integers(-3, 4, (8, 4))
    m = Model(["batch", 8])
    y = m.op("Gemm", bits(m, m.input), m.const(w), m.const(rng.normal(size=4)), alpha=alpha, beta=beta)
    model = m.build(y)
    np.testing.assert_array_equal(threshc.simulate(threshc.load(model), X).labels, reference(model).argmax(axis=1))


def test_thousands_of_inputs_and_biases_of_thousandths() -> None:
    """float32 cannot tell 2048.001 from 2048.0012: the real numbers can."""
    rng = np.random.default_rng(6)
    m = Model(["batch", 2500])
    w, b = pm1(rng, 2500, 5), np.array([0.001, 0.0012, -0.003, 0.0, 0.0009], np.float32)
    model = m.build(m.op("Add", m.op("MatMul", bits(m, m.input), m.const(w)), m.const(b)))
    x = rng.choice([-1.0, 1.0], (64, 2500)).astype(np.float32)
    x[0] = w[:, 1]
    exact = x.astype(np.float64) @ w + b
    np.testing.assert_array_equal(threshc.simulate(threshc.load(model), x).labels, exact.argmax(axis=1))
    report = threshc.verify(model, x, rtl=False)
    assert report.ok, str(report)


@pytest.mark.parametrize("first", [0, 1])
def test_labels_that_float32_alone_decides_are_shown_to_be_rounding(first: int) -> None:
    """Ties of whole numbers that two roundings break, of the law as of onnxruntime."""
    rng = np.random.default_rng(0)
    m = Model(["batch", 32])
    weights, biases, scale = rng.integers(-3, 4, (32, 5)), rng.integers(-9, 10, 5), np.float32(0.19512576)
    x = m.op("MatMul", bits(m, m.input), m.const(weights))
    x = m.op("Add", m.op("Mul", x, m.const(scale)), m.const(scale * biases.astype(np.float32)))
    index = m.op("ArgMax", x, axis=1, keepdims=0)
    model = m.build(m.op("Add", m.const(first, np.int64), index) if first else index)
    data = rng.choice([-1.0, 1.0], (2048, 32)).astype(np.float32)
    labels = threshc.simulate(threshc.load(model), data).labels
    np.testing.assert_array_equal(labels, (data.astype(np.int64) @ weights + biases).argmax(axis=1) + first)
    assert (labels != reference(model, data)).any()
    report = threshc.verify(model, data, rtl=False)
    assert report.ok, str(report)
    assert "rounding decides between two equal or nearly equal scores" in str(report)


def _moved(m: Model, index: str) -> str:
    return m.op("Squeeze", m.op("Identity", m.op("Cast", index, to=6)), m.const([1], np.int64))


CLASSES: dict[str, tuple[End, int]] = {
    "from one": (lambda m, i: m.op("Add", i, m.const(1, np.int64)), 1),
    "constant first": (lambda m, i: m.op("Add", m.const([10], np.int64), i), 10),
    "minus one": (lambda m, i: m.op("Sub", i, m.const(1, np.int64)), -1),
    "Cast, Identity, Squeeze": (_moved, 0),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_counted_from_another_number(name: str) -> None:
    end, first = CLASSES[name]
    model = head(lambda m, x: end(m, m.op("ArgMax", x, axis=1, keepdims=int(name.startswith("Cast")))))
    network = threshc.load(model)
    labels = threshc.simulate(network, X).labels
    assert labels is not None
    np.testing.assert_array_equal(labels, reference(model).ravel())
    assert labels.min() == first
    assert threshc.verify(model, X, rtl=False).ok
    assert single(network)(X[:1])[0] == labels[0]


def _largest(m: Model, x: str) -> str:
    return m.op("ReduceMax", x, axes=[1], keepdims=0)


REFUSED: list[tuple[str, End, str]] = [
    ("the largest probability", lambda m, x: _largest(m, m.op("Softmax", x)), "ReduceMax of a softmax"),
    ("softmax + 1", lambda m, x: m.op("Add", m.op("Softmax", x), m.const(1.0)), "Add of a softmax is not supported"),
    ("two softmaxes", lambda m, x: m.op("Sum", m.op("Softmax", x), m.op("Softmax", x)), "Sum of a softmax"),
    ("softmax * -1", lambda m, x: m.op("Mul", m.op("Softmax", x), m.const(-1.0)), "Mul of a softmax"),
    (
        "1 - class",
        lambda m, x: m.op("Sub", m.const(1, np.int64), m.op("ArgMax", x, axis=1)),
        "Sub of a class index is not supported",
    ),
]


@pytest.mark.parametrize(("name", "end", "words"), REFUSED, ids=lambda v: v if isinstance(v, str) else "")
def test_ends_that_are_refused_say_where_to_end(name: str, end: End, words: str) -> None:
    with pytest.raises(CompileError) as caught:
        threshc.load(head(end))
    assert words in str(caught.value)
    assert "does not fit its inputs" not in str(caught.value)


LARGEST: dict[str, End] = {
    "plain": lambda m, x: _largest(m, x),
    "biases": lambda m, x: _largest(m, m.op("Add", x, m.const([0.1, -0.3, 0.25, 0.0]))),
    "a scale of either sign": lambda m, x: _largest(m, m.op("Mul", x, m.const(0.37))),
    "Sigmoid": lambda m, x: _largest(m, m.op("Sigmoid", m.op("Mul", x, m.const(0.2)))),
    "Relu": lambda m, x: _largest(m, m.op("Relu", x)),
    "of pairs": lambda m, x: m.op("ReduceMax", m.op("Reshape", x, m.const([-1, 2, 2], np.int64)), axes=[1], keepdims=0),
    "then a step": lambda m, x: bits(m, _largest(m, x), 4.0),
}


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_score_is_the_or_of_comparisons(name: str) -> None:
    """A confidence: exact, as the integers of a single score."""
    model = head(LARGEST[name])
    network, wanted = threshc.load(model), reference(model).astype(np.float64)
    output = network.outputs[0]
    found = threshc.simulate(network, X).values[0].reshape(wanted.shape).astype(np.float64)
    if output.order_only:
        ranks = [np.unique(values, return_inverse=True)[1] for values in (found, wanted)]
        np.testing.assert_array_equal(*(r.ravel() for r in ranks))
    else:
        np.testing.assert_allclose(found * output.scale + output.offset, wanted, rtol=1e-6, atol=1e-6)
    report = threshc.verify(model, X, rtl=False)
    assert report.ok, str(report)


def test_the_largest_of_too_many_values_is_refused_by_name() -> None:
    weights = np.random.default_rng(8).normal(size=(8, 4)).astype(np.float32)
    with pytest.raises(CompileError, match="end the model at the scores or at the class index"):
        threshc.load(head(_largest, weights))


def test_functions_that_rise_and_fall_over_real_weights_are_refused_by_name() -> None:
    weights = np.random.default_rng(8).normal(size=(8, 4)).astype(np.float32)
    with pytest.raises(CompileError) as caught:
        threshc.load(head(lambda m, x: m.op("Abs", x), weights))
    assert "Abs is none of these" in str(caught.value)
    assert "end the model before Abs" in str(caught.value)


def test_of_several_largest_scores_the_output_says_that_it_is_the_first(tmp_path: Path) -> None:
    m = Model(["N", 6])
    rng = np.random.default_rng(4)
    x = m.op("Where", m.op("GreaterOrEqual", m.input, m.const(0.0)), m.const(1.0), m.const(-1.0))
    scores = m.op("MatMul", x, m.const(rng.choice([-1, 1], (6, 5))))
    best = m.op("TopK", scores, m.const([3], np.int64), outputs=2, axis=-1)
    model = m.build(best)
    (first,) = (o for o in threshc.load(model).outputs if o.kind == "class")
    assert first.name == f"{best}.first_of_3"
    onnx.save(model, tmp_path / "m.onnx")
    for words, said in ((["show", "--ir"], "first_of_3"), (["show", "--pattern"], "the first class alone")):
        result = CliRunner().invoke(app, [*words[:1], str(tmp_path / "m.onnx"), *words[1:]])
        assert result.exit_code == 0, result.output
        assert said in result.stdout.replace("\n", " ")

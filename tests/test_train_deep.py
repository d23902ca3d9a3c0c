"""Deep trainers: integers against the trained network, circuits of convolutions, options of the loop, wrong input."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from trained import assert_circuit_equals_predict, bundled, pmlb

import threshc
from threshc.compiler.diagnostics import CompileError

pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("sklearn", reason="needs scikit-learn")

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from threshc.train import DeepStraightThroughClassifier, FTPROPClassifier
from threshc.train.deep.architecture import Block, parse
from threshc.train.deep.loop import scores
from threshc.train.deep.surrogates import ACTIVATIONS, STRAIGHT_THROUGH, Step, StraightThrough
from threshc.train.deep.weights import rounded

pytestmark = pytest.mark.slow

CONV = "conv4k3p1-pool2-conv6k3s2-fc20"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits as (n, 8, 8) pixels of 0 to 16."""
    x, y = bundled("digits")
    return x.astype(np.uint8).reshape(-1, 8, 8), y


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weights", ["binary", "ternary", "int5"])
@pytest.mark.parametrize("hidden", [(12, 9), CONV])
def test_integers_are_the_trained_network(hidden: Any, weights: str, activation: str) -> None:
    """Scores of the module in float64 are the integers times their scale, but where a z is a threshold to rounding."""
    x, y = images()
    settings = {"weights": weights, "activation": activation, "epochs": 1, "learning_rate": 1e-2}
    classifier = DeepStraightThroughClassifier(hidden, **settings).fit(x[:600], y[:600])
    gammas = [block.norm.weight for block in classifier.module_.hidden]
    assert not any((g < 0).any() for g in gammas)
    with torch.no_grad():  # rows of falling BatchNorm, and constant ones
        for g in gammas:
            g[0], g[1] = -g[0], 0
    from threshc.train.deep.fold import fold

    network = fold(classifier.module_, classifier.network_.encode)
    inputs = torch.from_numpy(x if hidden == CONV else x.reshape(len(x), -1)).reshape(len(x), *network.shape)
    found = scores(copy.deepcopy(classifier.module_).double(), inputs).numpy()
    difference = np.abs(found - network.scores(x) * network.scale)
    assert (difference.max(axis=1) < 1e-3 * np.abs(found).max()).mean() > 0.97


@pytest.mark.parametrize(
    ("hidden", "options"),
    [
        (CONV, {"activation": "sign"}),
        (CONV, {"activation": "staircase3", "batch_norm": False}),
        ("conv3k2s2-pool2-fc8", {"activation": "step", "weights": "int4", "optimizer": "sgd", "schedule": "step"}),
        ("conv3k5p2-pool2", {"weights": "binary", "surrogate": "reste"}),
    ],
)
def test_circuit_of_a_convolution_equals_predict(hidden: str, options: dict[str, Any], tmp_path: Path) -> None:
    x, y = images()
    classifier = DeepStraightThroughClassifier(hidden, epochs=2, learning_rate=1e-2, **options).fit(x, y)
    assert classifier.score(x, y) > 0.15
    noisy = np.random.default_rng(0).integers(0, 256, x.shape).astype(np.uint8)
    noisy[::2] = x[::2]
    classifier.export_onnx(tmp_path / "m.onnx")
    result = threshc.simulate(threshc.load(tmp_path / "m.onnx"), noisy[:, None])
    np.testing.assert_array_equal(result.labels, classifier.predict(noisy))
    np.testing.assert_array_equal(result.scores, classifier.network_.scores(noisy))


def test_verilog_of_a_convolution_equals_predict(tmp_path: Path) -> None:
    x, y = images()
    small = x[:, 2:7, 2:6] // 8
    classifier = DeepStraightThroughClassifier("conv2k2p1-pool2-fc4", epochs=2).fit(small, y)
    classifier.export_onnx(tmp_path / "m.onnx")
    labels = threshc.simulate(threshc.load(tmp_path / "m.onnx"), small[:40, None], engine="rtl").labels
    np.testing.assert_array_equal(labels, classifier.predict(small[:40]))


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_circuit_equals_predict(name: str, tmp_path: Path) -> None:
    x, y = bundled(name)
    classifier = DeepStraightThroughClassifier((24, 16), epochs=20, batch_size=16).fit(x, y)
    assert classifier.score(x, y) > 0.9
    noisy = x + np.random.default_rng(0).normal(0, x.std(axis=0), x.shape)
    assert_circuit_equals_predict(classifier, noisy, tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["monk1", "mushroom", "dna"])
def test_circuit_equals_predict_on_tables(name: str, shared: Path, tmp_path: Path) -> None:
    x, y = pmlb(shared, name, 300)
    classifier = DeepStraightThroughClassifier((12, 8), epochs=4, weights="binary", optimizer="bop").fit(x, y)
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")


@pytest.mark.parametrize("name", STRAIGHT_THROUGH)
def test_surrogates(name: str) -> None:
    z = torch.linspace(-3, 3, 601, dtype=torch.float64)[:, None].requires_grad_()
    rule = StraightThrough(name)
    rule.progress = 0.5
    Step.apply(z, ACTIVATIONS["sign"], rule, True).backward(2 * torch.ones_like(z))
    u = z.detach()
    size = u.abs()
    expected = {
        "identity": torch.ones_like(u),
        "clipped_relu": ((u >= 0) & (u <= 1)).double(),
        "relu": (u >= 0).double(),
        "sech2": 1 / torch.cosh(u) ** 2,
        "reste": torch.where(size > 0.1, 0.5 * size**-0.5, 0.1**-0.5) * (size <= 1.5),  # power 2 halfway
    }[name]
    assert z.grad is not None
    torch.testing.assert_close(z.grad, 2 * expected)


def test_rounded_weights() -> None:
    w = torch.tensor([[0.5, -0.1, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0]])
    ints, scale = rounded(w, "int3", per_row=True)
    assert ints.tolist() == [[2.0, 0.0, 0.0, -3.0], [0.0] * 4] or ints.tolist() == [[1.0, 0.0, 0.0, -3.0], [0.0] * 4]
    assert scale.flatten().tolist() == pytest.approx([1 / 3, 1])
    ints, scale = rounded(w, "ternary", per_row=True)
    assert ints.tolist() == [[1, 0, 0, -1], [0, 0, 0, 0]]
    assert scale.flatten().tolist() == [0.75, 1]
    ints, scale = rounded(w, "binary", per_row=False)
    assert ints.tolist() == [[1, -1, 1, -1], [1, 1, 1, 1]]
    assert scale.flatten().tolist() == [0.5]


def test_weights_and_fan_in() -> None:
    x, y = bundled("wine")
    layer = DeepStraightThroughClassifier(10, fan_in=3, weights="binary", epochs=2).fit(x, y).network_.layers[0]
    assert (np.count_nonzero(layer.weight, axis=1) == 3).all()
    assert set(np.unique(layer.weight)) == {-1, 0, 1}


def test_bop_keeps_signs_and_learns() -> None:
    x, y = bundled("breast_cancer")
    bop = DeepStraightThroughClassifier(32, weights="binary", optimizer="bop", epochs=15).fit(x, y)
    assert set(np.unique(bop.module_.layers[0].weight.detach().numpy())) == {-1, 1}
    assert bop.score(x, y) > 0.93
    with pytest.raises(ValueError, match="optimizer='bop' is for binary weights"):
        DeepStraightThroughClassifier(optimizer="bop").fit(x, y)


def test_distillation() -> None:
    """With all of the weight on the teacher, what it says is learned, not the labels."""
    x, y = bundled("breast_cancer")
    teacher = LogisticRegression(max_iter=5000).fit(x, y)
    settings = {"hidden": 24, "epochs": 15, "batch_size": 32, "distillation": 1.0}
    learned = DeepStraightThroughClassifier(**settings, teacher=1 - teacher.predict_proba(x)).fit(x, y)
    assert learned.score(x, 1 - teacher.predict(x)) > 0.93
    assert DeepStraightThroughClassifier(**settings, teacher=teacher).fit(x, y).score(x, y) > 0.93
    with pytest.raises(ValueError, match=r"the teacher's probabilities are of shape \(569, 3\); \(569, 2\) is needed"):
        DeepStraightThroughClassifier(teacher=np.ones((569, 3)) / 3).fit(x, y)
    with pytest.raises(ValueError, match=r"the teacher's classes are \[0, 1\], the samples' are \[1, 2\]"):
        DeepStraightThroughClassifier(teacher=teacher).fit(x, y + 1)


def test_early_stopping_keeps_the_best_epoch() -> None:
    x, y = bundled("wine")
    told: list[Any] = []
    settings = {"validation_fraction": 0.3, "patience": 2, "epochs": 200, "learning_rate": 0.02}
    classifier = FTPROPClassifier(16, callback=told.append, **settings).fit(x, y)
    history = classifier.history_
    held = [e.held_accuracy for e in history.epochs]
    assert told == history.epochs
    assert history.best == int(np.argmax(held))
    assert classifier.n_iter_ == history.best + 3 < 200
    assert classifier.integer_accuracy_ == pytest.approx(max(held), abs=0.02)


def test_warm_start_goes_on() -> None:
    x, y = bundled("wine")
    classifier = FTPROPClassifier(16, epochs=8, warm_start=True).fit(x, y)
    first = classifier.loss_curve_
    assert classifier.fit(x, y).loss_curve_[0] < 0.7 * first[0]
    with pytest.raises(ValueError, match="warm_start needs the parameters"):
        classifier.set_params(hidden=17).fit(x, y)


def test_real_weights_are_rounded_at_the_end() -> None:
    x, y = bundled("wine")
    late = FTPROPClassifier(16, quantize_from=1.0, weights="int8", epochs=10).fit(x, y)
    assert late.real_accuracy_ == pytest.approx(late.integer_accuracy_, abs=0.03)
    assert np.isnan(FTPROPClassifier(16, epochs=1).fit(x, y).real_accuracy_)


def test_same_seed_same_network_and_pickle() -> None:
    x, y = bundled("iris")
    one, two, three = (DeepStraightThroughClassifier(8, epochs=3, random_state=s).fit(x, y) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.decision_function(x), two.decision_function(x))
    assert (one.decision_function(x) != three.decision_function(x)).any()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).predict(x), one.predict(x))
    np.testing.assert_allclose(one.predict_proba(x).sum(axis=1), 1)
    assert [len(v) for v in one.network_.hidden(x)] == [150]


def test_architectures() -> None:
    assert parse("lenet") == (Block(6, 5, 2, 1, 2), Block(16, 5, 0, 1, 2), Block(120), Block(84))
    assert parse("mlp") == parse((256, 256)) == parse("256,256")
    shape: tuple[int, ...] = (3, 32, 32)
    for block, after in zip(parse("convnet4"), [(32, 17, 17), (64, 8, 8), (1024,)], strict=True):
        shape = block.shape(shape)
        assert shape == after
    for text, part in [("fc8-conv3k3", "conv3k3"), ("pool2", "pool2"), ("conv3k3-pool2-pool2", "pool2"), ("", "")]:
        with pytest.raises(ValueError, match=f"{part!r} of hidden={text!r} is not understood there"):
            parse(text)
    with pytest.raises(ValueError, match="'fc0' of hidden='fc0' has a size of 0"):
        parse("fc0")
    with pytest.raises(ValueError, match="hidden is \\(0,\\); it must be whole numbers"):
        parse((0,))


def test_scikit_learn_conventions() -> None:
    check_estimator(DeepStraightThroughClassifier(16, epochs=20, batch_norm=False), on_skip=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "tanh"}, "activation is 'tanh'; it must be one of sign, step, staircase3, staircase5"),
        ({"surrogate": "tanh"}, "surrogate is 'tanh'; it must be one of identity"),
        ({"weights": "int2"}, "weights is 'int2'; it must be one of binary, ternary, int3 to int16"),
        ({"optimizer": "lion"}, "optimizer is 'lion'; it must be one of adam, sgd, bop"),
        ({"epochs": 0}, "epochs is 0; it must be a whole number of at least 1"),
        ({"quantize_from": 1.5}, "quantize_from is 1.5; it must be a number of 0 to 1"),
        ({"patience": 3}, "patience needs validation samples"),
        ({"validation_fraction": 1.0}, "leaves none of 178 samples"),
        ({"hidden": "lenet"}, "a convolution needs images"),
        (
            {"hidden": "lenet", "image_shape": (1, 4, 4)},
            r"samples of shape \(13,\) are not images of shape \(1, 4, 4\)",
        ),
        ({"hidden": "conv2k3", "image_shape": (13, 1, 1)}, "leave nothing of"),
        ({"encoding": "integer"}, "the feature 14.23 is not of type .*column 0, row 0"),
    ],
)
def test_wrong_parameters_are_named(options: dict[str, Any], message: str) -> None:
    x, y = bundled("wine")
    with pytest.raises(ValueError, match=f"(?s){message}"):
        DeepStraightThroughClassifier(**options).fit(x, y)


def test_wrong_samples_are_named() -> None:
    x, y = images()
    fitted = DeepStraightThroughClassifier("conv2k3-fc4", epochs=1).fit(x[:100], y[:100])
    with pytest.raises(ValueError, match=r"samples are of shape \(8, 7\); those of fit were of \(8, 8\)"):
        fitted.predict(x[:, :, :7])
    with pytest.raises(ValueError, match=r"the feature 0\.5 is not of type uint8"):
        fitted.predict(x[:3] + 0.5)
    with pytest.raises(ValueError, match="y holds one class only, 7"):
        fitted.fit(x[:9], np.full(9, 7))
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(np.full((9, 8, 8), np.nan), y[:9])
    with pytest.raises(ValueError, match=r"convert string to float|[Uu]nable to convert|strings"):
        DeepStraightThroughClassifier().fit(np.array([["red"], ["green"]]), [0, 1])


def test_sums_that_float32_rounds_are_refused(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 60_000, (40, 30)).astype(np.uint16)
    classifier = DeepStraightThroughClassifier(4, weights="int12", epochs=1).fit(x, x[:, 0] > 30_000)
    with pytest.raises(CompileError, match="sums do not fit the integers of float32\n  where: hidden layer 0"):
        classifier.export_onnx(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())

"""Options of trainers stand in signatures and in one table: the commands have all of them, with their defaults."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

import threshc.train
from threshc.cli import train as group
from threshc.cli import training_run
from threshc.cli.app import app
from threshc.cli.train import commands
from threshc.cli.training_forms import FORMS, shown
from threshc.cli.training_options import TrainerOption, options, values
from threshc.compiler.diagnostics import CompileError
from threshc.train import registry
from threshc.train.registry import ONLY_IN_PYTHON, OPTIONS, TRAINERS, help_of
from threshc.train.signature import Help, Trainer, parameters

COMMANDS = commands()
WITH_COMMAND = [trainer for trainer in TRAINERS if trainer.command]
needs_train = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("sklearn", "torch"))), reason="needs scikit-learn and PyTorch"
)


def click_command(name: str) -> Any:
    """The command as Click has it."""
    whole: Any = typer.main.get_command(app)
    context = whole.context_class(whole, info_name="threshc")
    return whole.get_command(context, "train").get_command(context, name)


def run(*arguments: object) -> Result:
    """The command; its CompileError, if any, is the result's exception."""
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


@pytest.mark.parametrize("trainer", WITH_COMMAND, ids=lambda trainer: trainer.estimator)
def test_every_parameter_has_an_option_with_its_default_and_its_text(trainer: Trainer) -> None:
    there = {parameter.name: parameter for parameter in click_command(trainer.command).params}
    found = {option.parameter: option for option in options(COMMANDS[trainer.command])}
    for name, annotation, default in parameters(trainer):
        help = help_of(trainer.command, name)
        if help is None:
            assert name not in found
            continue
        option = there[found[name].key]
        assert option.help == help.text
        assert option.default == (None if help.turns_on else shown(default))
        assert trainer.estimator in found[name].takers
        assert annotation in FORMS


@needs_train
@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda trainer: trainer.estimator)
def test_the_source_is_read_as_python_reads_it(trainer: Trainer) -> None:
    signature = inspect.signature(getattr(threshc.train, trainer.estimator))
    assert {p.name: (p.annotation, p.default) for p in signature.parameters.values()} == {
        p.name: (p.annotation, p.default) for p in parameters(trainer)
    }


def test_no_text_is_stale() -> None:
    taken = {c: {p.name for t in trainers for p in parameters(t)} for c, trainers in COMMANDS.items()}
    assert set(OPTIONS) - {""} <= set(COMMANDS)
    stale = {(c, name) for c, texts in OPTIONS.items() if c for name in texts if name not in taken[c]}
    assert stale == set()
    shared = {name for c, names in taken.items() for name in names if name not in OPTIONS.get(c, {})}
    assert set(OPTIONS[""]) - shared == set(), "no command uses these"
    assert set(ONLY_IN_PYTHON) <= set().union(*taken.values())
    assert not set(ONLY_IN_PYTHON) & {name for texts in OPTIONS.values() for name in texts}
    assert set(FORMS) == {o.annotation for trainers in COMMANDS.values() for o in options(trainers)}


@pytest.mark.parametrize("help", [h for texts in OPTIONS.values() for h in texts.values()], ids=lambda h: h.text)
def test_texts_are_whole(help: Help) -> None:
    assert help.text.endswith(".")
    assert not help.text.startswith("Of "), "say what it is"


def test_other_words_of_options_are_options() -> None:
    for trainers in COMMANDS.values():
        own = options(trainers)
        keys = {option.key for option in own}
        names = {option.parameter for option in own} | set(ONLY_IN_PYTHON)
        assert all(option.help.needs in keys for option in own if option.help.needs)
        assert all(option.help.turns_on in names for option in own if option.help.turns_on)
        for option in trainers[0].example:
            assert option in {o.name for o in own} | {"test", "plot", "path"}


@needs_train
def test_texts_name_every_choice() -> None:
    from threshc.train.deep.inputs import ENCODINGS
    from threshc.train.deep.optimizers import NAMES
    from threshc.train.deep.surrogates import ACTIVATIONS, LAYER_LOSSES, STRAIGHT_THROUGH
    from threshc.train.sampling import SAMPLERS

    for command, parameter, choices in (
        ("convex", "sampling", SAMPLERS),
        ("ftprop", "activation", ACTIVATIONS),
        ("ftprop", "encoding", ENCODINGS),
        ("ftprop", "loss", LAYER_LOSSES),
        ("ftprop", "optimizer", NAMES),
        ("rvscgd", "surrogate", STRAIGHT_THROUGH),
    ):
        help = help_of(command, parameter)
        assert help is not None
        assert [choice for choice in choices if choice not in help.text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_the_command_takes(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    found = click_command(command)
    example = found.help.rpartition("[dim]")[2].removesuffix("[/]").split()
    assert example[:3] == ["threshc", "train", command]
    context = found.context_class(found)
    _, rest, _ = found.make_parser(context).parse_args(args=example[3:])
    assert rest == []


def test_help_imports_nothing_heavy() -> None:
    code = f"""if 1:
        import sys
        from typer.testing import CliRunner
        from threshc.cli.app import app
        for words in (["--help"], *(["train", c, "--help"] for c in {list(COMMANDS)})):
            assert CliRunner().invoke(app, words).exit_code == 0, words
        print([m for m in ("torch", "sklearn", "scipy", "numpy", "onnx", "pandas") if m in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The estimator's arguments that a command would have trained with."""
    found: dict[str, Any] = {}

    def only_read(trainers: tuple[Trainer, ...], own: tuple[TrainerOption, ...], given: dict[str, Any]) -> None:
        (trainer,) = (t for t in trainers if t.regression == given.get("regression", False))
        found.update(values(own, given, trainer))

    monkeypatch.setattr(training_run, "run", only_read)
    return found


@pytest.mark.parametrize("trainer", WITH_COMMAND, ids=lambda trainer: trainer.estimator)
def test_without_options_the_estimator_has_its_defaults(trainer: Trainer, taken: dict[str, Any]) -> None:
    result = run(trainer.command, "--data", "x", "-o", "m.onnx", *(["--regression"] if trainer.regression else []))
    assert result.exit_code == 0, result.output
    defaults = {p.name: p.default for p in parameters(trainer)}
    texts = {name: shown(value) for name, value in defaults.items()}  # layers are given as text
    assert {k: v for k, v in taken.items() if v != defaults[k]} == {k: texts[k] for k in taken if k == "hidden"}
    left = set(defaults) - set(taken)
    assert left - set(ONLY_IN_PYTHON) == ({"patience"} if trainer.command == "convex" else set())


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (
            "convex --below 200,100 --sampling ternary,pair",
            {"layers_below": (200, 100), "sampling": ("ternary", "pair")},
        ),
        ("convex --patience 3 --validation 0.2", {"patience": 3, "early_stopping": True, "validation_fraction": 0.2}),
        ("convex --regression --no-standardize", {"standardize": False}),
        ("convex --no-fit-bias --tol 0.1 --starts 2", {"fit_bias": False, "tol": 0.1, "starts": 2}),
        ("ftprop --unscaled --batch 7 --rate 0.5", {"scale_gradients": False, "batch_size": 7, "learning_rate": 0.5}),
        ("ftprop --image 3x8x8 --output-loss hinge", {"image_shape": (3, 8, 8), "output_loss": "hinge"}),
        ("rvscgd --network lenet --refit 2", {"hidden": "lenet", "refit_epochs": 2}),
        ("lookup --thresholds 64,128 --surrogate relu", {"thresholds": [64.0, 128.0], "surrogate": "relu"}),
        ("ste --checkpoint run.pt --seed 5", {"checkpoint": Path("run.pt"), "random_state": 5}),
    ],
)
def test_options_become_arguments(words: str, wanted: dict[str, Any], taken: dict[str, Any]) -> None:
    result = run(*words.split(), "--data", "x", "-o", "m.onnx")
    assert result.exit_code == 0, (result.output, result.exception)
    assert {name: taken[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("convex --below 0", "'0' are not widths of layers\n  where: --below\n  try: 200, or 200,100"),
        ("lookup --thresholds x", "'x' is not a list of numbers\n  where: --thresholds\n  try: 128, or 64,128,192"),
        ("ste --image 8by8", "'8by8' is not a shape of images\n  where: --image\n  try: 1x28x28, or 28x28"),
        ("convex --regression --multiclass group", "--multiclass has no effect with --regression\n  where: --multi"),
        ("convex --no-standardize", "--no-standardize has no effect without --regression\n  where: --no-standardize"),
        ("convex --validation 0.2", "--validation has no effect without --patience\n  where: --validation"),
        ("rvscgd --lose 3", "--lose has no effect without --path\n  where: --lose"),
        ("rvscgd --path x", "'x' is not a list of numbers above 0\n  where: --path"),
    ],
)
def test_wrong_options_fail_before_samples_are_read(words: str, message: str) -> None:
    result = run(*words.split(), "--data", "nowhere.csv", "-o", "m.onnx")
    assert isinstance(result.exception, CompileError)
    assert str(result.exception).startswith(message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ste --batch 0", "x>=1"),
        ("lookup --pruned-by 2", "0.01<=x<=1"),
        ("ftprop --epochs many", "not a valid int"),
    ],
)
def test_bounds_are_those_of_the_table(words: str, message: str) -> None:
    result = run(*words.split(), "--data", "x.csv", "-o", "m.onnx")
    assert result.exit_code == 2
    assert message in result.output


ESTIMATOR = '''
from threshc.train.straight_through import StraightThroughClassifier

class Louder(StraightThroughClassifier):
    """Straight-through training whose sums are compared with more."""

    def __init__(self, hidden_units: int = 6, *, loudness: int = 2, callback: object = None, random_state: int = 0):
        super().__init__(hidden_units, epochs=3 * loudness, callback=callback, random_state=random_state)
        self.loudness = loudness
'''


def test_a_new_trainer_is_one_file_and_its_entries_in_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command trains, exports, simulates and draws without a word of it in `cli`."""
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    (tmp_path / "louder.py").write_text(ESTIMATOR)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(group, "TRAINERS", (*TRAINERS, Trainer("Louder", "louder", "louder", "Loud.", {"loudness": 3})))
    monkeypatch.setitem(threshc.train._HOMES, "Louder", "louder")
    texts = {"loudness": Help("N", "How loud.", least=1), "hidden_units": Help("N", "Width.", least=1, name="hidden")}
    monkeypatch.setitem(registry.OPTIONS, "louder", texts)
    assert "--loudness" in run("louder", "--help").stdout
    x = np.arange(40.0).reshape(20, 2)
    np.savez(tmp_path / "t.npz", x=x, y=(x[:, 0] > 18).astype(int))
    result = run("louder", "--data", tmp_path / "t.npz", "-o", tmp_path / "m.onnx", "--loudness", 4, "--hidden", 5)
    assert result.exit_code == 0, (result.output, result.exception)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["epochs", "12", "counted"] in rows
    assert ["labels", "equal", "to", "predict", "20", "of", "20", "simulated"] in rows
    assert (tmp_path / "m.onnx").is_file()

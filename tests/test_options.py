"""Options of circuits and of models as objects: what they take, what they refuse, and their JSON."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_type_hints

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError, keyword, option, spelled
from threshc.hdl.options import BOARD_LEVELS, MOST_EFFORT, USUAL_CIRCUIT, CircuitKeywords, CircuitOptions
from threshc.hdl.targets.registry import target, targets


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"neuron": "magic"}, "there is no neuron architecture 'magic'\n  where: neuron=\n  try: auto, "),
        ({"neuron": None}, "there is no neuron architecture None"),
        ({"neuron": ["tree"]}, "there is no neuron architecture"),
        ({"pipeline": 0}, "pipeline 0 is not understood\n  where: pipeline=\n  try: auto, none, layer, or a number"),
        ({"pipeline": -3}, "pipeline -3 is not understood"),
        ({"pipeline": "fast"}, "pipeline 'fast' is not understood"),
        ({"pipeline": "-3"}, "pipeline '-3' is not understood"),
        ({"pipeline": "\u0663"}, "pipeline '\u0663' is not understood"),
        ({"pipeline": "9" * 5000}, "is not understood"),
        ({"pipeline": True}, "pipeline True is not understood"),
        ({"pipeline": np.True_}, "is not understood"),
        ({"pipeline": 2.0}, "pipeline 2.0 is not understood"),
        ({"pipeline": None}, "pipeline None is not understood"),
        ({"scores": 1}, "scores 1 is not understood"),
        ({"scores": "exact"}, "scores 'exact' is not understood"),
        ({"dont_care": "true"}, "dont_care 'true' is not understood\n  where: dont_care=\n  try: True or False"),
        ({"dont_care": None}, "dont_care None is not understood"),
        ({"family": "ice41"}, "there is no device family 'ice41'; did you mean 'ice40'?\n  where: family="),
        ({"family": 40}, "there is no device family 40"),
        ({"family": ["ice40"]}, "there is no device family"),
        ({"effort": 0}, f"effort 0 is not understood\n  where: effort=\n  try: 1 to {MOST_EFFORT}"),
        ({"effort": MOST_EFFORT + 1}, f"effort {MOST_EFFORT + 1} is not understood"),
        ({"effort": True}, "effort True is not understood"),
        ({"effort": "2"}, "effort '2' is not understood"),
        ({"effort": 1.5}, "effort 1.5 is not understood"),
    ],
)
def test_wrong_values_are_refused_when_the_object_is_made(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(CompileError) as caught:
        CircuitOptions(**wrong)
    assert message in str(caught.value)


def test_numbers_of_numpy_and_numbers_as_text_are_numbers() -> None:
    made = CircuitOptions(pipeline=np.int8(4), effort=np.uint16(3))  # type: ignore[arg-type]
    assert made == CircuitOptions(pipeline="4", effort=3) == CircuitOptions(pipeline=4, effort=3)
    assert (type(made.pipeline), type(made.effort)) == (int, int)
    assert hash(made) == hash(CircuitOptions(pipeline=4, effort=3))


def test_options_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        USUAL_CIRCUIT.effort = 2  # type: ignore[misc]


def test_json_both_ways() -> None:
    for made in (
        USUAL_CIRCUIT,
        CircuitOptions("tree", 7, True, "ecp5", 3, True),
        CircuitOptions(pipeline="none", family="gowin"),
    ):
        text = json.dumps(made.to_json())
        assert CircuitOptions.from_json(json.loads(text), "report.json") == made
        assert list(made.to_json()) == [f.name for f in fields(CircuitOptions)]
    assert CircuitOptions.from_json({}, "report.json") == USUAL_CIRCUIT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"speed": "high"}, "option 'speed' is 'high', which this version does not know"),
        ([], "it is not an object of JSON"),
        ({"effort": "2"}, "effort '2' is not understood"),
    ],
)
def test_json_of_a_newer_version_is_refused_by_name(data: object, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        CircuitOptions.from_json(data, "report.json")
    assert message in str(caught.value)
    assert "  where: report.json" in str(caught.value)


def test_keywords_are_the_fields() -> None:
    """What type checkers know of `threshc.compile(..., neuron="tree")` is what the object takes."""
    assert list(get_type_hints(CircuitKeywords)) == [f.name for f in fields(CircuitOptions)]


@pytest.mark.parametrize("name", targets())
def test_a_target_settles_family_and_registers(name: str) -> None:
    chosen = target(name)
    settled = USUAL_CIRCUIT.settled(chosen)
    assert settled.family == chosen.device.family
    assert settled.pipeline == ("layer" if chosen.board is None else BOARD_LEVELS)
    assert CircuitOptions(pipeline=3).settled(chosen).pipeline == 3
    assert settled.settled(chosen) == settled.settled() == settled
    other = "ecp5" if chosen.device.family != "ecp5" else "ice40"
    with pytest.raises(CompileError, match="is of the device family"):
        CircuitOptions(family=other).settled(chosen)


def test_without_a_target_there_is_a_register_behind_every_layer() -> None:
    assert USUAL_CIRCUIT.settled() == CircuitOptions(pipeline="layer")


def test_options_are_spelled_for_those_who_read() -> None:
    assert [option("neuron"), option("neuron", "auto"), option("large", True)] == [
        "neuron=",
        "neuron='auto'",
        "large=True",
    ]
    with spelled(lambda name, value: f"<{name}|{value}>"):
        assert option("effort", 2) == "<effort|2>"
        with spelled(keyword):
            assert option("effort", 2) == "effort=2"
        assert option("effort") == "<effort|None>"
    assert option("effort") == "effort="

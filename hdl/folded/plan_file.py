"""A folding as JSON that people write, and `threshc plan` writes: what each layer, by its name, is made as.

    {"entry": 14, "layers": [{"layer": "fc1", "kind": "folded", "pe": 16, "simd": 56, "store": "block"},
                             {"layer": "fc2", "kind": "unrolled"}]}

`store` is `block` where it is omitted, `serial` and `rows` (a row of weights for every threshold of a neuron) false,
`entry` (features in a beat) as the first layer takes them. `buffer`, in chunks, and `queue`, in places for answers, are
as many as let nothing wait that need not, where they are omitted. The report that `threshc plan --json` prints is such
a file, too: its figures are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from threshc.compiler.bounded import parse_json
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.hdl.folded.fold import STORES, WHOLE, Choice, Fold, as_text, parse
from threshc.hdl.folded.network import named_layers

_MOST = 999_999
_SHAPE = '{"entry": 14, "layers": [{"layer": NAME, "kind": "folded", "pe": 16, "simd": 56}, ..]}'
_FIGURES = {
    "": "model target fold interval_cycles latency_cycles clock_hz clock_assumed samples_per_second luts ffs brams "
    "sprams",
    "layer": "inputs neurons positions buffer_bits cycles utilization luts ffs brams sprams bottleneck",
}
"""Keys of a report's figures, which are not read: of the whole, and of a layer."""
_KEYS = {"": "entry layers", "layer": "layer kind pe simd store serial rows buffer queue"}


class PlanFile(NamedTuple):
    """layers: name and choice of each, in the file's order; entry: features in a beat, 0 where it says nothing."""

    layers: tuple[tuple[str, Choice], ...]
    entry: int

    def text(self) -> str:
        """Returns it as JSON in one line, the same for the same plan."""
        return json.dumps(self._head() | {"layers": self._layers()})

    def pretty(self) -> str:
        """Returns it as JSON for people, a layer a line."""
        layers = ",\n".join(f"    {json.dumps(layer)}" for layer in self._layers())
        head = "".join(f'  "{key}": {value},\n' for key, value in self._head().items())
        return f'{{\n{head}  "layers": [\n{layers}\n  ]\n}}\n'

    def _head(self) -> dict[str, Any]:
        return {"entry": self.entry} if self.entry else {}

    def _layers(self) -> list[dict[str, object]]:
        return [{"layer": name} | choice.as_dict() for name, choice in self.layers]

    def ordered(self, names: Sequence[str]) -> tuple[Choice, ...]:
        """Returns the choices in the order of a network's layers. Raises CompileError unless it names each once."""
        given = dict(self.layers)
        for name in given:
            if name not in names:
                raise _wrong(f"the network has no layer {name!r} to fold", "it names another layer", _listed(names))
        for name in names:
            if name not in given:
                raise _wrong(f"the plan does not name layer {name!r}", "every layer has a kind", _listed(names))
        return tuple(given[name] for name in names)


def read_plan(data: bytes, where: str = "") -> PlanFile:
    """Reads the JSON of a plan. where: the file that it is from, if any. Raises CompileError for what is none, with the
    place in it."""
    found = parse_json(data, where or option("fold"), what="plan")
    if not isinstance(found, dict):
        raise _wrong("the plan is not an object", f"it is {_kind(found)}", _SHAPE)
    _keys(found, "", "the plan")
    layers = found.get("layers")
    if not isinstance(layers, list) or not layers:
        raise _wrong("the plan has no layers", '"layers" is a list of one object for each layer', _SHAPE)
    made: dict[str, Choice] = {}
    for k, layer in enumerate(layers):
        name, choice = _layer(layer, f"layers[{k}]")
        if name in made:
            raise _wrong(f"the plan names layer {name!r} twice", f"layers[{k}] is the second", "name every layer once")
        made[name] = choice
    return PlanFile(tuple(made.items()), _number(found, "entry", "the plan") if "entry" in found else 0)


def _layer(layer: object, where: str) -> tuple[str, Choice]:
    if not isinstance(layer, dict):
        raise _wrong(f"{where} is not an object", f"it is {_kind(layer)}", _SHAPE)
    _keys(layer, "layer", where)
    name, kind, store = layer.get("layer"), layer.get("kind"), layer.get("store", "block")
    if not isinstance(name, str):
        raise _wrong(f"{where} names no layer", '"layer" is the name of one', "`threshc show MODEL` lists the layers")
    if isinstance(kind, str) and kind in WHOLE:
        if given := [key for key in ("pe", "simd", "store", "serial", "rows", "buffer", "queue") if key in layer]:
            why = f"it has {', '.join(given)}, which a layer of kind {kind!r} has not"
            raise _wrong(f"{where} ({name}) cannot be understood", why, "omit them, or fold it")
        return name, WHOLE[kind]
    if kind != "folded":
        raise _wrong(f"{where} ({name}) has kind {kind!r}", "it is none", f"folded, {' or '.join(WHOLE)}")
    if not isinstance(store, str) or store not in STORES.values():
        raise _wrong(f"{where} ({name}) has store {store!r}", "it is none", ", ".join(STORES.values()))
    pe, simd = (_number(layer, key, f"{where} ({name})") for key in ("pe", "simd"))
    hints = {"serial": "true for bits one by one", "rows": "true for a row of weights for every threshold"}
    for key, hint in hints.items():
        if not isinstance(layer.get(key, False), bool):
            raise _wrong(f"{where} ({name}) has {key} {layer[key]!r}", "it is true or false", hint)
    buffer, queue = (_number(layer, key, f"{where} ({name})") if key in layer else 0 for key in ("buffer", "queue"))
    store = next(known for known in STORES.values() if known == store)
    return name, Fold(pe, simd, store, buffer, queue, layer.get("serial", False), layer.get("rows", False))


def _keys(found: Mapping[str, Any], of: str, where: str) -> None:
    known = _KEYS[of].split()
    for key in found:
        if key not in (*known, *_FIGURES[of].split()):
            raise _wrong(f"{where} has the key {key!r}", "it means nothing here", f"one of {', '.join(known)}")


def _number(found: Mapping[str, Any], key: str, where: str) -> int:
    value = found.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
        what = f"has {key} {value!r}" if key in found else f"has no {key}"
        raise _wrong(f"{where} {what}", "it is a number of 1 or more", f"an integer from 1 to {_MOST:,}")
    return value


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", type(None): "null", bool: "a truth value"}.get(type(value), "a number")


def _listed(names: Sequence[str]) -> str:
    return f"the layers are {', '.join(names)}"


def _wrong(what: str, why: str, hint: str) -> Exception:
    return fail(what, where=option("fold"), why=why, hint=hint)


def is_json(text: str) -> bool:
    """Returns whether a fold is the JSON of a plan, which names layers."""
    return text.lstrip().startswith("{")


def read_fold(text: str) -> tuple[tuple[Choice, ...], int]:
    """Returns what `parse` does, of JSON too, in the order of the file. Raises CompileError for texts of neither."""
    if isinstance(text, str) and is_json(text):
        plan = read_plan(text.encode())
        return tuple(choice for _, choice in plan.layers), plan.entry
    return parse(text)


def settled(text: str, network: Network) -> str:
    """Returns JSON as the text that says the same of a network's layers, in their order; other texts unchanged.

    Raises CompileError where the JSON does not name each of the layers once.
    """
    if not is_json(text):
        return text
    plan = read_plan(text.encode())
    return as_text(plan.ordered([layer.name for layer in named_layers(network)]), plan.entry)

"""Mutations of certificates as plain data: some at random, most of them aimed at what a checker might take on trust."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from fuzz.certificate_bases import Base, bases
from threshc.hdl.proof.fingerprint import fingerprint

Data = dict[str, Any]
Mutator = Callable[[random.Random, Data, Base], None]
_STRANGE = (
    -1,
    0,
    1,
    2,
    7,
    127,
    128,
    2**31,
    2**32,
    2**63,
    2**64,
    10**30,
    -(10**30),
    1.0,
    0.5,
    True,
    False,
    None,
    "1",
    "",
)


def mutated(rng: random.Random, base: Base) -> tuple[Data, list[str]]:
    """One to four mutations of a certificate: the data, and the names of the mutations."""
    data: Data = json.loads(base.data)
    names = []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        mutator = rng.choice(MUTATORS)
        try:
            mutator(rng, data, base)
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            continue  # nothing there to be changed, or an earlier mutation has left something else
        names.append(mutator.__name__)
        data = json.loads(json.dumps(data))  # parts that are one list now would be changed together from here on
    return data, names


def _places(data: Any, rng: random.Random) -> tuple[Any, Any]:
    """A container somewhere in the data, and one of its keys."""
    place: Any = data
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = rng.choice(keys)
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.15:
            return place, key
        place = inner


def scalar(rng: random.Random, data: Data, base: Base) -> None:
    place, key = _places(data, rng)
    old = place[key]
    near = (old + 1, old - 1, old ^ 1, old ^ 2, 2 * old) if type(old) is int else ()
    place[key] = rng.choice((*near, *near, rng.choice(_STRANGE)))


def strange(rng: random.Random, data: Data, base: Base) -> None:
    place, key = _places(data, rng)
    place[key] = rng.choice((*_STRANGE, [], {}, [[]], [0], {"0": 0}))


def dropped(rng: random.Random, data: Data, base: Base) -> None:
    place, key = _places(data, rng)
    del place[key]


def repeated(rng: random.Random, data: Data, base: Base) -> None:
    place, key = _places(data, rng)
    place.insert(rng.randrange(len(place) + 1), json.loads(json.dumps(place[key])))


def exchanged(rng: random.Random, data: Data, base: Base) -> None:
    place, key = _places(data, rng)
    other = rng.randrange(len(place))
    place[key], place[other] = place[other], place[key]


def emptied(rng: random.Random, data: Data, base: Base) -> None:
    place, key = _places(data, rng)
    place[key] = type(place[key])()


def truncated(rng: random.Random, data: Data, base: Base) -> None:
    part = data[rng.choice(("luts", "registers", "outputs", "claims", "selections", "fields"))]
    del part[rng.randrange(len(part)) :]


def number_aliased(rng: random.Random, data: Data, base: Base) -> None:
    """One number takes the value of another anywhere in the same part."""
    part = data[rng.choice(("luts", "registers", "values", "outputs", "claims", "selections"))]
    (a, k), (b, m) = _places(part, rng), _places(part, rng)
    a[k] = json.loads(json.dumps(b[m]))


def value_aliased(rng: random.Random, data: Data, base: Base) -> None:
    values = data["values"]
    a, b = rng.choice(list(values)), rng.choice(list(values))
    count = min(len(values[a]), len(values[b]))
    values[a][:count] = values[b][:count]


def value_never_made(rng: random.Random, data: Data, base: Base) -> None:
    data["values"][rng.choice(list(data["values"]))] = []


def field_constant(rng: random.Random, data: Data, base: Base) -> None:
    """A field of zeros, of a value that is said to be never made."""
    at = rng.randrange(len(data["fields"]))
    start = sum(width for _, _, width in data["fields"][:at])
    name, value, width = data["fields"][at]
    data["outputs"][start : start + width] = [rng.choice((0, 0, 1)) for _ in range(width)]
    if rng.random() < 0.5:
        data["values"][str(value)] = []
    if rng.random() < 0.3:
        data["fields"][at] = [name, value, 0]


def fields(rng: random.Random, data: Data, base: Base) -> None:
    """Fields of other names, values and widths, fewer of them, or twice, with and without their bits."""
    given = data["fields"]
    at = rng.randrange(len(given))
    start, width = sum(w for _, _, w in given[:at]), given[at][2]
    match rng.randrange(7):
        case 0:
            given[at][0] = rng.choice(("class", "scores", "bits", "tap0", "tap1"))
        case 1:
            given[at][1] = rng.randrange(len(base.network.ops))
        case 2:
            given[at][2] += rng.choice((-1, 1))
        case 3:
            del given[at]
        case 4:
            del given[at], data["outputs"][start : start + width]
        case 5:
            given.append(given[at])
            data["outputs"] += data["outputs"][start : start + width]
        case _:
            rng.shuffle(given)


def output_changed(rng: random.Random, data: Data, base: Base) -> None:
    outputs = data["outputs"]
    at = rng.randrange(len(outputs))
    others = (outputs[at] ^ 1, 0, 1, rng.choice(outputs), 2 * rng.choice(data["luts"])[0] + rng.randrange(2))
    outputs[at] = rng.choice(others)


def table_changed(rng: random.Random, data: Data, base: Base) -> None:
    cell = rng.choice(data["luts"])
    size = 1 << len(cell[1])
    match rng.randrange(4):
        case 0:
            cell[2] ^= 1 << rng.randrange(size)
        case 1:
            cell[2] ^= (1 << size) - 1
        case 2:
            cell[2] = rng.randrange(1 << size)
        case _:
            cell[2] = rng.choice((0, (1 << size) - 1))


def wire_changed(rng: random.Random, data: Data, base: Base) -> None:
    cell = rng.choice(data["luts"])
    cell[1][rng.randrange(len(cell[1]))] = rng.randrange(cell[0]) if rng.random() < 0.9 else rng.randrange(2 * cell[0])


def readers_moved(rng: random.Random, data: Data, base: Base) -> None:
    """Everything that reads one node reads another one: tables, registers, outputs, values, claims alike."""
    old, new = rng.choice(data["luts"])[0], rng.choice(data["luts"])[0]
    for cell in data["luts"]:
        if cell[0] > new:
            cell[1] = [new if x == old else x for x in cell[1]]
    if rng.random() < 0.5:
        _literals(data, {old: new})


def _literals(part: Any, moved: dict[int, int]) -> None:
    for key in ("outputs", "values", "claims", "selections"):
        part[key] = json.loads(json.dumps(part[key]), parse_int=lambda s: _moved(int(s), moved))


def _moved(lit: int, moved: dict[int, int]) -> int:
    return 2 * moved[lit >> 1] + (lit & 1) if lit >> 1 in moved else lit


def register_changed(rng: random.Random, data: Data, base: Base) -> None:
    register = rng.choice(data["registers"])
    register[1] = rng.choice((rng.randrange(register[0]), rng.choice(data["registers"])[1]))


def register_is_a_wire(rng: random.Random, data: Data, base: Base) -> None:
    register = rng.choice(data["registers"])
    data["registers"].remove(register)
    data["luts"].append([register[0], [register[1]], rng.choice((0b10, 0b01))])


def register_more(rng: random.Random, data: Data, base: Base) -> None:
    """A table becomes a register of one of its operands."""
    cell = rng.choice(data["luts"])
    data["luts"].remove(cell)
    data["registers"].append([cell[0], rng.choice(cell[1])])


def latency(rng: random.Random, data: Data, base: Base) -> None:
    data["latency"] += rng.choice((-1, 1, 2))


def claims_dropped(rng: random.Random, data: Data, base: Base) -> None:
    data["claims"] = [] if rng.random() < 0.3 else [c for c in data["claims"] if rng.random() < 0.7]


def claim_without_steps(rng: random.Random, data: Data, base: Base) -> None:
    rng.choice(data["claims"])[1] = []


def claims_mixed(rng: random.Random, data: Data, base: Base) -> None:
    """Columns, steps or word of one claim in another."""
    a, b = rng.choice(data["claims"]), rng.choice(data["claims"])
    part = rng.randrange(3)
    a[part] = b[part]


def claim_of_something_else(rng: random.Random, data: Data, base: Base) -> None:
    """A heap that is its own word, or the word of another with a digit more, less, or inverted."""
    claim = rng.choice(data["claims"])
    match rng.randrange(4):
        case 0:
            word = [column[0] if column else 0 for column in claim[0]]
            data["claims"].append([[[lit] if lit else [] for lit in word], [], word])
        case 1:
            claim[2].append(0)
            claim[0].append([])
        case 2:
            claim[2].pop()
            claim[0].pop()
        case _:
            claim[2][rng.randrange(len(claim[2]))] ^= 1


def literal_moved(rng: random.Random, data: Data, base: Base) -> None:
    """A bit of a heap in another column, gone, twice, or inverted."""
    columns = rng.choice(data["claims"])[0]
    column = rng.choice([c for c in columns if c])
    lit = column.pop(rng.randrange(len(column)))
    target = rng.choice(columns)
    target += rng.choice(([lit], [], [lit, lit], [lit ^ 1], [1, lit ^ 1]))


def steps_changed(rng: random.Random, data: Data, base: Base) -> None:
    steps = rng.choice([c for c in data["claims"] if c[1]])[1]
    at = rng.randrange(len(steps))
    column, inputs, outputs = steps[at]
    match rng.randrange(7):
        case 0:
            steps[at][0] = column + rng.choice((-1, 1))
        case 1:
            other = rng.randrange(len(steps))
            steps[at], steps[other] = steps[other], steps[at]
        case 2:
            inputs.pop(rng.randrange(len(inputs)))
        case 3:
            outputs.pop(rng.randrange(len(outputs)))
        case 4:
            rng.choice(outputs)[0] += rng.choice((-1, 1, 100))
        case 5:
            term = rng.choice(rng.choice([inputs, [t for _, t in outputs]]))
            term[0] ^= 1
        case _:
            steps.pop(at)


def matches_changed(rng: random.Random, data: Data, base: Base) -> None:
    matches = data["selections"]
    match = rng.choice(matches)
    match rng.randrange(5):
        case 0:
            rng.shuffle(matches)
        case 1:
            match[0] = rng.choice((match[0] ^ 1, 0, 1, rng.choice(matches)[0]))
        case 2:
            match[1] = rng.choice(matches)[1]
        case 3:
            match[2] = rng.choice(matches)[2]
        case _:
            word = rng.choice(match[1:])
            word[rng.randrange(len(word))] ^= 1


def replacement_made_up(rng: random.Random, data: Data, base: Base) -> None:
    """A table replaced by another one, with a window of what it reads, or with one that says too much."""
    cell = rng.choice(data["luts"])
    reads = sorted(set(cell[1]) - {0})
    table = cell[2] ^ 1 << rng.randrange(1 << len(cell[1]))
    windows = (
        [[[x], [x]] for x in reads],
        [[reads, reads]],
        [[[cell[0]], [cell[0]]]],
        [[[cell[0]], reads]],
        [],
        [[reads, []]],
        [[[], reads]],
    )
    data["replaced"].append([cell[0], cell[1], table, rng.choice(windows)])


def replacement_changed(rng: random.Random, data: Data, base: Base) -> None:
    new = rng.choice(data["replaced"])
    match rng.randrange(4):
        case 0:
            new[2] ^= 1 << rng.randrange(1 << len(new[1]))
        case 1:
            new[3].pop(rng.randrange(len(new[3])))
        case 2:
            leaves = rng.choice(new[3])[rng.randrange(2)]
            leaves.pop(rng.randrange(len(leaves)))
        case _:
            new[1][rng.randrange(len(new[1]))] = rng.randrange(new[0])


def another_certificate(rng: random.Random, data: Data, base: Base) -> None:
    """All or a part of the certificate of another network, or of other options, made out for this one."""
    other = json.loads(rng.choice(bases()).data)
    keys = [key for key in data if key not in ("format", "network")]
    for key in keys if rng.random() < 0.5 else rng.sample(keys, rng.randrange(1, 4)):
        data[key] = other[key]
    data["network"] = fingerprint(base.network)


MUTATORS: tuple[Mutator, ...] = (
    *(scalar, strange, dropped, repeated, exchanged, emptied, truncated, number_aliased, value_aliased),
    *(value_never_made, field_constant, fields, output_changed, table_changed, table_changed, wire_changed),
    *(readers_moved, register_changed, register_is_a_wire, register_more, latency, claims_dropped),
    *(claim_without_steps, claims_mixed, claim_of_something_else, literal_moved, steps_changed, matches_changed),
    *(replacement_made_up, replacement_changed, another_certificate),
)

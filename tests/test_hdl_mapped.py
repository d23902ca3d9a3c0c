"""Pre-mapped cells of every family: evaluated bit by bit, equal to the reference in every output and tap."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from architectures import WIDE
from circuit_values import Values, columns, rows

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.families.registry import families
from threshc.hdl.logic.mapping import flipped, merged
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.lower import lower
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.sim import reference
from threshc.sim.inputs import encode

pytestmark = pytest.mark.slow


def evaluate(design: Design, family: str, x: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Output words (N, bits) of the mapped cells."""
    circuit = lower(design.netlist, design.inputs, design.outputs)
    cells, flips = flipped(circuit, merged(circuit, families()[family].inputs))
    words = pack(design.network, encode(design.network, x))
    inputs = columns(words, design.interface.input.bits)
    values = Values(circuit, inputs, (1 << len(words)) - 1, cells, flips)
    return rows(values.literals(circuit.outputs), len(words))


@pytest.mark.parametrize("family", families())
@pytest.mark.parametrize("neuron", [*WIDE, "auto"])
@pytest.mark.parametrize("pipeline", ["layer", 2])
def test_cells_equal_the_reference(family: str, neuron: str, pipeline: str | int) -> None:
    rng = np.random.default_rng(3)
    network = networks.random_dense(rng, (14, 9, 6, 5), "int")
    samples = networks.random_samples(rng, network, 50)
    design = build_design(network, CircuitOptions(neuron=neuron, pipeline=pipeline, scores=True, family=family))
    got = evaluate(design, family, samples)
    want = reference.evaluate(network, encode(network, samples))
    for field in design.interface.fields:
        bits = got[:, field.offset : field.offset + field.width].reshape(len(samples), -1, field.element_width)
        flat = want[field.value].reshape(len(samples), -1, 1) >> np.arange(field.element_width) & 1
        np.testing.assert_array_equal(bits, flat, err_msg=field.name)


@pytest.mark.parametrize("family", families())
def test_the_text_has_the_cells(family: str) -> None:
    network = networks.random_dense(np.random.default_rng(4), (20, 8, 4))
    design = build_design(network, CircuitOptions(family=family))
    text = mapped_verilog(design, family)
    assert text == mapped_verilog(build_design(network, CircuitOptions(family=family)), family)
    cells = {kind for kind, luts in families()[family].counting.luts.items() if luts and f"  {kind} #(" in text}
    assert cells
    for port in ("i_payload", "i_valid", "i_ready", "o_payload", "o_valid", "o_ready", "clk", "rst"):
        assert port in text.partition(");")[0]


def test_unknown_family() -> None:
    with pytest.raises(CompileError, match="there is no device family 'ice4'; did you mean 'ice40'"):
        mapped_verilog(build_design(networks.xor()), "ice4")
    with pytest.raises(CompileError, match="there is no device family 'stratix'"):
        build_design(networks.xor(), CircuitOptions(family="stratix"))


def test_fewer_tables_than_full_adders() -> None:
    """The figures of docs/research/sharing.md, with room: LUTs per synapse of +-1 neurons, comparators included."""
    network = networks.random_dense(np.random.default_rng(1), (64, 64), outputs="bits")
    for neuron, size, most in (("pairs", 4, 0.70), ("counters", 6, 0.47)):
        design = build_design(network, CircuitOptions(neuron=neuron))
        circuit = lower(design.netlist, design.inputs, design.outputs)
        assert len(merged(circuit, size)) < most * 64 * 64

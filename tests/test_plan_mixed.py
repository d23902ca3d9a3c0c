"""Plans that choose for each layer whether to fold it: the fastest that fits, the smallest for a rate."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from test_folded_mixed import pixels_weighed
from test_folded_network import signs_network

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.fold import ByPosition, Fold, Unrolled
from threshc.hdl.folded.network import folded_network, unfoldable
from threshc.hdl.folded.plan import fastest, smallest
from threshc.hdl.targets.registry import target
from threshc.tasks.plan import plan


def wide(*sizes: int) -> Network:
    return signs_network(np.random.default_rng(1), sizes, pixels=True)


def test_small_layers_stay_unrolled_and_large_ones_are_folded() -> None:
    """A network too large to be unrolled whole: a layer of a few synapses is smaller unrolled."""
    found = plan(wide(784, 128, 8, 3, 10), target="ecp5-25f", target_fps=1e5).plan
    kinds = [type(layer.fold) for layer in found.layers]
    assert kinds[0] is Fold
    assert kinds[2] is Unrolled
    assert found.layers[2].cycles == 1


def test_the_fastest_is_unrolled_where_it_fits() -> None:
    made = wide(32, 16, 10)
    assert str(plan(made, target="ecp5-85f").plan) == "unrolled,unrolled@32"
    read, device = folded_network(made), target("ecp5-85f").device
    folded = fastest(read, device, unrolled=False)
    assert all(isinstance(fold, Fold) for fold in folded.folds)
    assert folded.interval > 1


@pytest.mark.parametrize("device", ["up5k-sg48", "hx8k-ct256", "ecp5-25f", "gw2ar-18c"])
@pytest.mark.parametrize("sizes", [(96, 64, 32, 10), (256, 64, 64, 10)])
def test_choosing_is_never_worse_and_can_be_made(device: str, sizes: tuple[int, ...]) -> None:
    read, one = folded_network(wide(*sizes)), target(device).device
    free, folded = fastest(read, one), fastest(read, one, unrolled=False)
    assert free.interval <= folded.interval
    for interval in (folded.interval, 4 * folded.interval, 10**6):
        small, alone = smallest(read, one, interval), smallest(read, one, interval, unrolled=False)
        assert small is not None
        assert alone is not None
        assert small.luts <= 1.01 * alone.luts + 20  # entries and converters differ a little
        assert small.interval <= interval
    if sum(isinstance(fold, Unrolled) for fold in small.folds) <= 1:
        chain = folded_chain(read.network, small.folds, entry=small.entry)
        assert chain.interface.timing.interval == small.interval


@pytest.mark.parametrize("made", [lambda: networks.random_conv(np.random.default_rng(3)), pixels_weighed])
def test_what_cannot_be_folded_stays_unrolled(made: object) -> None:
    network = made()  # type: ignore[operator]
    found = plan(network, target="ecp5-85f").plan
    stay = unfoldable(network)
    assert all(isinstance(found.folds[k], Unrolled) for k in stay)


def test_a_large_network_is_planned() -> None:
    made = wide(784, 1024, 1024, 1024, 10)
    assert plan(made, target="ecp5-85f").plan.interval <= 512
    with pytest.raises(CompileError, match="no folding of the network fits"):
        plan(made, target="up5k-sg48")


def test_maps_are_folded_over_positions_where_that_is_fastest() -> None:
    """A position a cycle needs all weights at once: as constants they fit where PE x SIMD would be too large."""
    made = networks.random_conv(np.random.default_rng(3), size=16)
    read, device = folded_network(made), target("ecp5-25f").device
    found = fastest(read, device)
    assert any(isinstance(fold, ByPosition | Unrolled) for fold in found.folds)
    small = smallest(read, device, 300)
    assert small is not None
    assert ByPosition() in small.folds
    assert small.interval <= 300
    chain = folded_chain(made, small.folds, entry=small.entry)
    assert chain.interface.timing.interval == small.interval
    slow = smallest(read, device, 10**6)
    assert slow is not None
    assert slow.luts <= small.luts


@pytest.mark.parametrize(
    "fold", ["position,pool,position,1x16", "position,position,1x1,1x4", "1x1,position,position,1x4"]
)
def test_positions_beside_others_are_planned_as_they_are_made(fold: str) -> None:
    made = networks.random_conv(np.random.default_rng(3))
    chosen = plan(made, target="ecp5-25f", fold=fold).plan
    assert folded_chain(made, chosen.folds, entry=chosen.entry).interface.timing.interval == chosen.interval

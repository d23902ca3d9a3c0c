"""Folded accelerators for MNIST that others have published, and what is not comparable about each of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One published circuit; figures that are not stated are None.

    synapses: of its network; images: per second; luts: as its tools count them; memory: in words; mhz: of its clock;
    cycles: an image; accuracy: in percent; source: where it stands; unlike: what is not comparable with ours.
    """

    name: str
    synapses: int | None
    cycles: float | None
    images: float | None
    luts: int | None
    memory: str | None
    mhz: float | None
    accuracy: float | None
    source: str
    unlike: str

    @property
    def a_lane(self) -> float | None:
        """LUTs for every synapse that is computed in a cycle."""
        if self.synapses is None or self.cycles is None or self.luts is None:
            return None
        return self.luts * self.cycles / self.synapses


_ZYNQ = "LUT6 placed by Vivado on a 28 nm Zynq; ours are LUT4 of Yosys on 40 nm parts with open tools"
PUBLISHED = {
    p.name: p
    for p in (
        Published(
            "FINN SFC-max",
            334_336,
            200 / 12.3,
            12.3e6,
            91_131,
            "4.5 BRAM36",
            200,
            95.8,
            "Umuroglu et al. 2017: images/s and accuracy in the abstract, the others in table 3, quoted from memory",
            f"784-256-256-256-10, thresholds and streams included; {_ZYNQ}",
        ),
        Published(
            "FINN LFC-max",
            2_910_208,
            200 / 1.561,
            1.561e6,
            82_988,
            "396 BRAM36",
            200,
            98.4,
            "Umuroglu et al. 2017, table 3, quoted from memory",
            f"784-1024-1024-1024-10 on a ZC706; {_ZYNQ}",
        ),
        Published(
            "FINN SFC-fix",
            334_336,
            None,
            12.2e3,
            5_155,
            "16 BRAM36",
            200,
            None,
            "Umuroglu et al. 2017, table 3, quoted from memory",
            f"folded for 9,000 images/s, not for what fits; {_ZYNQ}",
        ),
        Published(
            "FINN LFC of BNN-PYNQ",
            2_910_208,
            512,
            None,
            28_360,
            "110 BRAM36",
            None,
            None,
            "github.com/Xilinx/BNN-PYNQ, bnn/src/network/lfcW1A1/README.md, with its design around it",
            f"on a Zynq 7020, 512 cycles an image by its config.h, AXI and DMA included; {_ZYNQ}",
        ),
        Published(
            "pocket-bnn",
            None,
            None,
            1e5,
            None,
            None,
            25,
            75,
            "github.com/marph91/pocket-bnn, README: less than 10 us an image at 100 MHz, in simulation",
            "a small convolutional network on an ULX3S with open tools too: 17,276 slices of the ECP5-85F, which "
            "hold two LUT4 each",
        ),
    )
}


def finn_r(pe: int, simd: int) -> float:
    """LUT6 of a unit of 1-bit weights and activations by FINN-R's fit, read as 300 + 1.1 a lane (Blott et al. 2018).

    FINN's own code of today estimates more: XNORs, adder tree, accumulators and thresholds are 6 LUTs a lane before
    the factor 1.1 (finn, matrixvectoractivation, lut_estimation).
    """
    return 300 + 1.1 * pe * simd

"""The image in a board's flash proved to fill the memories of its circuit with the network's integers."""

from __future__ import annotations

from dataclasses import replace

from threshc.hdl.folded.certify import outside, part_claims
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.unit import FoldedUnit
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.flash_image import read_flash_image
from threshc.hdl.proof.folded_memory import FoldedLayerClaim
from threshc.hdl.proof.folded_network import check_network
from threshc.hdl.shell.image import image_crc, make_image
from threshc.hdl.shell.protocol import fingerprint


def prove_flash(chain: FoldedChain, data: bytes) -> int:
    """Returns how many words an image has, all of which are read back to the weights and thresholds of the network, in
    the place of those that `chain` has in its memories; the board that is made of it takes no other image.

    Raises Unproved, with the place, where something is not so.
    """
    claims, loaded = list(part_claims(chain)), dict[int, FoldedLayerClaim]()
    for k, (part, claim) in enumerate(zip(chain.parts, claims, strict=True)):
        if isinstance(part, FoldedUnit) and part.store == "spram":
            assert isinstance(claim, FoldedLayerClaim)
            loaded[k] = claim
    image = read_flash_image(data, list(loaded.values()))
    if image.mark != fingerprint(chain.interface):
        raise Unproved("it has the mark of another network")
    for (k, claim), memory in zip(loaded.items(), image.memories, strict=True):
        claims[k] = replace(claim, memory=memory)
    check_network(chain.interface.network, outside(chain), claims)
    if image.crc != image_crc(make_image(chain.interface)):
        raise Unproved("the board would not take it: the circuit wants another CRC-32")
    return image.words

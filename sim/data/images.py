"""A folder of images as samples, sorted by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threshc.compiler.bounded import open_regular
from threshc.compiler.diagnostics import CompileError, fail
from threshc.sim.data import formats
from threshc.sim.data.formats import Block, Blocks

if TYPE_CHECKING:
    from PIL import Image

_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".gif", ".tif", ".tiff")


def image_blocks(path: Path) -> Blocks:
    """Yields one sample per image, (C, H, W), (H, W) where it is grey; all of one size. Grey of 16 bits keeps its
    bits."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise fail("reading images needs Pillow", where=str(path), hint="pip install pillow") from None
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _IMAGES)
    if not files:
        raise fail("the folder holds no images", where=str(path), hint=", ".join(_IMAGES))
    made: list[Block] = []
    shape: tuple[int, ...] = ()
    for k, file in enumerate(files):
        try:
            with open_regular(file) as opened, Image.open(opened) as image:
                if getattr(image, "n_frames", 1) > 1:
                    raise _bad_image(k, file, "it holds several images")
                if "A" in image.getbands() and image.getchannel("A").getextrema() != (255, 255):
                    raise _bad_image(k, file, "it is transparent in places")
                pixels = _pixels(image)
        except (
            OSError,
            ValueError,
            SyntaxError,
            Warning,
            UnidentifiedImageError,
            Image.DecompressionBombError,
        ) as error:
            raise _bad_image(k, file, str(error)) from None
        shape = shape or pixels.shape
        if pixels.shape != shape:
            raise _bad_image(k, file, f"it has shape {pixels.shape}, the images before it {shape}")
        made.append(pixels)
        if len(made) == formats.rows_per_block(pixels.shape, 1) or k == len(files) - 1:
            yield np.stack(made), len(files)
            made = []


def _pixels(image: Image.Image) -> Block:
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        found: Block = np.asarray(image)
        return found.astype(found.dtype.newbyteorder("="), copy=False)
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))
    rgb = np.moveaxis(np.asarray(image.convert("RGB")), -1, 0)
    return rgb[0] if image.mode in ("P", "PA") and (rgb == rgb[0]).all() else rgb  # a palette of greys


def _bad_image(index: int, file: Path, why: str) -> CompileError:
    return fail(f"sample {index} cannot be taken", where=str(file), why=why)

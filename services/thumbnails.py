"""Small pictures of pictures."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

import runtime

log = logging.getLogger("parley.services")

SIDE = 480
"""Pixels of a thumbnail's longer side."""

PIXELS = 50_000_000
"""Pixels of a picture that is still decoded: a small file can hold a huge picture."""

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_one_at_a_time = threading.Semaphore(1)


@dataclass(slots=True, frozen=True)
class Picture:
    """What is known of a picture; the thumbnail may be missing."""

    width: int
    height: int
    has_thumbnail: bool


def describe(source: Path, thumbnail: Path) -> Picture | None:
    """A picture's size, and its thumbnail in `thumbnail`; None where the file cannot be read as a picture.

    Decoding takes a core for a while: off the event loop, and one at a time.
    """
    with _one_at_a_time:
        return runtime.run_blocking(_describe, source, thumbnail)


def _describe(source: Path, thumbnail: Path) -> Picture | None:
    try:
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            if width * height > PIXELS:
                return Picture(width, height, False)
            image.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(image)
            if upright.size != image.size and image.getexif().get(0x0112, 1) > 4:
                width, height = height, width
            upright.thumbnail((SIDE, SIDE))
            upright.convert("RGBA" if "A" in upright.getbands() or upright.mode == "P" else "RGB").save(
                thumbnail, "WEBP"
            )
            return Picture(width, height, True)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None

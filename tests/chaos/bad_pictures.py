"""Valid and invalid snapshots: other sizes and formats, truncated, bits flipped, headers of gigapixel images."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from video_analysis.tests.chaos.bad_clips import Broken
from video_analysis.worker_utils.imaging import crop
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES
from video_analysis.worker_utils.imaging.letterbox import SNAPSHOT_PX, encode_snapshot, letterbox

WHOLE = "whole"
"""The family of valid snapshots, in different JPEG variants."""
PX = SNAPSHOT_PX
SIZES = [(1, 1), (16, 16), (64, 640), (639, 640), (640, 639), (641, 640), (320, 320), (1280, 1280), (640, 1), (1, 640)]
SIZES += [(1920, 1080), (6400, 6400), (65_500, 2)]
CLAIMS = [(0, 0), (0, 640), (640, 0), (50_000, 50_000), (65_535, 65_535), (65_535, 1), (641, 640)]
KINDS = ["PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "PDF", "TGA", "DIB", "PCX"]
SAMPLES = 20


def all_of(clip: Path, seed: int) -> Iterator[Broken]:
    """Every picture, derived from a frame of a real clip."""
    rng, frame = random.Random(seed), _frame(clip)
    good = encode_snapshot(frame, 92)
    picture = Image.fromarray(cv2.cvtColor(letterbox(frame), cv2.COLOR_BGR2RGB))
    yield from _whole(picture, good)
    yield from (("another size", _jpeg(picture.resize(size))) for size in SIZES)
    yield from (("another kind", _written(picture, kind)) for kind in KINDS)
    yield from (("other colours", _jpeg(picture.convert(mode))) for mode in ("L", "CMYK"))
    yield "other colours", _written(Image.fromarray(np.zeros((PX, PX), np.uint16)), "PNG")
    yield from (("size lies", _claiming(good, *size)) for size in CLAIMS)
    yield from (("size lies", _claiming(_written(picture, "PNG"), *size)) for size in CLAIMS)
    progressive = _jpeg(picture, progressive=True)
    for whole in (good, progressive):
        yield from (("truncated", whole[: int(len(whole) * rng.random())]) for _ in range(SAMPLES))
        yield "truncated", whole[:-1]
    yield from (("bytes at random", rng.randbytes(length)) for length in (0, 1, 2, 100, 5000, 500_000))
    yield from (("bytes at random", good[:2] + rng.randbytes(length)) for length in (0, 2, 100, 5000, 500_000))
    yield from (("bits flipped in the header", _hit(good, rng, 600)) for _ in range(SAMPLES))
    yield from (("bits flipped", _hit(good, rng, len(good))) for _ in range(SAMPLES))
    last = progressive.rindex(b"\xff\xda")
    yield "bomb", progressive[:-2] + progressive[last:-2] * 100 + progressive[-2:]
    yield "bomb", good + bytes(LARGEST_SNAPSHOT_BYTES)
    yield "bomb", _written(Image.new("L", (12_000, 12_000)), "PNG")
    yield "bomb", _jpeg(Image.new("L", (10_000, 10_000)))


def _whole(picture: Image.Image, good: bytes) -> Iterator[Broken]:
    yield WHOLE, good
    yield WHOLE, _jpeg(picture, progressive=True)
    yield from ((WHOLE, _jpeg(picture, subsampling=sampling)) for sampling in range(3))
    yield WHOLE, _jpeg(picture, quality=1)
    yield from ((WHOLE, _turned(picture, orientation)) for orientation in range(1, 9))


def _frame(clip: Path) -> crop.Image:
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    shown, frame = capture.read()
    capture.release()
    assert shown, clip
    return np.asarray(frame, np.uint8)


def _jpeg(picture: Image.Image, **options: int) -> bytes:
    return _written(picture, "JPEG", **options)


def _written(picture: Image.Image, kind: str, **options: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def _turned(picture: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    target = io.BytesIO()
    picture.save(target, "JPEG", exif=exif)
    return target.getvalue()


def _claiming(content: bytes, width: int, height: int) -> bytes:
    """A copy with another size in its header."""
    if content[:2] == b"\xff\xd8":
        at = content.index(b"\xff\xc0") + 5
        return content[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + content[at + 4 :]
    return content[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + content[24:]


def _hit(content: bytes, rng: random.Random, end: int) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 5, 50])):
        data[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(data)

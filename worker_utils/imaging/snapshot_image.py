"""Pictures of vehicles: cut out, brought to the snapshot's form, written and checked. Pure; all are BGR uint8."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.errors import BadSnapshot

Image = NDArray[np.uint8]
"""H×W×3, BGR."""

SNAPSHOT_PX = 640
CONTENT_TYPE = "image/jpeg"
LETTERBOX_GREY = 114
LARGEST_SNAPSHOT_BYTES = 4 * 1024 * 1024
"""More than three times the bare pixels: no honest picture of this size is longer."""
MOST_SCANS = 64
"""A progressive JPEG has about ten; each costs a pass over the whole picture."""

_SHARPNESS_PX = 128
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_BARE_MARKERS = {0x01, *range(0xD0, 0xD8)}
_DECODABLE_FRAMES = {0xC0, 0xC1, 0xC2}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def crop_with_margin(image: Image, box: tuple[float, float, float, float], margin: float) -> Image:
    """The box (x1, y1, x2, y2 in px) with `margin` of its width and height on each side, as far as the picture goes.

    A copy, so that the picture can go. ValueError where the box lies outside the picture.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    dx, dy = margin * (x2 - x1), margin * (y2 - y1)
    left, top = max(0, math.floor(x1 - dx)), max(0, math.floor(y1 - dy))
    right, bottom = min(width, math.ceil(x2 + dx)), min(height, math.ceil(y2 + dy))
    if left >= right or top >= bottom:
        raise ValueError(f"box {box} has no pixel in a picture of {width}×{height}")
    return image[top:bottom, left:right].copy()


def letterbox(image: Image, size_px: int = SNAPSHOT_PX) -> Image:
    """The picture, its aspect kept, in the middle of a grey square of `size_px`."""
    height, width = image.shape[:2]
    scale = size_px / max(height, width)
    inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    square = np.full((size_px, size_px, 3), LETTERBOX_GREY, np.uint8)
    left, top = (size_px - inner_width) // 2, (size_px - inner_height) // 2
    square[top : top + inner_height, left : left + inner_width] = cv2.resize(
        image, (inner_width, inner_height), interpolation=interpolation
    )
    return square


def sharpness(image: Image) -> float:
    """Variance of the Laplacian of the grey picture, brought to one size first, or it would repeat the area.

    Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    same_size = cv2.resize(grey, (_SHARPNESS_PX, _SHARPNESS_PX), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(same_size, cv2.CV_64F).var())


def encode_jpeg(image: Image, quality: int) -> bytes:
    """A baseline JPEG of `quality` 1 to 100; equal pictures give equal bytes."""
    written, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"no JPEG can be made of an array of {image.shape} {image.dtype}")
    return bytes(data)


def snapshot(crop: Image, quality: int) -> bytes:
    """The JPEG that main_worker takes (DESIGN 1.4): 640×640, aspect kept, letterboxed."""
    return encode_jpeg(letterbox(crop), quality)


def check_snapshot(data: bytes, content_type: str) -> Image:
    """A snapshot's picture, 640×640×3. BadSnapshot says what is wrong; the header is judged before any decoding."""
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise BadSnapshot(f"Content-Type is {content_type[:80]!r}, not {CONTENT_TYPE}", code="wrong_content_type")
    if len(data) > LARGEST_SNAPSHOT_BYTES:
        raise BadSnapshot(f"is {len(data)} bytes long, more than {LARGEST_SNAPSHOT_BYTES}", code="object_too_large")
    _check_header(data)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None or image.shape != (SNAPSHOT_PX, SNAPSHOT_PX, 3):
        raise BadSnapshot("is a JPEG that cannot be decoded", code="undecodable")
    return np.asarray(image, np.uint8)


def _check_header(data: bytes) -> None:
    """Format, size and completeness from the markers alone (ITU-T T.81, B.1 and B.2)."""
    if data[:2] != bytes((0xFF, _SOI)):
        raise BadSnapshot("is not a JPEG", code="not_a_jpeg")
    sized = False
    for marker, start, payload in _segments(data):
        if marker in _FRAMES:
            _check_frame(marker, payload)
            sized = True
        elif marker == _SOS and sized:
            return _check_scans(data, start)
    raise BadSnapshot("is truncated: the JPEG has no picture", code="truncated")


def _check_frame(marker: int, payload: bytes) -> None:
    if marker not in _DECODABLE_FRAMES or len(payload) < 6:
        raise BadSnapshot("is neither a baseline nor a progressive JPEG", code="unsupported_jpeg")
    bits, height, width, channels = payload[0], payload[1:3], payload[3:5], payload[5]
    found = (int.from_bytes(width, "big"), int.from_bytes(height, "big"), channels, bits)
    if found != (SNAPSHOT_PX, SNAPSHOT_PX, 3, 8):
        text = f"is {found[0]}×{found[1]}×{channels} of {bits} bits, not 640×640×3 of 8"
        raise BadSnapshot(text, code="wrong_size")


def _check_scans(data: bytes, start: int) -> None:
    if data.rfind(bytes((0xFF, _EOI)), start) < 0:
        raise BadSnapshot("is truncated: the JPEG has no end", code="truncated")
    if data.count(bytes((0xFF, _SOS)), start) > MOST_SCANS:
        raise BadSnapshot(f"is a JPEG of more than {MOST_SCANS} scans", code="unsupported_jpeg")


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(marker, where it starts, payload) of each marker segment after SOI, as far as they are well formed."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at, data[at + 4 : at + 2 + length]
        at += 2 + length

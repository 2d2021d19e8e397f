"""Checks a snapshot before and after decoding: Content-Type, size, JPEG markers, shape. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from video_analysis.worker_utils.errors import BadSnapshot
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, SNAPSHOT_PX

LARGEST_SNAPSHOT_BYTES = 4 * 1024 * 1024
"""More than three times the uncompressed pixels."""
MOST_SCANS = 64
"""A progressive JPEG has about ten scans; each costs a pass over the whole image."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_BARE_MARKERS = {0x01, *range(0xD0, 0xD8)}
_DECODABLE_FRAMES = {0xC0, 0xC1, 0xC2}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_snapshot(data: bytes, content_type: str) -> Image:
    """The decoded snapshot, 640×640×3. The header is checked before decoding. BadSnapshot names the fault."""
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
    """Check format, size and completeness by the markers alone (ITU-T T.81, B.1 and B.2)."""
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
    """(marker, offset, payload) of each marker segment after SOI, up to the first malformed one."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at, data[at + 4 : at + 2 + length]
        at += 2 + length

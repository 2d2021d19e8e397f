"""The form of a snapshot: a crop letterboxed to 640×640 and encoded as JPEG. Pure."""

from __future__ import annotations

import cv2
import numpy as np

from video_analysis.worker_utils.imaging.crop import Image

SNAPSHOT_PX = 640
CONTENT_TYPE = "image/jpeg"
LETTERBOX_GREY = 114
"""Grey level of the bars in each channel: the padding of ultralytics in training and in inference."""


def letterbox(image: Image, size_px: int = SNAPSHOT_PX) -> Image:
    """The image, resized with its aspect kept, in the centre of a grey square of `size_px`."""
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


def content_box(image: Image, tolerance: int, bar_share: float, least_px: int = 1) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of the image inside the letterbox bars.

    A pixel is grey if each channel is within `tolerance` of the bars' grey. A row or column belongs to a bar if at
    least `bar_share` of its pixels are grey. None if fewer than `least_px` rows or columns belong to no bar.
    """
    low, high = (np.full(3, LETTERBOX_GREY + offset) for offset in (-tolerance, tolerance))
    grey = cv2.inRange(image, low, high)
    rows, columns = (
        np.flatnonzero(cv2.reduce(grey, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F) < 255 * bar_share) for axis in (1, 0)
    )
    if min(len(rows), len(columns)) < least_px:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def encode_jpeg(image: Image, quality: int) -> bytes:
    """A baseline JPEG of `quality` 1 to 100; equal images give equal bytes."""
    written, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"no JPEG can be encoded from an array of {image.shape} {image.dtype}")
    return bytes(data)


def encode_snapshot(crop: Image, quality: int) -> bytes:
    """The JPEG that main_worker accepts: the crop, letterboxed to 640×640."""
    return encode_jpeg(letterbox(crop), quality)

"""Crops of vehicles with identities, on disk: one shard per scene or clip, images memory-mapped.

Images are only compared within their shard: the light and colour cast of a clip would give the identity away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.yolo_worker.types import Box

STORED_PX = 128
"""Side length of a stored crop."""
MARGIN = 0.125
"""Stored around the box on each side, as a share of the box: augmentation moves the box within it."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One vehicle at one time."""

    image: Image
    """128×128×3 BGR: the box with its margin, stretched to a square."""
    identity: int
    """The same for all crops of a vehicle or tracklet of its shard."""
    time_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """All crops of one scene or clip, C of them."""

    name: str
    images: NDArray[np.uint8]
    """C×128×128×3 BGR, memory-mapped."""
    identities: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    exact: bool
    """Different identities are different vehicles. Otherwise only those that were seen at the same time are."""


def cut(image: Image, box: Box) -> Image:
    """The box with its margin as 128×128×3, stretched; beyond the edge of the frame the last pixels are repeated."""
    x1, y1, x2, y2 = box
    dx, dy = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
    left, top, right, bottom = int(x1 - dx), int(y1 - dy), int(x2 + dx) + 1, int(y2 + dy) + 1
    height, width = image.shape[:2]
    inner = image[max(0, top) : max(1, bottom), max(0, left) : max(1, right)]
    padding = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    whole = cv2.copyMakeBorder(inner, *padding, cv2.BORDER_REPLICATE) if any(padding) else inner
    shrinks = whole.shape[0] * whole.shape[1] > STORED_PX**2
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (STORED_PX, STORED_PX), interpolation=interpolation), np.uint8)


def write(path: Path, crops: Sequence[Crop], *, exact: bool) -> None:
    """Write a shard: `path` is its JSON, written last and renamed; the images are a .npy file beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = np.stack([crop.image for crop in crops]) if crops else np.zeros((0, STORED_PX, STORED_PX, 3), np.uint8)
    np.save(path.with_suffix(".npy"), images)
    columns = {
        "exact": exact,
        "identities": [crop.identity for crop in crops],
        "times_ms": [crop.time_ms for crop in crops],
    }
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(columns), "utf-8")
    unfinished.replace(path)


def read(path: Path) -> Shard:
    """The shard of a JSON file that `write` made."""
    columns = json.loads(path.read_text("utf-8"))
    images = np.load(path.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
    identities, times = (np.array(columns[name], np.int64) for name in ("identities", "times_ms"))
    return Shard(path.stem, images, identities, times, bool(columns["exact"]))

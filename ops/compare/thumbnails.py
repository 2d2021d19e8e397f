"""Fetches snapshots from S3 and scales them down for the page. If that fails, a thumbnail has the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from video_analysis.main_worker.ports import SnapshotStorage
from video_analysis.ops import stored_pictures
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg

SIDE_PX = 320
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A snapshot scaled to SIDE_PX×SIDE_PX, as JPEG, or the reason why there is none."""

    jpeg: bytes | None
    problem: str | None = None


def fetch(storage: SnapshotStorage, bucket: str, uris: Sequence[str]) -> list[Thumbnail]:
    """The snapshots of `uris`, in order. After a failure of S3 itself no further fetch is started."""
    return [Thumbnail(one.result, one.problem) for one in stored_pictures.fetch_all(storage, bucket, uris, _scaled)]


def _scaled(_uri: str, _content: bytes, image: Image) -> bytes:
    small = cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(small, np.uint8), QUALITY)

"""Fetches snapshots from S3 and scales them down for the page. If that fails, a thumbnail has the reason."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from video_analysis.main_worker.ports import SnapshotStorage
from video_analysis.worker_utils.contracts import s3_keys
from video_analysis.worker_utils.errors import EnvironmentFault, WorkerError
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES, check_snapshot
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg

SIDE_PX = 320
QUALITY = 80
FETCH_THREADS = 8


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A snapshot scaled to SIDE_PX×SIDE_PX, as JPEG, or the reason why there is none."""

    jpeg: bytes | None
    problem: str | None = None


def fetch(storage: SnapshotStorage, bucket: str, uris: Sequence[str]) -> list[Thumbnail]:
    """The snapshots of `uris`, in order. After a failure of S3 itself no further fetch is started."""
    outage = threading.Event()

    def one(uri: str) -> Thumbnail:
        if outage.is_set():
            return Thumbnail(None, "not fetched, because S3 failed before")
        try:
            return Thumbnail(_scaled(storage, bucket, uri))
        except EnvironmentFault as fault:
            outage.set()
            return Thumbnail(None, str(fault))
        except (WorkerError, ValueError) as fault:
            return Thumbnail(None, str(fault))

    with ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="thumbnails") as pool:
        return list(pool.map(one, uris))


def _scaled(storage: SnapshotStorage, bucket: str, uri: str) -> bytes:
    try:
        snapshot = s3_keys.parse_snapshot_uri(uri)
    except ValueError as error:
        raise ValueError(f"{uri}: {error}") from None
    if snapshot.bucket != bucket:
        raise ValueError(f"{uri}: is not in the bucket of CVITX_S3_BUCKET, {bucket}")
    image = check_snapshot(*storage.fetch_bytes(snapshot.key, LARGEST_SNAPSHOT_BYTES))
    small = cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(small, np.uint8), QUALITY)

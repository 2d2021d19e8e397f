"""Snapshots from S3, small enough to stand in a page; one that is not to be had is told, and stops nothing."""

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
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A snapshot, scaled down: SIDE_PX×SIDE_PX as JPEG; or why there is none."""

    jpeg: bytes | None
    problem: str | None = None


def fetch(storage: SnapshotStorage, bucket: str, uris: Sequence[str]) -> list[SmallPicture]:
    """The snapshots of `uris`, in order. Where S3 itself fails, those not yet begun are not asked for."""
    outage = threading.Event()

    def one(uri: str) -> SmallPicture:
        if outage.is_set():
            return SmallPicture(None, "not asked for: S3 failed before")
        try:
            return SmallPicture(_small(storage, bucket, uri))
        except EnvironmentFault as fault:
            outage.set()
            return SmallPicture(None, str(fault))
        except (WorkerError, ValueError) as fault:
            return SmallPicture(None, str(fault))

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pictures") as pool:
        return list(pool.map(one, uris))


def _small(storage: SnapshotStorage, bucket: str, uri: str) -> bytes:
    try:
        snapshot = s3_keys.parse_snapshot_uri(uri)
    except ValueError as error:
        raise ValueError(f"{uri}: {error}") from None
    if snapshot.bucket != bucket:
        raise ValueError(f"{uri}: another bucket than CVITX_S3_BUCKET, {bucket}")
    picture = check_snapshot(*storage.fetch_bytes(snapshot.key, LARGEST_SNAPSHOT_BYTES))
    small = cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(small, np.uint8), QUALITY)

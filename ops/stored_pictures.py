"""Fetches stored snapshots from S3, several at a time. A snapshot that cannot be read has the reason instead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from video_analysis.main_worker.ports import SnapshotStorage
from video_analysis.worker_utils.contracts import s3_keys, schema_check
from video_analysis.worker_utils.errors import EnvironmentFault, WorkerError
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES, check_snapshot

FETCH_THREADS = 8
MAX_REASONS = 3
"""How many reasons a line shows."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Fetched(Generic[Result]):
    """What was made of a snapshot, or the reason why it could not be read."""

    result: Result | None
    problem: str | None = None


def fetch_all(
    storage: SnapshotStorage, bucket: str, uris: Sequence[str], use: Callable[[str, bytes, Image], Result]
) -> list[Fetched[Result]]:
    """`use`(URI, JPEG, image) for each snapshot, in order. After a failure of S3 itself no further fetch is started."""
    outage = threading.Event()

    def one(uri: str) -> Fetched[Result]:
        if outage.is_set():
            return Fetched(None, "not fetched, because S3 failed before")
        try:
            return Fetched(use(uri, *_read(storage, bucket, uri)))
        except EnvironmentFault as fault:
            outage.set()
            return Fetched(None, str(fault))
        except (WorkerError, ValueError) as fault:
            return Fetched(None, str(fault))

    with ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="snapshots") as pool:
        return list(pool.map(one, uris))


def reasons(problems: Sequence[str], more: str = "") -> str:
    """The different problems on one line; beyond MAX_REASONS their number, and the text `more`."""
    different = list(dict.fromkeys(map(schema_check.printable, problems)))
    further = len(different) - MAX_REASONS
    return "; ".join([*different[:MAX_REASONS], *([f"{further} more reasons{more}"] if further > 0 else [])])


def _read(storage: SnapshotStorage, bucket: str, uri: str) -> tuple[bytes, Image]:
    try:
        snapshot = s3_keys.parse_snapshot_uri(uri)
    except ValueError as error:
        raise ValueError(f"{uri}: {error}") from None
    if snapshot.bucket != bucket:
        raise ValueError(f"{uri}: is not in the bucket of CVITX_S3_BUCKET, {bucket}")
    content, content_type = storage.fetch_bytes(snapshot.key, LARGEST_SNAPSHOT_BYTES)
    return content, check_snapshot(content, content_type)

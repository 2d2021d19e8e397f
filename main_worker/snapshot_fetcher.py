"""Fetches, checks and decodes snapshots in the background."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from video_analysis.main_worker.ports import SnapshotStorage
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.errors import MissingObject, Permanent, WorkerError
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES, check_snapshot


class SnapshotFetcher:
    """Fetches each snapshot in a thread of its own; there are never more than two micro-batches of them."""

    def __init__(self, storage: SnapshotStorage) -> None:
        self._storage = storage

    def start(self, key: str) -> Future[SnapshotImage]:
        """Start one fetch. The result is the checked snapshot; it raises what made the fetch or the check fail.

        The thread is a daemon: a fetch that hangs does not delay the end of the process.
        """
        fetched: Future[SnapshotImage] = Future()
        threading.Thread(target=self._fetch, args=(key, fetched), name="fetch", daemon=True).start()
        return fetched

    def reuse_or_start(self, prefetched: Future[SnapshotImage] | None, key: str) -> Future[SnapshotImage]:
        """`prefetched`, or a new fetch if there is none or it failed: the cause may be gone by now."""
        if prefetched is not None and not (prefetched.done() and prefetched.exception()):
            return prefetched
        return self.start(key)

    def _fetch(self, key: str, fetched: Future[SnapshotImage]) -> None:
        try:
            content, content_type = self._storage.fetch_bytes(key, LARGEST_SNAPSHOT_BYTES)
            fetched.set_result(check_snapshot(content, content_type))
        except Exception as error:  # noqa: BLE001  # the reader of the future classifies it
            fetched.set_exception(error)


def fetch_failure(failure: WorkerError, *, done: bool) -> WorkerError:
    """The failure that a failed fetch means for a row.

    A snapshot may expire before its `done` row, so a missing object is then no evidence of a missing permission.
    """
    if done and isinstance(failure, MissingObject):
        return Permanent(
            f"the results remain, but the snapshot cannot be classified again: {failure}", code="snapshot_expired"
        )
    return failure

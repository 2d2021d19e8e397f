"""Fetches, checks and decodes snapshots in the background."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from video_analysis.main_worker.ports import SnapshotStorage
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.errors import MissingObject, Permanent, WorkerError
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES, check_snapshot


class SnapshotFetcher:
    """Fetches each snapshot in its own thread; at most two micro-batches are fetched at the same time."""

    def __init__(self, storage: SnapshotStorage) -> None:
        self._storage = storage

    def start(self, key: str) -> Future[SnapshotImage]:
        """Start one fetch. The future gets the checked snapshot, or the exception of the fetch or of the check.

        The thread is a daemon: a fetch that hangs does not delay the end of the process.
        """
        fetched: Future[SnapshotImage] = Future()
        threading.Thread(target=self._fetch, args=(key, fetched), name="fetch", daemon=True).start()
        return fetched

    def reuse_or_start(self, prefetched: Future[SnapshotImage] | None, key: str) -> Future[SnapshotImage]:
        """`prefetched`. If there is none, or it failed, a new fetch: the cause of the failure may be temporary."""
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
    """The outcome of a message whose snapshot could not be fetched.

    A snapshot may expire before its `done` row. A missing object then does not indicate a missing permission.
    """
    if done and isinstance(failure, MissingObject) and failure.code == MissingObject.default_code:
        return Permanent(
            f"the results remain, but the snapshot cannot be classified again: {failure}", code="snapshot_expired"
        )
    return failure

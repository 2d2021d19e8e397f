"""Pictures on their way: fetched, checked and decoded in the background."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from video_analysis.main_worker.ports import SnapshotStorage
from video_analysis.main_worker.types import Picture
from video_analysis.worker_utils.errors import MissingObject, Permanent, WorkerError
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES, check_snapshot


class SnapshotFetcher:
    """Fetches snapshots, each in a thread of its own: no more than two micro-batches of them are ever in hand."""

    def __init__(self, storage: SnapshotStorage) -> None:
        self._storage = storage

    def begin(self, key: str) -> Future[Picture]:
        """Begin with one; the result is the checked picture, or raises what kept it from being one.

        A fetch that hangs when the worker stops does not hold up the end of the process.
        """
        coming: Future[Picture] = Future()
        threading.Thread(target=self._fetch, args=(key, coming), name="fetch", daemon=True).start()
        return coming

    def coming(self, ahead: object, key: str) -> Future[Picture]:
        """What was begun `ahead` of its turn; begun now where that is nothing, or had failed: it may be well now."""
        if isinstance(ahead, Future) and not (ahead.done() and ahead.exception()):
            return ahead
        return self.begin(key)

    def _fetch(self, key: str, coming: Future[Picture]) -> None:
        try:
            content, content_type = self._storage.fetch_bytes(key, LARGEST_SNAPSHOT_BYTES)
            coming.set_result(check_snapshot(content, content_type))
        except Exception as error:  # noqa: BLE001  # whose fault it is, is judged when its turn comes
            coming.set_exception(error)


def unfetched(failure: WorkerError, *, done: bool) -> WorkerError:
    """What a failed fetch means. A `done` row may outlive its picture: that says nothing of this worker's rights."""
    if done and isinstance(failure, MissingObject):
        return Permanent(f"the results stay, but cannot be made anew: {failure}", code="snapshot_expired")
    return failure

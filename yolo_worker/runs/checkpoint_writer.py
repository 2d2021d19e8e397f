"""Stores the tracker's input while a video is processed, in parts of some seconds, from a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from video_analysis.yolo_worker.runs.frame_input import FrameInput

EVERY_S = 10.0
"""Time of processing that one part covers: as much is repeated after a crash."""
MOST_BYTES = 64 << 20
"""Frames that wait for a slow store; with more, no further part is written."""


class CheckpointWriter:
    """Collects frames and stores them. A failure ends it, and never the video."""

    def __init__(
        self,
        store: Callable[[Sequence[FrameInput]], None],
        on_failure: Callable[[Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`store` writes one part; it is called in another thread, one call at a time."""
        self._store = store
        self._on_failure = on_failure
        self._clock = clock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._storing: Future[None] | None = None
        self._waiting: list[FrameInput] = []
        self._waiting_bytes = 0
        self._due_s = clock() + EVERY_S
        self._is_off = False

    def add(self, frame: FrameInput) -> None:
        """Add a frame that was tracked. Does not wait for the store."""
        if self._is_off:
            return
        self._waiting.append(frame)
        self._waiting_bytes += frame.nbytes
        if self._clock() >= self._due_s and self._is_idle():
            self._submit()
        elif self._waiting_bytes > MOST_BYTES:
            self._stop(TimeoutError(f"more than {MOST_BYTES >> 20} MB wait for a slow store"))

    def close(self, *, keep: bool) -> None:
        """End the thread; with `keep`, store the remaining frames first."""
        if keep and self._wait() and self._waiting:
            self._submit()
            self._wait()
        self._is_off = True
        self._waiting = []
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self) -> None:
        frames, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._due_s = self._clock() + EVERY_S
        self._storing = self._pool.submit(self._store, frames)

    def _is_idle(self) -> bool:
        return self._storing is None or (self._storing.done() and self._wait())

    def _wait(self) -> bool:
        """Wait for the part that is being stored. Returns whether further ones can be."""
        storing, self._storing = self._storing, None
        if storing is not None:
            try:
                storing.result()
            except Exception as failure:  # noqa: BLE001  # a checkpoint that cannot be written costs speed only
                self._stop(failure)
        return not self._is_off

    def _stop(self, failure: Exception) -> None:
        self._is_off = True
        self._waiting = []
        self._on_failure(failure)

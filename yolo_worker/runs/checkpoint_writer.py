"""Stores the tracker's input while a video is processed, in parts of some seconds, from a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from video_analysis.worker_utils.errors import EnvironmentFault, ErrorCode, Transient
from video_analysis.yolo_worker.runs.frame_input import FrameInput

EVERY_S = 10.0
"""Time of processing that one part covers, and after which a failed one is stored again: as much is repeated after a
crash."""
PART_BYTES = 16 << 20
"""Frames of more bytes are stored as several parts: a reader refuses parts above checkpoint_format.LARGEST_BYTES."""
MOST_BYTES = 64 << 20
"""Frames that wait for a slow or failing store; with more, no further part is written."""
LASTING: frozenset[ErrorCode] = frozenset({"permission_denied", "schema_outdated", "schema_mismatch", "lease_lost"})
"""Failures after which the store is not called again for this video."""

Store = Callable[[Sequence[FrameInput]], None]


class CheckpointWriter:
    """Collects frames and stores them. A failure may end it, and never the video."""

    def __init__(
        self,
        store: Store,
        on_failure: Callable[[Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`store` writes one part; it is called in another thread, one call at a time."""
        self._store = store
        self._on_failure = on_failure
        self._clock = clock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._storing: tuple[Future[None], list[FrameInput]] | None = None
        self._waiting: list[FrameInput] = []
        self._waiting_bytes = 0
        self._due_s = clock() + EVERY_S
        self._has_failed = False
        self._is_off = False

    def add(self, frame: FrameInput) -> None:
        """Add a frame that was tracked. Does not wait for the store."""
        if self._is_off:
            return
        self._waiting.append(frame)
        self._waiting_bytes += frame.nbytes
        if self._is_due() and self._is_idle() and self._is_due():
            self._submit()
        elif self._waiting_bytes > MOST_BYTES:
            self._stop(TimeoutError(f"more than {MOST_BYTES >> 20} MB wait for a slow or failing store"))

    def close(self, *, keep: bool) -> None:
        """End the thread; with `keep`, store the remaining frames first, unless the store fails."""
        if keep and self._wait():
            self._has_failed = False
            while self._waiting and not self._has_failed:
                self._submit()
                self._wait()
        self._is_off = True
        self._waiting = []
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _is_due(self) -> bool:
        is_full = self._waiting_bytes >= PART_BYTES and not self._has_failed
        return not self._is_off and (is_full or self._clock() >= self._due_s)

    def _submit(self) -> None:
        """Store the first frames that wait, as one part."""
        count, size = 0, 0
        while count < len(self._waiting) and (count == 0 or size + self._waiting[count].nbytes <= PART_BYTES):
            size += self._waiting[count].nbytes
            count += 1
        frames, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes -= size
        self._due_s = self._clock() + EVERY_S
        self._storing = self._pool.submit(self._store, frames), frames

    def _is_idle(self) -> bool:
        return self._storing is None or (self._storing[0].done() and self._wait())

    def _wait(self) -> bool:
        """Wait for the part that is being stored. Returns whether further ones can be."""
        storing, self._storing = self._storing, None
        if storing is not None:
            future, frames = storing
            try:
                future.result()
                self._has_failed = False
            except Exception as failure:  # noqa: BLE001  # a checkpoint that cannot be written costs speed only
                self._fail(failure, frames)
        return not self._is_off

    def _fail(self, failure: Exception, frames: list[FrameInput]) -> None:
        """Keep the frames for the next part after a failure that may pass; else end the writing."""
        if not isinstance(failure, Transient | EnvironmentFault) or failure.code in LASTING:
            self._stop(failure)
            return
        self._has_failed = True
        self._waiting = frames + self._waiting
        self._waiting_bytes += sum(frame.nbytes for frame in frames)
        self._due_s = self._clock() + EVERY_S
        self._on_failure(failure)

    def _stop(self, failure: Exception) -> None:
        self._is_off = True
        self._waiting = []
        self._on_failure(failure)

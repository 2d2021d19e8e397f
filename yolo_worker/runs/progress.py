"""The progress of one run: counted while a video is processed, and written every few seconds.

The statement that writes also reads what an operator requested, so a pause or cancellation acts within seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

from video_analysis.worker_utils.consumer.backoff import Backoff
from video_analysis.worker_utils.db.run_types import RunProgress, RunState, stopped
from video_analysis.worker_utils.errors import LeaseLost, WorkerError

EVERY_S = 2.0
LONGEST_BREAK_S = 60.0
"""After failed writes the interval is doubled up to this, since a server that does not answer delays the video."""

Stage = Literal["download", "track", "detect", "finish"]
"""The file is being fetched; stored frames are being tracked; other frames are processed; all frames were processed."""
Write = Callable[[RunProgress], RunState | None]


class ProgressWriter:
    """Counts the frames and vehicles of one attempt at a run. Thread-safe."""

    def __init__(
        self, write: Write, on_failure: Callable[[WorkerError], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`write` may fail: the first failure is passed to `on_failure`, and the video goes on."""
        self._write = write
        self._on_failure: Callable[[WorkerError], None] | None = on_failure
        self._clock = clock
        self._lock = threading.Lock()
        self._backoff = Backoff(EVERY_S, LONGEST_BREAK_S)
        self._due_s = clock()
        self._stop: WorkerError | None = None
        self._begun_s = clock()
        self._stage: Stage = "download"
        self._frames = self._vehicles = self._skipped = 0
        self._total: int | None = None

    def begin_frames(self, total: int | None, *, are_stored: bool = False) -> None:
        """The frames are processed from now on; `total` is None if their number is not exact.

        `are_stored`: the first ones come from checkpoints.
        """
        self._stage = "track" if are_stored else "detect"
        self._total, self._begun_s = total, self._clock()

    def begin_live(self) -> None:
        """The networks run from now on: the frames before were stored, and do not count for the rate."""
        self._stage, self._skipped, self._begun_s = "detect", self._frames, self._clock()

    def add_frame(self) -> None:
        """One more frame is processed."""
        self._frames += 1

    def add_vehicle(self) -> None:
        """One more vehicle's message is sent."""
        self._vehicles += 1

    def end_frames(self) -> None:
        """All frames are processed."""
        self._stage = "finish"

    def check(self, *, now: bool = False) -> None:
        """Write the progress if it is due, or `now`. Raises Paused, Cancelled, or LeaseLost if it is superseded."""
        if (now or self._clock() >= self._due_s) and self._lock.acquire(blocking=now):
            try:
                self._write_now()
            finally:
                self._lock.release()
        if self._stop is not None:
            raise self._stop

    @property
    def current(self) -> RunProgress:
        """The columns to write. The rate is that of this attempt, from its first frame on."""
        elapsed_s = self._clock() - self._begun_s
        counted = self._frames - self._skipped
        fps = counted / elapsed_s if counted and elapsed_s > 0 else None
        left = None if self._total is None else max(0, self._total - self._frames)
        return RunProgress(
            current_stage=self._stage,
            frames_done=self._frames,
            frames_total=self._total,
            progress=min(1.0, self._frames / self._total) if self._total else None,
            fps=None if fps is None else round(fps, 2),
            eta_s=None if left is None or fps is None else round(left / fps, 1),
            vehicles=self._vehicles,
        )

    def _write_now(self) -> None:
        try:
            state = self._write(self.current)
        except WorkerError as failure:
            if self._on_failure is not None:
                self._on_failure(failure)
            self._on_failure = None
            self._due_s = self._clock() + self._backoff.next_s()
            return
        self._backoff.reset()
        self._due_s = self._clock() + EVERY_S
        self._stop = stop_of(state)


def stop_of(state: RunState | None) -> WorkerError | None:
    """Why the work must stop: an operator's request, or what another worker did with the run."""
    if state is None:
        return None
    if state.error_code == "superseded":
        return LeaseLost("another worker processes the video with other settings", code="superseded")
    is_open = state.status in ("running", "failed")  # at the last receive, the run has failed in advance
    if state.status == "paused" or (is_open and state.requested == "pause"):
        return stopped("pause")
    if state.status == "cancelled" or (is_open and state.requested == "cancel"):
        return stopped("cancel")
    return None

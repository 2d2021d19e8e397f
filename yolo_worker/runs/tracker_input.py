"""Where the tracker's input comes from: stored frames first, then the detector; what is computed is stored."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from types import TracebackType
from typing import Self

from video_analysis.worker_utils.errors import EnvironmentFault, Interrupted, Paused, Transient
from video_analysis.worker_utils.execution import concurrency
from video_analysis.yolo_worker.runs.checkpoint_reader import StoredFrames
from video_analysis.yolo_worker.runs.checkpoint_writer import CheckpointWriter
from video_analysis.yolo_worker.runs.frame_input import Compute, FrameInput
from video_analysis.yolo_worker.types import Boxes, CameraMotion, DetectedFrame, Embeddings, Frame

AHEAD = 4
"""Frames that are decoded ahead while their boxes come from a checkpoint."""
RESUMABLE = (Paused, Interrupted, Transient, EnvironmentFault)
"""After these failures the frames that are finished are stored: the run goes on from there."""

Detect = Callable[[Iterable[Frame]], Generator[DetectedFrame, None, None]]


class TrackerInput:
    """The input of the tracker for one video. A context manager: the end of the block stores the last frames."""

    def __init__(
        self,
        stored: StoredFrames | None = None,
        writer: CheckpointWriter | None = None,
        on_stored_end: Callable[[int, bool], None] = lambda _frames, _is_live: None,
    ) -> None:
        """`on_stored_end` is called once with the number of stored frames, and whether other frames follow."""
        self._stored = stored
        self._writer = writer
        self._on_stored_end = on_stored_end
        self._current: FrameInput | None = None

    @property
    def has_stored(self) -> bool:
        """Whether there may be stored frames."""
        return self._stored is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close(keep=error is None or isinstance(error, RESUMABLE))

    def frames(self, decoded: Iterable[Frame], detect: Detect) -> Generator[DetectedFrame, None, None]:
        """Each frame with its boxes, in order. A frame is stored when the next one is requested: it is tracked then."""
        if self._stored is None:
            yield from self._kept(detect(decoded))
            return
        with closing(concurrency.prefetch(decoded, AHEAD)) as ahead:
            for frame in ahead:
                self._current = self._stored.take(frame.index)
                if self._current is None:
                    self._on_stored_end(self._stored.count, True)
                    yield from self._kept(detect(chain([frame], ahead)))
                    return
                yield DetectedFrame(frame, self._current.boxes)
            self._on_stored_end(self._stored.count, False)

    def embed(self, frame: Frame, boxes: Boxes, compute: Compute) -> Embeddings:
        """One embedding per box of the current frame; those that are unknown are computed."""
        return compute(frame, boxes) if self._current is None else self._current.embed(frame, boxes, compute)

    def motion(self) -> CameraMotion | None:
        """The camera's motion in the current frame, if it is known."""
        return None if self._current is None else self._current.motion

    def keep_motion(self, motion: CameraMotion) -> None:
        """Keep what was measured in the current frame."""
        if self._current is not None:
            self._current.motion = motion

    def _kept(self, detected: Generator[DetectedFrame, None, None]) -> Iterator[DetectedFrame]:
        """The frames unchanged; each is stored after it was tracked."""
        with closing(detected):
            for one in detected:
                self._current = None
                if self._writer is not None:
                    self._current = FrameInput(one.frame.index, one.frame.offset_ms, one.boxes)
                yield one
                if self._writer is not None and self._current is not None:
                    self._writer.add(self._current)

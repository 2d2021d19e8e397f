"""What stage 1's recipe asks of its parts; the adapters serve these protocols without knowing of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from video_analysis.worker_utils.contracts.messages import ProcessVideo, ProcessVideoDb, SnapshotReady
from video_analysis.worker_utils.db.row_types import SnapshotClaim
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.yolo_worker.run_key import PipelineTraits
from video_analysis.yolo_worker.types import DetectedFrame, Frame, SourceInfo, TrackedFrame

Result_co = TypeVar("Result_co", covariant=True)


class Storage(Protocol):
    """S3, as far as stage 1 needs it."""

    def fetch(self, key: str, on_progress: Callable[[], None]) -> AbstractContextManager[Path]:
        """The object as a local file that is gone when the block ends."""

    def put(self, key: str, content: bytes, content_type: str, *, only_if_absent: bool = False) -> None:
        """Write an object whole."""

    def check_disk(self) -> None:
        """EnvironmentFault while the disk is too full to fetch anything."""


class Videos(Protocol):
    """The rows of `videos`."""

    def resolve(self, task: ProcessVideoDb) -> ProcessVideo:
        """The full task of the compatibility form."""

    def begin(self, task: ProcessVideo, *, receive_count: int, is_last: bool) -> None:
        """Mark it `processing`, or refuse it for good."""

    def finish(self, task: ProcessVideo) -> None:
        """Mark it `done`."""

    def fail(self, video_id: str, workspace_id: str, failure: WorkerError, *, final: bool) -> None:
        """Leave the text and code; `error` when final."""

    def ping(self) -> None:
        """EnvironmentFault while the database does not answer."""


class Analyses(Protocol):
    """The rows of `image_analyses` that stage 1 makes."""

    def claim(self, message: SnapshotReady, run_key: str) -> SnapshotClaim:
        """Insert the row as `queued` or adopt the one that is there."""


class Publisher(Protocol):
    """The snapshot queue, sending side."""

    def probe(self) -> None:
        """EnvironmentFault where there is no queue to send to."""

    def send(self, body: str) -> None:
        """Enqueue one message."""


class FrameSource(Protocol):
    """Where frames come from: a file, a live camera, stored checkpoints."""

    @property
    def info(self) -> SourceInfo:
        """Size, interval, announced length. BadVideo where the source cannot be read."""

    def frames(self) -> Iterator[Frame]:
        """The frames in order, each with its timestamp. BadVideo where the source cannot be read to its end."""


class TrackSink(Protocol[Result_co]):
    """What derives results from tracks. A result is given once, when it is final."""

    def observe(self, frame: TrackedFrame) -> Iterable[Result_co]:
        """Take note of one frame; the results that are final now."""

    def close(self) -> Iterable[Result_co]:
        """The video has ended: the remaining results."""


class Pipeline(Protocol):
    """Detector and tracker behind one interface; the worker does not know what they run on."""

    def open(self, path: Path, stride: int) -> FrameSource:
        """A local file as a source of every `stride`-th frame."""

    def detect(self, frames: Iterable[Frame], info: SourceInfo) -> Generator[DetectedFrame, None, None]:
        """Vehicles in each frame, in order."""

    def track(self, frames: Iterable[DetectedFrame], info: SourceInfo) -> Iterator[TrackedFrame]:
        """Detections linked over time, by a tracker of this video alone."""

    def probe(self) -> None:
        """EnvironmentFault while not even a blank frame can be processed."""

    def traits(self) -> PipelineTraits:
        """Everything that decides which tracks are found: weights, precision, constants."""

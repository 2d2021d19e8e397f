"""What stage 1's recipe asks of its parts; the adapters serve these protocols without knowing of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from video_analysis.worker_utils.contracts.messages import ProcessVideo, ProcessVideoDb, SnapshotReady, YoloType
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.yolo_worker.run_key import VisionTraits
from video_analysis.yolo_worker.types import DetectedFrame, Frame, TrackedFrame


class Storage(Protocol):
    """S3, as far as stage 1 needs it."""

    def fetch(self, key: str, on_progress: Callable[[], None]) -> AbstractContextManager[Path]:
        """The object as a local file that is gone when the block ends."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
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


class Existing(Protocol):
    """The row that stands for a vehicle."""

    @property
    def snapshot_uri(self) -> str:
        """Its picture."""

    @property
    def yolo_type(self) -> YoloType:
        """Its type, as first voted."""


class Analyses(Protocol):
    """The rows of `image_analyses` that stage 1 makes."""

    def find(self, video_id: str, run_key: str, track_id: int) -> Existing | None:
        """What an earlier attempt of the same run left for this track."""

    def is_taken(self, snapshot_uri: str, run_key: str) -> bool:
        """Whether another run's vehicle has this name."""

    def queue(self, message: SnapshotReady, run_key: str) -> Existing:
        """Insert the row as `queued` or adopt the one that is there."""


class Publisher(Protocol):
    """The snapshot queue, sending side."""

    def probe(self) -> None:
        """EnvironmentFault where there is no queue to send to."""

    def send(self, body: str) -> None:
        """Enqueue one message."""


class Vision(Protocol):
    """Detector and tracker behind one door: what they run on is not the recipe's business."""

    def frames(self, path: Path, stride: int) -> Iterator[Frame]:
        """Every `stride`-th frame of the file, with its container timestamp."""

    def detect(self, frames: Iterable[Frame]) -> Iterator[DetectedFrame]:
        """Vehicles in each frame, in order."""

    def track(self, frames: Iterable[DetectedFrame], path: Path, stride: int) -> Iterator[TrackedFrame]:
        """Detections linked over time, by a tracker of this video's own."""

    def probe(self) -> None:
        """EnvironmentFault while not even a blank frame could be looked at."""

    def traits(self) -> VisionTraits:
        """Everything that decides which tracks are found: weights, precision, constants."""

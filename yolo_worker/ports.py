"""Protocols of the parts that the video worker needs. Adapters implement them without importing this module."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from video_analysis.worker_utils.aws.fetched_file import FetchedFile
from video_analysis.worker_utils.contracts.messages import IncompleteTask, ProcessVideo, SnapshotReady
from video_analysis.worker_utils.db.row_types import DetectedBox, SnapshotClaim
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.yolo_worker.run_key import PipelineTraits
from video_analysis.yolo_worker.source.damage import Damage
from video_analysis.yolo_worker.types import (
    Boxes,
    CameraMotion,
    DetectedFrame,
    Embeddings,
    Frame,
    SourceInfo,
    TrackedFrame,
)

Result_co = TypeVar("Result_co", covariant=True)


class VideoStorage(Protocol):
    """Access to S3."""

    def fetch(self, key: str, on_progress: Callable[[], None]) -> AbstractContextManager[FetchedFile]:
        """Download an object to a local file, which is deleted when the block ends."""

    def put(self, key: str, content: bytes, content_type: str, *, only_if_absent: bool = False) -> None:
        """Write an object; with `only_if_absent` an existing object is kept."""

    def probe_read(self, absent_key: str) -> None:
        """EnvironmentFault if objects cannot be read. There is no object `absent_key`."""

    def probe_write(self, key: str) -> None:
        """EnvironmentFault if objects cannot be written. Writes nothing."""

    def check_disk(self) -> None:
        """EnvironmentFault if the free disk space is too small for a download."""


class Videos(Protocol):
    """Access to the rows of `videos`."""

    def resolve(self, task: IncompleteTask) -> ProcessVideo:
        """Complete a message from the video's row."""

    def begin(self, task: ProcessVideo, *, receive_count: int, is_last: bool) -> None:
        """Set the status to `processing`. Permanent if every former attempt crashed."""

    def finish(self, task: ProcessVideo, *, damage: str | None = None) -> None:
        """Set the status to `done`; with `damage`, the code to `damaged` and the text to what is missing."""

    def fail(self, video_id: str, workspace_id: str, failure: WorkerError, *, final: bool) -> None:
        """Write the text and code of the failure; if final, set the status to `error`."""

    def ping(self) -> None:
        """EnvironmentFault if the database cannot be used."""


class Analyses(Protocol):
    """Access to the rows of `image_analyses`."""

    def claim(
        self, message: SnapshotReady, run_key: str, box: DetectedBox | None, run_id: str | None = None
    ) -> SnapshotClaim:
        """Insert the row as `queued`, or adopt the existing row of this run key and track."""

    def mark_send_denied(self, snapshot_uri: str, failure: WorkerError) -> None:
        """Write the code and text of a refused send into the row, as long as it is queued."""

    def mark_sent(self, snapshot_uri: str) -> None:
        """Remove the code `send_denied`."""


class Publisher(Protocol):
    """Sends to the snapshot queue."""

    def probe(self) -> None:
        """EnvironmentFault if the queue cannot be used."""

    def send(self, body: str) -> None:
        """Send one message."""


class FrameSource(Protocol):
    """A source of frames: a file, a live camera, or stored checkpoints."""

    @property
    def info(self) -> SourceInfo:
        """Size, interval and announced length. Can be read before, during and after `frames`.

        BadVideo if the source cannot be read.
        """

    def frames(self, *, lazily: bool = False) -> Generator[Frame, None, None]:
        """The frames in order. Closing the iterator releases the resources of the source.

        With `lazily`, a picture is made when it is first used. BadVideo if the source cannot be read. Missing frames
        are no failure here: see `damage`.
        """

    @property
    def damage(self) -> Damage | None:
        """What is missing from the source; None if nothing is. Valid after the last frame."""


class KnownInput(Protocol):
    """What an earlier attempt or run computed for the frame that is being tracked."""

    def motion(self) -> CameraMotion | None:
        """The camera's motion, if it is known."""

    def keep_motion(self, motion: CameraMotion) -> None:
        """Keep what was measured."""

    def embed(self, frame: Frame, boxes: Boxes, compute: Callable[[Frame, Boxes], Embeddings]) -> Embeddings:
        """One embedding per box; those that are unknown are computed."""


class TrackSink(Protocol[Result_co]):
    """Derives results from tracked frames. Each result is returned once, when it is final."""

    def observe(self, frame: TrackedFrame) -> Iterable[Result_co]:
        """Process one frame. Returns the results that are now final."""

    def close(self) -> Iterable[Result_co]:
        """Process the end of the source. Returns the remaining results."""


class Pipeline(Protocol):
    """Source, detector and tracker, independent of the inference backend."""

    def open(self, path: Path, stride: int) -> FrameSource:
        """A local file as a source of every `stride`-th frame."""

    def detect(self, frames: Iterable[Frame], info: SourceInfo) -> Generator[DetectedFrame, None, None]:
        """Each frame with its boxes, in order."""

    def track(self, frames: Iterable[DetectedFrame], known: KnownInput | None = None) -> Iterator[TrackedFrame]:
        """Each frame with its tracks, in order. Every call starts a new tracker.

        `known` has embeddings and shifts of the camera that need not be computed.
        """

    def with_settings(self, detector: dict[str, object], track: dict[str, object]) -> Pipeline:
        """The same networks with other settings: name → valid value."""

    def probe(self) -> None:
        """EnvironmentFault if inference on a blank frame fails."""

    def traits(self) -> PipelineTraits:
        """The weights, precision and settings that determine the tracks."""

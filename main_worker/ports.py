"""The interfaces that stage 2 needs from its parts. Adapters implement them without importing this module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import Attributes, Forward, SnapshotImage
from video_analysis.worker_utils.db.row_types import AnalysisRequest, AnalysisState, FinishedAnalysis
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.worker_utils.models.fallback import Fallback


class SnapshotStorage(Protocol):
    """S3. Called from several threads at once."""

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        """(content, content type) of an object; Permanent if it is longer than the limit."""


class ProbedStorage(SnapshotStorage, Protocol):
    """S3, for the worker."""

    def probe_read(self, absent_key: str) -> None:
        """EnvironmentFault if objects cannot be read. There is no object `absent_key`."""


class Analyses(Protocol):
    """The rows of `image_analyses` and their results. Every method is one transaction and is idempotent."""

    def begin_analyses(self, requests: Sequence[AnalysisRequest]) -> Sequence[AnalysisState]:
        """Insert missing rows and record the start of an attempt in each. Returns the earlier rows, in order."""

    def mark_isolated_retry(self, analysis_id: str) -> None:
        """Record that a row whose earlier attempt crashed is now processed alone."""

    def finish_analyses(self, finished: Sequence[FinishedAnalysis]) -> None:
        """Upsert all results by (analysis, variant) and make the rows `done`, without an error_msg."""

    def fail_analysis(self, snapshot_uri: str, failure: WorkerError, final: bool) -> None:
        """Write text and code of the failure; if final, set the status to `error`. A `done` row is not changed."""

    def ping(self) -> None:
        """EnvironmentFault while the database does not answer."""


class AttributeSource(Protocol):
    """Reads colours and plate of a snapshot while the models classify it."""

    def start(self, image: SnapshotImage, yolo_type: str) -> Callable[[], Attributes]:
        """Start in the background. The returned function waits for the result, with a time limit, and never raises."""


class Model(Protocol):
    """One loaded checkpoint."""

    @property
    def checkpoint(self) -> str:
        """Its identifier in each row: name and hash."""

    @property
    def fallback(self) -> Fallback | None:
        """Code and reason if this checkpoint replaces the configured one, else None."""

    @property
    def labels(self) -> Labels:
        """The names of its logits."""

    @property
    def gflops(self) -> float | None:
        """10⁹ operations per snapshot; None if unknown."""

    def classify(self, images: Sequence[SnapshotImage]) -> Forward:
        """One forward pass. May raise any exception."""

    def warm_up(self) -> None:
        """Classify blank images. May raise any exception."""

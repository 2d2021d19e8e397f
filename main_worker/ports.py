"""What stage 2's recipe asks of its parts; the adapters serve these protocols without knowing of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.evidence import Fallback
from video_analysis.main_worker.types import Attributes, Forward, Picture
from video_analysis.worker_utils.db.row_types import AnalysisRequest, AnalysisState, FinishedAnalysis
from video_analysis.worker_utils.errors import WorkerError


class SnapshotStorage(Protocol):
    """S3, as far as stage 2 needs it. Called from several threads at once."""

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        """(content, content type) of an object; Permanent where it is longer than the limit."""


class Analyses(Protocol):
    """The rows of `image_analyses` and their results. Every method is one transaction and bears being repeated."""

    def begin_analyses(self, requests: Sequence[AnalysisRequest]) -> Sequence[AnalysisState]:
        """Insert the rows that are not there, write `attempts.opening` into each; the rows as found, in order."""

    def mark_isolated_retry(self, analysis_id: str) -> None:
        """Say of one whose earlier attempt died that it is now tried by itself."""

    def finish_analyses(self, finished: Sequence[FinishedAnalysis]) -> None:
        """Upsert all results by (analysis, variant) and make the rows `done`, without an error_msg."""

    def fail_analysis(self, snapshot_uri: str, failure: WorkerError, final: bool) -> None:
        """Write the text and code, and `error` when final, into a row that is there and not `done`."""

    def ping(self) -> None:
        """EnvironmentFault while the database does not answer."""


class Aside(Protocol):
    """What reads pictures beside the models."""

    def begin(self, picture: Picture, yolo_type: str) -> Callable[[], Attributes]:
        """Begin in the background; calling what this returns waits for the answer, not for long, and never raises."""


class Model(Protocol):
    """One checkpoint, ready to look at pictures."""

    @property
    def checkpoint(self) -> str:
        """What a row says it was made by."""

    @property
    def fallback(self) -> Fallback | None:
        """Set if this checkpoint replaces the configured one: which it is, and why."""

    @property
    def labels(self) -> Labels:
        """The names of its logits."""

    @property
    def gflops(self) -> float | None:
        """10⁹ operations for one picture, where known."""

    def classify(self, pictures: Sequence[Picture]) -> Forward:
        """One forward pass; may raise anything."""

    def warm_up(self) -> None:
        """Pass a blank picture; may raise anything."""

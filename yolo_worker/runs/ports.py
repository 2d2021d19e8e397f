"""Protocols of the parts that runs need. Adapters implement them without importing this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from video_analysis.worker_utils.db.run_choice import NoWork, SameRun
from video_analysis.worker_utils.db.run_types import (
    CheckpointPart,
    FinishedVideo,
    Overrides,
    RunProgress,
    RunStart,
    RunState,
    SourceFile,
    StoredRun,
)
from video_analysis.worker_utils.errors import Cancelled, Paused, WorkerError


class Runs(Protocol):
    """Access to the rows of `video_runs`."""

    def missing(self) -> str | None:
        """What this role lacks to use the table; None if nothing."""

    def find(self, run_id: str, video_id: str, workspace_id: str) -> StoredRun | None:
        """The run with this id, of this video and workspace."""

    def start(self, begun: RunStart) -> SameRun | NoWork | Paused | Cancelled:
        """Begin the run of a message, or its next attempt; or do what an operator requested."""

    def identify(self, run_id: str, begun: RunStart, source: SourceFile) -> StoredRun | None:
        """Keep which file an attempt processes. Returns the run to process: a new one if the file was replaced."""

    def write_progress(self, run_id: str, progress: RunProgress) -> RunState | None:
        """Write the progress and read the state of the row; None if the row is gone."""

    def complete(self, run_id: str, progress: RunProgress, video: FinishedVideo | None = None) -> RunState | None:
        """Mark the run `completed` and the video `done`. Returns the run as it was: one that was stopped stays so."""

    def stop(self, run_id: str) -> Paused | Cancelled | None:
        """Do what an operator requested, in the rows of run and video. None if the request was taken back."""

    def end_attempt(
        self,
        video_id: str,
        workspace_id: str,
        message_id: str,
        failure: WorkerError,
        *,
        final: bool,
        run_id: str | None = None,
    ) -> bool:
        """Write the failure of an attempt into the run of a message. Returns whether it belongs into `videos`, too."""


class CheckpointRows(Protocol):
    """Access to the rows of `stage_checkpoints`."""

    def missing(self) -> str | None:
        """What this role lacks to use the table; None if nothing."""

    def add(self, part: CheckpointPart) -> bool:
        """Insert the row of a part. False if there is one with its number."""

    def of_run(self, run_id: str, *, only_replaced: bool = False) -> Sequence[CheckpointPart]:
        """The parts of a run, the newest first; then those of its parent, and so on.

        With `only_replaced`, only of failed parents in whose place the run is: those of the same stage.
        """


class CheckpointStore(Protocol):
    """Access to the objects of checkpoints in S3."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object."""

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        """(content, content type) of an object of at most `limit_bytes`."""


class CameraRows(Protocol):
    """Access to the rows of `camera_settings`."""

    def missing(self) -> str | None:
        """What this role lacks to use the table; None if nothing."""

    def overrides(self, workspace_id: str, camera_code: str) -> Overrides:
        """The settings of a camera; empty if it has none."""

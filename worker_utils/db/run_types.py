"""Values that the repository of `video_runs` takes and returns. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from video_analysis.worker_utils.errors import Cancelled, Paused, Transient

RunStatus = Literal["pending", "running", "paused", "completed", "failed", "cancelled"]
RunType = Literal["initial", "replay", "retry"]
ReplayStage = Literal["detect", "track", "select"]
Request = Literal["pause", "cancel"]
Overrides = Mapping[str, object]
"""Setting, as `track.max_age_s` → value."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Which version of a raw file was processed."""

    etag: str
    size_bytes: int

    def key(self, run_key: str) -> str:
        """The run key of these settings where another file of the video has `run_key`: its rows are others."""
        return hashlib.sha256(json.dumps([run_key, self.etag, self.size_bytes]).encode()).hexdigest()[: len(run_key)]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The columns of a run's row on which the next step depends."""

    id: str
    run_type: RunType
    status: RunStatus
    root_run_id: str
    run_key: str | None = None
    """None while a run is pending that no worker has begun."""
    replay_from_stage: ReplayStage | None = None
    config_overrides: Overrides | None = None
    requested: Request | None = None
    config_snapshot: Mapping[str, object] | None = None
    """Of a replay that no worker has begun: that of its parent."""
    source_etag: str | None = None
    """With `source_bytes` the file that the run processes; None before its first attempt, and in older rows."""
    source_bytes: int | None = None
    inherited: Overrides | None = None
    """The overrides of the parent; only of a run that is found by its id."""

    @property
    def source(self) -> SourceFile | None:
        """The file that the run processes; None if it is unknown."""
        if self.source_etag is None or self.source_bytes is None:
            return None
        return SourceFile(self.source_etag, self.source_bytes)

    def has_key(self, run_key: str) -> bool:
        """Whether settings with this run key process the run, for any file."""
        return self.run_key in (None, run_key) or (self.source is not None and self.run_key == self.source.key(run_key))

    @property
    def awaits_stop(self) -> bool:
        """Whether an operator requested something that no worker has done yet.

        A run that has failed has a request only if that was its last receive, at which it has failed in advance.
        """
        return self.requested is not None and self.status in ("running", "failed")

    @property
    def changes_video(self) -> bool:
        """Whether the row in `videos` shows the state of the run: not that of a replay that an operator started.

        Only such a replay has overrides, which may be empty.
        """
        return self.run_type != "replay" or self.config_overrides is None


@dataclass(frozen=True, slots=True)
class RunStart:
    """What begins or continues a run, and the columns that describe its attempt."""

    video_id: str
    workspace_id: str
    message_id: str
    run_key: str
    config_snapshot: Mapping[str, object]
    """The settings that enter the run key, by their names in it."""
    code_version: str
    worker: str
    """Host and process."""
    is_last: bool
    """The message is not received again: if this attempt crashes, the run must have failed."""
    run_id: str | None = None
    """The run that the message names."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The columns of a run that change while it is processed."""

    current_stage: str
    frames_done: int
    """Processed frames: those that the stride skips are not counted."""
    frames_total: int | None
    """None if the source has no exact number."""
    progress: float | None
    """0..1; None if the total is unknown."""
    fps: float | None
    """Processed frames per second."""
    eta_s: float | None
    vehicles: int
    """Vehicles whose message was sent."""


@dataclass(frozen=True, slots=True)
class RunState:
    """What other processes did to a run."""

    status: RunStatus
    requested: Request | None
    error_code: str | None = None

    @property
    def is_ended_by_others(self) -> bool:
        """Whether another process ended the work, at an operator's request or since it has other settings."""
        return self.status in ("paused", "cancelled") or self.error_code == "superseded"


@dataclass(frozen=True, slots=True)
class FinishedVideo:
    """The video of a run that is completed."""

    video_id: str
    workspace_id: str
    damage: str | None
    """What is missing from its file."""


@dataclass(frozen=True, slots=True)
class CheckpointPart:
    """One stored part of a run's tracker input, and what it was computed from."""

    run_id: str
    part: int
    """Number from 0 in its run."""
    first_frame: int
    last_frame: int
    first_offset_ms: int
    last_offset_ms: int
    s3_key: str
    bytes: int
    sha256: str
    source_etag: str
    source_bytes: int
    traits_hash: str
    """Of the settings and weights that determine boxes and embeddings."""


def stopped(request: Request) -> Paused | Cancelled:
    """The end of an attempt at an operator's request."""
    return Paused("paused by an operator") if request == "pause" else Cancelled("cancelled by an operator")


def missing_run(run_id: str) -> Transient:
    """The failure of a message that names a run without a row."""
    return Transient(f"video_runs has no row {run_id} of this video that can be read", code="no_run_row")

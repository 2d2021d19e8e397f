"""The result of a video and its difference from the reference run, without ids, times and latency. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from video_analysis.ops.report.stored_results import StoredResults
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri

EXCLUDED_COLUMNS = {"id", "snapshot_s3_key", "error_msg", "updated_at", "result_updated_at", "latency_ms"}
"""Columns that may differ between two runs. Of the snapshot's key the file name is compared.

Of `error_msg` only its presence is compared; its meaning is in `error_code`.
"""
TIMES = {"detected_in_ms", "detected_at"}
Vehicle = tuple[object, ...]
"""Name and hash of the snapshot (None if it is missing), and the row as JSON."""


@dataclass(frozen=True, slots=True)
class VideoResult:
    """The video's status, and each track's rows with the hash of its snapshot."""

    status: str
    attempt_state: str | None
    error_code: str | None
    has_text: bool
    vehicles: Mapping[int, tuple[Vehicle, ...]]

    @classmethod
    def of(cls, found: StoredResults, *, has_other_run: bool = False) -> VideoResult:
        """The result of one video.

        With `has_other_run` without the times, also in the names of the snapshots: beside the vehicle of another run
        with the same track and time, that of this run is one millisecond later.
        """
        vehicles: dict[int, tuple[Vehicle, ...]] = {}
        for row in found.rows:
            track = row["track_id"]
            vehicles[track] = (*vehicles.get(track, ()), _vehicle(row, found, has_other_run=has_other_run))
        video = found.video
        has_text = video["error_msg"] is not None
        return cls(video["status"], video["attempt_state"], video["error_code"], has_text, vehicles)

    @property
    def outcome(self) -> tuple[object, ...]:
        """Status, state, code and presence of a text of the video itself."""
        return self.status, self.attempt_state, self.error_code, self.has_text


@dataclass(frozen=True, slots=True)
class ResultDiff:
    """How a run differs from the reference run."""

    lost: int = 0
    """Vehicles without their row or snapshot."""
    duplicated: int = 0
    """Extra rows, results or snapshots."""
    divergent: int = 0
    """Vehicles and videos with other values."""

    def __add__(self, other: ResultDiff) -> ResultDiff:
        return ResultDiff(self.lost + other.lost, self.duplicated + other.duplicated, self.divergent + other.divergent)


def compare(reference: VideoResult, found: VideoResult) -> ResultDiff:
    """Compare all vehicles of both runs."""
    lost = [track for track, rows in reference.vehicles.items() if _is_lost(rows, found.vehicles.get(track, ()))]
    extra = [track for track in found.vehicles if track not in reference.vehicles]
    shared = (reference.vehicles.keys() & found.vehicles.keys()) - set(lost)
    doubled = [track for track in shared if len(found.vehicles[track]) > len(reference.vehicles[track])]
    other = [track for track in shared if Counter(found.vehicles[track]) != Counter(reference.vehicles[track])]
    status = reference.outcome != found.outcome
    return ResultDiff(len(lost), len(extra) + len(doubled), len(set(other) - set(doubled)) + status)


def unreferenced_objects(found: StoredResults) -> int:
    """Number of snapshots without a row."""
    named = {parse_snapshot_uri(row["snapshot_s3_key"]).key for row in found.rows}
    return len(set(found.snapshots) - named)


def _is_lost(rows: tuple[Vehicle, ...], found: tuple[Vehicle, ...]) -> bool:
    """Whether a row or a snapshot is missing."""
    return len(found) < len(rows) or any(row[1] is None for row in found)


def _vehicle(row: Mapping[str, Any], found: StoredResults, *, has_other_run: bool) -> Vehicle:
    key = parse_snapshot_uri(row["snapshot_s3_key"]).key
    picture = found.snapshots.get(key)
    digest = None if picture is None else hashlib.sha256(picture.content).hexdigest()
    excluded = EXCLUDED_COLUMNS | (TIMES if has_other_run else set())
    kept = {column: value for column, value in row.items() if column not in excluded}
    kept["has_text"] = row["error_msg"] is not None
    return None if has_other_run else key.rsplit("/", 1)[1], digest, json.dumps(kept, sort_keys=True, default=str)

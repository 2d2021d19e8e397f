"""What a video came to, without what may differ between two runs: timestamps, latency, memory, ids. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from video_analysis.devstack.stored_results import StoredResults
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri

EXCLUDED_COLUMNS = {"id", "snapshot_s3_key", "error_msg", "updated_at", "result_updated_at", "latency_ms"}
"""Columns that two runs need not share; of the picture's name all but the video's id is compared.

Instead of the text of `error_msg`, its codes are compared, and whether there is a text.
"""
Vehicle = tuple[object, ...]
"""Name and hash of the picture (None where it is gone), then the row."""


@dataclass(frozen=True, slots=True)
class VideoResult:
    """The video's status and each track's rows, with a hash of its picture."""

    status: str
    attempt_state: str | None
    error_code: str | None
    has_text: bool
    vehicles: Mapping[int, tuple[Vehicle, ...]]

    @classmethod
    def of(cls, found: StoredResults) -> VideoResult:
        """The accounts of one video."""
        vehicles: dict[int, tuple[Vehicle, ...]] = {}
        for row in found.rows:
            track = row["track_id"]
            vehicles[track] = (*vehicles.get(track, ()), _vehicle(row, found))
        video = found.video
        has_text = video["error_msg"] is not None
        return cls(video["status"], video["attempt_state"], video["error_code"], has_text, vehicles)

    @property
    def outcome(self) -> tuple[object, ...]:
        """What became of the video itself."""
        return self.status, self.attempt_state, self.error_code, self.has_text


@dataclass(frozen=True, slots=True)
class ResultDiff:
    """How a run differs from the reference one."""

    lost: int = 0
    """Vehicles without their row or picture."""
    duplicated: int = 0
    """Rows, results or pictures too many."""
    divergent: int = 0
    """Vehicles and videos that came out otherwise."""

    def __add__(self, other: ResultDiff) -> ResultDiff:
        return ResultDiff(self.lost + other.lost, self.duplicated + other.duplicated, self.divergent + other.divergent)


def compare(reference: VideoResult, found: VideoResult) -> ResultDiff:
    """Account for every vehicle of both."""
    lost = [track for track, rows in reference.vehicles.items() if _is_lost(rows, found.vehicles.get(track, ()))]
    extra = [track for track in found.vehicles if track not in reference.vehicles]
    shared = (reference.vehicles.keys() & found.vehicles.keys()) - set(lost)
    doubled = [track for track in shared if len(found.vehicles[track]) > len(reference.vehicles[track])]
    other = [track for track in shared if Counter(found.vehicles[track]) != Counter(reference.vehicles[track])]
    status = reference.outcome != found.outcome
    return ResultDiff(len(lost), len(extra) + len(doubled), len(set(other) - set(doubled)) + status)


def unreferenced_objects(found: StoredResults) -> int:
    """Objects that no row names: pictures too many."""
    named = {parse_snapshot_uri(row["snapshot_s3_key"]).key for row in found.rows}
    return len(set(found.snapshots) - named)


def _is_lost(rows: tuple[Vehicle, ...], found: tuple[Vehicle, ...]) -> bool:
    """A row too few, or a picture that is gone."""
    return len(found) < len(rows) or any(row[1] is None for row in found)


def _vehicle(row: Mapping[str, Any], found: StoredResults) -> Vehicle:
    key = parse_snapshot_uri(row["snapshot_s3_key"]).key
    picture = found.snapshots.get(key)
    digest = None if picture is None else hashlib.sha256(picture.content).hexdigest()
    told = {column: value for column, value in row.items() if column not in EXCLUDED_COLUMNS}
    told["has_text"] = row["error_msg"] is not None
    return key.rsplit("/", 1)[1], digest, json.dumps(told, sort_keys=True, default=str)

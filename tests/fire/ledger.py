"""What a video came to, without what may differ between two runs: timestamps, latency, memory, ids. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from video_analysis.demo.findings import Findings
from video_analysis.worker_utils.keys import parse_snapshot_uri

COMPARED = (
    *("detected_in_ms", "yolo_type", "status", "error_msg", "variant", "checkpoint"),
    *("type_label", "type_conf", "make_label", "make_conf", "model_label", "model_conf"),
)
Vehicle = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The video's status and each track's rows, with a hash of its picture."""

    status: str
    reason: str | None
    vehicles: Mapping[int, tuple[Vehicle, ...]]

    @classmethod
    def of(cls, found: Findings) -> Ledger:
        """The accounts of one video."""
        vehicles: dict[int, tuple[Vehicle, ...]] = {}
        for row in found.rows:
            track = row["track_id"]
            vehicles[track] = (*vehicles.get(track, ()), _vehicle(row, found))
        return cls(found.video["status"], found.video["error_msg"], vehicles)


@dataclass(frozen=True, slots=True)
class Losses:
    """How a run differs from the undisturbed one."""

    lost: int = 0
    """Vehicles without their row or picture."""
    duplicated: int = 0
    """Rows, results or pictures too many."""
    divergent: int = 0
    """Vehicles and videos that came out otherwise."""

    def __add__(self, other: Losses) -> Losses:
        return Losses(self.lost + other.lost, self.duplicated + other.duplicated, self.divergent + other.divergent)


def compare(undisturbed: Ledger, found: Ledger) -> Losses:
    """Account for every vehicle of both."""
    lost = [track for track in undisturbed.vehicles if track not in found.vehicles]
    extra = [track for track in found.vehicles if track not in undisturbed.vehicles]
    shared = undisturbed.vehicles.keys() & found.vehicles.keys()
    doubled = [track for track in shared if len(found.vehicles[track]) > len(undisturbed.vehicles[track])]
    other = [track for track in shared if Counter(found.vehicles[track]) != Counter(undisturbed.vehicles[track])]
    status = (undisturbed.status, undisturbed.reason) != (found.status, found.reason)
    return Losses(len(lost), len(extra) + len(doubled), len(set(other) - set(doubled)) + status)


def stray_pictures(found: Findings) -> int:
    """Objects that no row names: pictures too many."""
    named = {parse_snapshot_uri(row["snapshot_s3_key"]).key for row in found.rows}
    return len(set(found.snapshots) - named)


def _vehicle(row: Mapping[str, Any], found: Findings) -> Vehicle:
    key = parse_snapshot_uri(row["snapshot_s3_key"]).key
    picture = found.snapshots.get(key)
    digest = None if picture is None else hashlib.sha256(picture.content).hexdigest()
    return (key.rsplit("/", 1)[1], digest, *(row[column] for column in COMPARED))

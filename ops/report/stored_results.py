"""The rows and snapshots of one video, as the report shows them, and a check of their consistency."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri

ROWS = """
SELECT a.id, a.track_id, a.snapshot_s3_key, a.detected_in_ms, a.detected_at, a.yolo_type, a.detected_box, a.status,
       a.attempt_state, a.error_code, a.error_msg, a.updated_at,
       r.variant, r.type_label, r.type_conf, r.make_label, r.make_conf, r.model_label, r.model_conf,
       r.colors, r.plate_text, r.plate_conf, r.evidence, r.checkpoint, r.latency_ms, r.updated_at AS result_updated_at
FROM {} a LEFT JOIN image_analysis_results r ON r.analysis_id = a.id
WHERE a.video_id = %s ORDER BY a.track_id, r.variant
"""
"""Of one video, from `image_analyses` or the view `current_image_analyses`."""


@dataclass(frozen=True)
class StoredSnapshot:
    """One object under the video's snapshots/ prefix."""

    key: str
    content_type: str
    content: bytes

    @property
    def image(self) -> NDArray[np.uint8]:
        """The decoded snapshot, H×W×3 BGR."""
        picture: NDArray[np.uint8] = cv2.imdecode(np.frombuffer(self.content, np.uint8), cv2.IMREAD_COLOR)
        return picture


@dataclass(frozen=True)
class StoredResults:
    """All rows and snapshots of one video."""

    video: dict[str, Any]
    rows: list[dict[str, Any]]
    snapshots: dict[str, StoredSnapshot]

    @property
    def analyses(self) -> dict[int, dict[str, Any]]:
        """One row per vehicle, by track; of two variants the baseline's."""
        first: dict[int, dict[str, Any]] = {}
        for row in self.rows:
            first.setdefault(row["track_id"], row)
        return first

    def digest(self) -> str:
        """A hash over all rows, keys and contents; a redelivered message must not change it."""
        lines = [str(self.video), *map(str, self.rows)]
        lines += [f"{key} {hashlib.sha256(item.content).hexdigest()}" for key, item in sorted(self.snapshots.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def faults(self) -> list[str]:
        """Inconsistencies as text; empty if every vehicle has its finished row and its snapshot."""
        lines = []
        if self.video["status"] != "done":
            lines.append(f"the video is {self.video['status']}: {self.video['error_msg']}")
        lines += [
            f"vehicle {track} is {row['status']}: {row['error_msg']}"
            for track, row in self.analyses.items()
            if row["status"] != "done"
        ]
        named = {parse_snapshot_uri(row["snapshot_s3_key"]).key for row in self.rows}
        lines += [f"the row names {key}, which is not in S3" for key in sorted(named - set(self.snapshots))]
        lines += [f"S3 holds {key}, which no row names" for key in sorted(set(self.snapshots) - named)]
        lines += [f"{item.key} is not a 640×640 JPEG" for item in self.snapshots.values() if not _fits(item)]
        return lines


def _fits(item: StoredSnapshot) -> bool:
    return item.content_type == "image/jpeg" and item.content[:2] == b"\xff\xd8" and item.image.shape == (640, 640, 3)

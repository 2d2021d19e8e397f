"""Reads the results of both variants of each current snapshot, for a comparison of two models. Writes nothing.

Current are the rows of the view current_image_analyses: a video that was processed several times counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from video_analysis.worker_utils.db.connection import Database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Scope = Literal["video", "workspace"]

READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
COUNTS = """
SELECT EXISTS (SELECT FROM videos WHERE {video} = %(id)s), count(DISTINCT a.id),
       count(*) FILTER (WHERE r.variant = 'baseline'), count(*) FILTER (WHERE r.variant = 'cmt')
FROM current_image_analyses a LEFT JOIN image_analysis_results r ON r.analysis_id = a.id WHERE a.{analysis} = %(id)s
"""
PAIRS = """
SELECT a.video_id::text, a.camera_code, a.track_id, a.detected_in_ms, a.snapshot_s3_key, a.yolo_type,
       b.checkpoint, b.type_label, b.make_label, b.model_label, b.type_conf, b.make_conf, b.model_conf, b.latency_ms,
       c.checkpoint, c.type_label, c.make_label, c.model_label, c.type_conf, c.make_conf, c.model_conf, c.latency_ms
FROM current_image_analyses a
JOIN image_analysis_results b ON b.analysis_id = a.id AND b.variant = 'baseline'
JOIN image_analysis_results c ON c.analysis_id = a.id AND c.variant = 'cmt'
WHERE a.{analysis} = %(id)s ORDER BY a.video_id, a.detected_in_ms, a.track_id, a.id
"""
COLUMNS: dict[Scope, dict[str, str]] = {
    "video": {"video": "id", "analysis": "video_id"},
    "workspace": {"video": "workspace_id", "analysis": "workspace_id"},
}
"""The columns of `videos` and of the view that the UUID is compared with."""
SNAPSHOT_COLUMNS, VARIANT_COLUMNS = 6, 8
"""Numbers of columns in a row of PAIRS: of the snapshot, and of each variant."""


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """The compared columns of one variant's row. Labels and confidences (0..1) are those of type, make, model."""

    checkpoint: str | None
    labels: tuple[str | None, str | None, str | None]
    """None: the model abstained."""
    confs: tuple[float | None, float | None, float | None]
    latency_ms: int | None


@dataclass(frozen=True, slots=True)
class ComparedSnapshot:
    """A snapshot with results of both variants."""

    video_id: str
    camera_code: str
    track_id: int
    offset_ms: int
    snapshot_uri: str
    yolo_type: str
    baseline: StoredVerdict
    cmt: StoredVerdict


@dataclass(frozen=True, slots=True)
class Comparable:
    """The rows of a video or a workspace, all read in one transaction."""

    is_known: bool
    """Whether `videos` has a row; a video that an operator sent by a raw message has none."""
    snapshots: int
    baseline_rows: int
    cmt_rows: int
    pairs: Sequence[ComparedSnapshot]
    """Ordered by video, then by time."""


class StoredVerdicts:
    """The stored results, read in a read-only transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, scope: Scope, identifier: str) -> Comparable:
        """The current rows of the video or workspace with this UUID."""

        def select(cursor: Cursor) -> Comparable:
            cursor.execute(READ_ONLY)
            cursor.execute(COUNTS.format(**COLUMNS[scope]), {"id": identifier})
            ((is_known, snapshots, baseline_rows, cmt_rows),) = cursor.fetchall()
            cursor.execute(PAIRS.format(**COLUMNS[scope]), {"id": identifier})
            pairs = [_pair(row) for row in cursor.fetchall()]
            return Comparable(is_known, snapshots, baseline_rows, cmt_rows, pairs)

        return self._database.transaction(select)


def _pair(row: tuple[Any, ...]) -> ComparedSnapshot:
    columns: list[Any] = [
        *row[:SNAPSHOT_COLUMNS],
        _verdict(row[SNAPSHOT_COLUMNS : SNAPSHOT_COLUMNS + VARIANT_COLUMNS]),
        _verdict(row[SNAPSHOT_COLUMNS + VARIANT_COLUMNS :]),
    ]
    return ComparedSnapshot(*columns)


def _verdict(columns: tuple[Any, ...]) -> StoredVerdict:
    checkpoint, *values, latency_ms = columns
    labels, confs = (values[0], values[1], values[2]), (values[3], values[4], values[5])
    return StoredVerdict(checkpoint, labels, confs, latency_ms)

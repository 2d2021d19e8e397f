"""Reads what the report shows of any video: its row or its run, the current snapshots and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from video_analysis.main_worker.ports import SnapshotStorage
from video_analysis.ops import stored_pictures
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.report.run_facts import Clip, RunFacts
from video_analysis.ops.report.stored_results import ROWS, StoredResults, StoredSnapshot
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Row = dict[str, Any]
VIDEO = "SELECT * FROM videos WHERE id = %s"
RUN = """
SELECT * FROM video_runs WHERE video_id = %s ORDER BY status = 'completed' DESC, created_at DESC, id LIMIT 1
"""
STATUS = {"completed": "done", "failed": "error", "cancelled": "error"}
"""Status of a run → status of a video."""
SHOWN = ("file_name", "error_msg", "recorded_at", "camera_label", "camera_code", "frame_stride")
"""Columns of `videos` that the page shows; a table of the API may lack some."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one video."""

    video: Row
    run: Row | None
    """The newest completed run, or else the newest one."""
    rows: list[Row]


def read(database: Database, video_id: str) -> Found:
    """The rows. CommandError if there is none."""
    return database.transaction(lambda cursor: _read(cursor, video_id))


def results(found: Found, store: SnapshotStorage, bucket: str) -> StoredResults:
    """The rows with their snapshots; one that cannot be read is left out."""
    uris = list(dict.fromkeys(str(row["snapshot_s3_key"]) for row in found.rows))
    fetched = stored_pictures.fetch_all(store, bucket, uris, _snapshot)
    pictures = [one.result for one in fetched if one.result is not None]
    return StoredResults(found.video, found.rows, {picture.key: picture for picture in pictures})


def facts(found: Found) -> RunFacts:
    """What the rows have about the run; the file itself is not read."""
    box: Mapping[str, Any] = next((row["detected_box"] for row in found.rows if row["detected_box"]), {})
    clip = Clip(int(box.get("frame_width", 0)), int(box.get("frame_height", 0)), 0, 0.0)
    run = found.run
    if run is None:
        return RunFacts(clip, "")
    finished = max((row["result_updated_at"] for row in found.rows if row["result_updated_at"]), default=None)
    steps = [
        ("yolo_worker", _seconds(run["started_at"], run["completed_at"])),
        ("main_worker, after that", _seconds(run["completed_at"], finished)),
    ]
    return RunFacts(clip, "", run["frames_done"], [step for step in steps if step[1] > 0])


def _read(cursor: Cursor, video_id: str) -> Found:
    run = next(iter(_rows(cursor, RUN, video_id)), None)
    video = next(iter(_rows(cursor, VIDEO, video_id)), None)
    rows = _rows(cursor, ROWS.format("current_image_analyses"), video_id)
    if video is None and run is None and not rows:
        raise CommandError(f"no row names the video {video_id}; check the id, and CVITX_DATABASE_URL")
    camera = parse_snapshot_uri(rows[0]["snapshot_s3_key"]).camera_code if rows else None
    shown = dict.fromkeys(SHOWN) | (video or _video_of(run, video_id))
    return Found(shown | {"camera_code": shown["camera_code"] or camera}, run, rows)


def _video_of(run: Row | None, video_id: str) -> Row:
    """In place of a row in `videos`."""
    if run is None:
        return {"file_name": video_id, "status": "unknown"}
    stride = (run["config_snapshot"] or {}).get("stride")
    status = STATUS.get(run["status"], run["status"])
    return {"file_name": video_id, "status": status, "error_msg": run["error_msg"], "frame_stride": stride}


def _rows(cursor: Cursor, statement: str, video_id: str) -> list[Row]:
    cursor.execute(statement, (video_id,))
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _snapshot(uri: str, content: bytes, _image: Image) -> StoredSnapshot:
    return StoredSnapshot(parse_snapshot_uri(uri).key, CONTENT_TYPE, content)


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return 0.0 if start is None or end is None else max(0.0, (end - start).total_seconds())

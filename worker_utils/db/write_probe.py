"""Write probes: every statement of a worker, on rows that are rolled back.

A read is not enough: it succeeds on a full disk, on a standby and without the grants to write. The statements are those
of the repositories, so that a probe succeeds exactly if the work of a valid message would.

New rows belong to a video that exists, since the database may have foreign keys on the ids and codes of a snapshot.
While there is no video, such a key refuses the rows: the probe then ends there, and succeeds. No message is lost by
that: the first one that passes the key has a video, and its failure runs the probe again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, replace
from secrets import randbelow
from typing import TYPE_CHECKING, get_args

from video_analysis.worker_utils.contracts.messages import ProcessVideo, ProcessVideoDb, SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri, parse_snapshot_uri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db import access, image_analyses, image_analysis_results, videos
from video_analysis.worker_utils.db.attempt_status import GIVEN_UP, STARTED, AttemptStart
from video_analysis.worker_utils.db.connection import OpenTransaction
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import (
    AnalysisRequest,
    DetectedBox,
    FinishedAnalysis,
    VariantResult,
    snapshot_columns,
)
from video_analysis.worker_utils.db.run_types import Request, stopped
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import Transient

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

FAILURE = Transient("probe")
BOX = DetectedBox(x1=0, y1=0, x2=1, y2=1, frame_width=1, frame_height=1)
READABLE_VIDEOS = """
SELECT count(*) = 4 FROM pg_attribute
WHERE attrelid = to_regclass('videos') AND NOT attisdropped
    AND attname IN ('id', 'workspace_id', 'workspace_code', 'camera_code')
    AND has_column_privilege(attrelid, attnum, 'SELECT')
"""
"""main_worker needs no grant on `videos`."""
CANDIDATES = 100
"""Rows of a table that are read to find a video with valid ids and codes."""
VIDEOS = f"""
SELECT workspace_id::text, id::text, coalesce(workspace_code, %s), coalesce(camera_code, %s) FROM videos
LIMIT {CANDIDATES}
"""  # noqa: S608  # a constant
CODES = "CTX0000", "CAM0"
"""Of a video without codes."""
RESULT = VariantResult("baseline", "probe@1", "Car", 0.5, None, None, None, None, {}, {}, 1, None, 0.1)


def stage_one(cursor: Cursor) -> None:
    """The statements of yolo_worker. EnvironmentFault if one is not permitted or has no effect."""
    access.check(cursor, (videos.ACCESS, image_analyses.CLAIM_ACCESS))
    _probe_videos(cursor, _message(_new_video()))
    message = _message(_existing_video(cursor) or _new_video())
    _unless_vanished(cursor, lambda: _probe_claims(cursor, message))


def stage_two(cursor: Cursor) -> None:
    """The statements of main_worker. EnvironmentFault if one is not permitted or has no effect."""
    access.check(cursor, (image_analyses.ANALYSIS_ACCESS, image_analysis_results.ACCESS))
    message = _message(_existing_video(cursor) or _new_video())
    _unless_vanished(cursor, lambda: _probe_analysis(cursor, message))


def _message(uri: SnapshotUri) -> SnapshotReady:
    return snapshot_ready(uri, None, "Car")


def _new_video() -> SnapshotUri:
    return _new_snapshot(_first_snapshot(str(uuid.uuid4()), str(uuid.uuid4()), *CODES))


def _first_snapshot(workspace_id: str, video_id: str, workspace_code: str, camera_code: str) -> SnapshotUri:
    return SnapshotUri("probe", workspace_id, video_id, workspace_code, camera_code, track_id=1, offset_ms=0)


def _new_snapshot(uri: SnapshotUri) -> SnapshotUri:
    """A random offset: two probes with equal keys would wait for each other."""
    return replace(uri, bucket="probe", track_id=1, offset_ms=randbelow(1 << 30))


def _existing_video(cursor: Cursor) -> SnapshotUri | None:
    """A new snapshot of an existing video; None if there is none.

    One of `image_analyses` is preferred: every foreign key has accepted its ids and codes.
    """
    for read in (_snapshots, _snapshots_of_videos):
        for uri in read(cursor):
            with suppress(ValueError):  # another program's row
                return _new_snapshot(parse_snapshot_uri(uri))
    return None


def _snapshots(cursor: Cursor) -> Sequence[str]:
    cursor.execute(f"SELECT snapshot_s3_key FROM image_analyses LIMIT {CANDIDATES}")  # noqa: S608  # a constant
    found = [uri for (uri,) in cursor.fetchall()]
    if not found:
        access.check_visible(cursor, image_analyses.CLAIM_ACCESS.name)
    return found


def _snapshots_of_videos(cursor: Cursor) -> Sequence[str]:
    cursor.execute(READABLE_VIDEOS)
    if cursor.fetchone() != (True,):
        return []
    cursor.execute(VIDEOS, CODES)
    return [str(_first_snapshot(*ids_and_codes)) for ids_and_codes in cursor.fetchall()]


def _probe_videos(cursor: Cursor, message: SnapshotReady) -> None:
    """The statements match no row: the API owns the table. PostgreSQL checks grants, columns and enum labels anyway."""
    ids = message.video_id, message.workspace_id
    repository = VideoRepository(OpenTransaction(cursor))
    with suppress(Transient):  # no such row
        repository.resolve(ProcessVideoDb(video_id=ids[0], workspace_id=ids[1]))
    task = ProcessVideo(
        video_id=message.video_id,
        workspace_id=message.workspace_id,
        workspace_code=message.workspace_code,
        camera_code=message.camera_code,
        s3_key_raw=f"demo_user/{message.workspace_id}/{message.video_id}/raw/probe.mp4",
        frame_stride=1,
        recordedAt=None,
    )
    videos.start(cursor, task, receive_count=1, is_last=False)
    for row in (STARTED, GIVEN_UP):
        videos.write_attempt(cursor, message.video_id, AttemptStart(row))
    repository.fail(*ids, FAILURE, final=True)
    for request in get_args(Request):
        videos.write_stop(cursor, *ids, stopped(request))
    repository.finish(task)


def _probe_claims(cursor: Cursor, message: SnapshotReady) -> None:
    """Insert a row, adopt a row of the same run, and a row without a run; hold its message, and send it."""
    repository = ImageAnalysisRepository(OpenTransaction(cursor))
    other = snapshot_ready(replace(message.snapshot, track_id=2), None, "Car")
    cursor.execute(image_analyses.INSERT, (*astuple(snapshot_columns(other)), *[None] * len(image_analyses.FROM_RUN)))
    for claimed in (message, message, other, other):
        repository.claim(claimed, "probe", BOX)
    repository.claim(snapshot_ready(replace(message.snapshot, offset_ms=1), None, "Car"), "another probe", BOX)
    repository.mark_send_denied(message.snapshot_s3_key, FAILURE)
    repository.mark_sent(message.snapshot_s3_key)


def _probe_analysis(cursor: Cursor, message: SnapshotReady) -> None:
    """Begin an attempt at a new row, at the same row again, alone; fail, and finish with a result that is replaced."""
    repository = ImageAnalysisRepository(OpenTransaction(cursor))
    for receive_count, is_last in ((1, False), (2, False), (3, True)):
        (state,) = repository.begin_analyses([_request(message, receive_count, is_last)])
    repository.mark_isolated_retry(state.id)
    repository.fail_analysis(message.snapshot_s3_key, FAILURE, final=True)
    for checkpoint in ("probe@1", "probe@2"):
        repository.finish_analyses([FinishedAnalysis(state.id, (replace(RESULT, checkpoint=checkpoint),))])
    (state,) = repository.begin_analyses([_request(message, 1, is_last=False)])
    if state.status != "done":
        raise access.hidden_rows(cursor, image_analyses.ANALYSIS_ACCESS.name)
    if state.done_checkpoints != {"baseline": "probe@2"}:
        raise access.hidden_rows(cursor, image_analysis_results.ACCESS.name)


def _request(message: SnapshotReady, receive_count: int, is_last: bool) -> AnalysisRequest:
    return AnalysisRequest(**asdict(snapshot_columns(message)), receive_count=receive_count, is_last=is_last)


def _unless_vanished(cursor: Cursor, statements: Callable[[], None]) -> None:
    """Run `statements`. A row that cannot be found after its insert is the environment's fault."""
    try:
        statements()
    except Transient as vanished:
        raise access.hidden_rows(cursor, image_analyses.CLAIM_ACCESS.name) from vanished

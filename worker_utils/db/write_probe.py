"""Write probes: every statement of a worker, on rows that are rolled back.

A read is not enough: it succeeds on a full disk, on a standby and without the grants to write. The statements are those
of the repositories, so that a probe succeeds exactly if the work of a valid message would.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, astuple, replace
from typing import TYPE_CHECKING

from video_analysis.worker_utils.contracts.messages import ProcessVideo, ProcessVideoDb, SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
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
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import Transient

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

FAILURE = Transient("probe")
BOX = DetectedBox(x1=0, y1=0, x2=1, y2=1, frame_width=1, frame_height=1)
RESULT = VariantResult("baseline", "probe@1", "Car", 0.5, None, None, None, None, {}, {}, 1, None, 0.1)


def stage_one(cursor: Cursor) -> None:
    """The statements of yolo_worker. EnvironmentFault if one is not permitted or has no effect."""
    access.check(cursor, (videos.ACCESS, image_analyses.CLAIM_ACCESS))
    message = _message()
    _probe_videos(cursor, message)
    _unless_vanished(cursor, lambda: _probe_claims(cursor, message))


def stage_two(cursor: Cursor) -> None:
    """The statements of main_worker. EnvironmentFault if one is not permitted or has no effect."""
    access.check(cursor, (image_analyses.ANALYSIS_ACCESS, image_analysis_results.ACCESS))
    _unless_vanished(cursor, lambda: _probe_analysis(cursor, _message()))


def _message() -> SnapshotReady:
    """A valid message of a video that does not exist. Its ids are new: with equal ones, two probes would block."""
    ids = str(uuid.uuid4()), str(uuid.uuid4())
    return snapshot_ready(SnapshotUri("probe", *ids, "CTX0000", "CAM0", track_id=1, offset_ms=0), None, "Car")


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
    repository.finish(task)


def _probe_claims(cursor: Cursor, message: SnapshotReady) -> None:
    """Insert a row, adopt a row of the same run, and a row without a run; hold its message, and send it."""
    repository = ImageAnalysisRepository(OpenTransaction(cursor))
    other = snapshot_ready(replace(message.snapshot, track_id=2), None, "Car")
    cursor.execute(image_analyses.INSERT, (*astuple(snapshot_columns(other)), None, None))
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

"""Emits a vehicle: its row, then its snapshot in S3, then its SNAPSHOT_READY."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from video_analysis.worker_utils.contracts.messages import ProcessVideo, SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db.row_types import DetectedBox, SnapshotClaim
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.worker_utils.execution.held_calls import HeldCalls
from video_analysis.worker_utils.execution.run_context import RunContext
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, encode_snapshot
from video_analysis.yolo_worker.ports import Analyses, Publisher, VideoStorage
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.types import BestShot

OnRefusal = Callable[[EnvironmentFault], None]
"""Records why the work waits for a refused call."""


@dataclass(frozen=True, slots=True)
class Emission:
    """What the vehicles of one attempt have in common."""

    run: RunContext
    task: ProcessVideo
    settings: OutputSettings
    on_refusal: OnRefusal
    skips_sent: bool
    """A vehicle that main_worker processes, or has processed, is not emitted again."""


class SnapshotEmitter:
    """Emits the vehicles of all videos. Thread-safe."""

    def __init__(self, storage: VideoStorage, analyses: Analyses, publisher: Publisher, held_calls: HeldCalls) -> None:
        """`held_calls` repeats refused uploads and sends."""
        self._storage = storage
        self._analyses = analyses
        self._publisher = publisher
        self._held_calls = held_calls

    def emit(self, of: Emission, shot: BestShot) -> None:
        """Write the row, then the object, then send the message. An earlier attempt's row and snapshot are adopted."""
        run, settings, on_refusal = of.run, of.settings, of.on_refusal
        run.check()
        message = _message(of.task, settings.bucket, shot)
        claim = self._analyses.claim(message, run.run_key, _detected_box(shot), run.run_id)
        if claim.was_sent and of.skips_sent:
            return
        snapshot = encode_snapshot(shot.crop, settings.snapshot.jpeg_quality)
        key = claim.message.snapshot.key
        put = partial(self._storage.put, key, snapshot, CONTENT_TYPE, only_if_absent=claim.is_other_frame)
        self._held_calls.run(put, run, on_refusal, key)
        run.check()
        self._send(run, claim, on_refusal)
        run.report(
            "snapshot.ready",
            "snapshot stored and its message sent",
            {"track_id": shot.track_id, "snapshot": claim.message.snapshot_s3_key},
        )

    def _send(self, run: RunContext, claim: SnapshotClaim, on_refusal: OnRefusal) -> None:
        """Send the message. Until then, the row of one that is refused has the code `send_denied`."""
        uri, was_refused = claim.message.snapshot_s3_key, claim.send_denied

        def mark_refused(fault: EnvironmentFault) -> None:
            nonlocal was_refused
            was_refused = True
            refusal = EnvironmentFault(f"not sent yet: {fault}", code="send_denied")
            self._analyses.mark_send_denied(uri, refusal)
            on_refusal(fault)

        self._held_calls.run(partial(self._publisher.send, claim.message.to_json()), run, mark_refused)
        if was_refused:
            self._analyses.mark_sent(uri)


def _message(task: ProcessVideo, bucket: str, shot: BestShot) -> SnapshotReady:
    uri = SnapshotUri(
        bucket=bucket,
        workspace_id=task.workspace_id,
        video_id=task.video_id,
        workspace_code=task.workspace_code,
        camera_code=task.camera_code,
        track_id=shot.track_id,
        offset_ms=shot.offset_ms,
    )
    return snapshot_ready(uri, task.recordedAt, shot.type)


def _detected_box(shot: BestShot) -> DetectedBox:
    """The box of a best shot, in hundredths of a px."""
    x1, y1, x2, y2 = (round(side, 2) for side in shot.box)
    return DetectedBox(x1, y1, x2, y2, shot.frame_width_px, shot.frame_height_px)

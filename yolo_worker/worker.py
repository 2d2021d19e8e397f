"""The recipe of stage 1: one video, start to end. Its parts are the protocols of parts.py, built by run_poller."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.contracts.messages import ProcessVideo, ProcessVideoDb
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri, parse_snapshot_uri
from video_analysis.worker_utils.contracts.snapshot_message import announcement
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.worker_utils.execution import concurrency
from video_analysis.worker_utils.execution.stage_clock import StageClock
from video_analysis.worker_utils.imaging import snapshot_image
from video_analysis.yolo_worker.ports import Analyses, Publisher, Storage, Videos, Vision
from video_analysis.yolo_worker.run_key import ShotSettings, run_key_of
from video_analysis.yolo_worker.sinks import best_shot
from video_analysis.yolo_worker.types import BestShot, DetectedFrame

PROGRESS_EVERY_S = 5.0
log = logging.getLogger(__name__)


class VideoWorker:
    """Handles PROCESS_VIDEO: one snapshot, one row and one SNAPSHOT_READY for every vehicle of a video."""

    def __init__(  # one argument a part
        self,
        storage: Storage,
        videos: Videos,
        analyses: Analyses,
        publisher: Publisher,
        vision: Vision,
        settings: ShotSettings,
    ) -> None:
        self._storage = storage
        self._videos = videos
        self._analyses = analyses
        self._publisher = publisher
        self._vision = vision
        self._settings = settings

    def handle(self, batch: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        """Process each video of the batch (the consumer gives one); what goes wrong is raised."""
        for delivery in batch:
            self._process(delivery)
        return [None] * len(batch)

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        """Leave the reason in the video's row; a body that names no video has none."""
        owner = messages.addressee(delivery.body)
        if owner is not None:
            workspace_id, video_id = owner
            self._videos.fail(video_id, workspace_id, failure, final=final)

    def probe(self) -> None:
        """EnvironmentFault while no video could be processed."""
        self._videos.ping()
        self._storage.check_disk()
        self._publisher.probe()
        self._vision.probe()

    def _process(self, delivery: Delivery) -> None:
        task = self._task(delivery)
        self._videos.begin(task, receive_count=delivery.receive_count, is_last=delivery.is_last)
        run_key = run_key_of(task.frame_stride, self._vision.traits(), self._settings)
        begun_s, clock = time.monotonic(), StageClock()
        with (
            self._storage.fetch(task.s3_key_raw, delivery.lease.check) as path,
            closing(self._best_shots(path, task, delivery, clock)) as shots,
        ):
            emit = partial(self._emit, delivery, task, run_key)
            vehicles = sum(1 for _ in concurrency.mapped(emit, shots, self._settings.snapshot.upload_workers, "emit"))
        delivery.lease.check()
        self._videos.finish(task)
        log.info(
            "video done: %d vehicles",
            vehicles,
            extra={
                "event": "video.done",
                **delivery.log_fields,
                "run_key": run_key,
                "frames": clock.count("decode"),
                "vehicles": vehicles,
                "elapsed_s": round(time.monotonic() - begun_s, 3),
                "seconds": clock.own_seconds(),
            },
        )

    def _task(self, delivery: Delivery) -> ProcessVideo:
        message = messages.parse_video_task(delivery.body)
        return self._videos.resolve(message) if isinstance(message, ProcessVideoDb) else message

    def _best_shots(
        self, path: Path, task: ProcessVideo, delivery: Delivery, clock: StageClock
    ) -> Generator[BestShot, None, None]:
        """Decoding and detection run ahead in threads of their own: what is timed of `detect` is the wait for it."""
        frames = clock.timed("decode", self._vision.frames(path, task.frame_stride))
        detected = clock.timed("detect", self._vision.detect(frames))
        watched = _watched(detected, delivery)
        tracked = clock.timed("track", self._vision.track(watched, path, task.frame_stride), upstream="detect")
        shots = best_shot.select(tracked, self._settings.best, self._settings.snapshot.crop_margin)
        return clock.timed("select", shots, upstream="track")

    def _emit(self, delivery: Delivery, task: ProcessVideo, run_key: str, shot: BestShot) -> None:
        """Object, then row, then message. Where an earlier attempt's row stands, its picture is the one announced."""
        delivery.lease.check()
        message = announcement(self._uri(task, run_key, shot), task.recordedAt, shot.type)
        standing = self._analyses.find(task.video_id, run_key, shot.track_id)
        if standing is None or standing.snapshot_uri == message.snapshot_s3_key:
            picture = snapshot_image.snapshot(shot.crop, self._settings.snapshot.jpeg_quality)
            self._storage.put(message.snapshot.key, picture, "image/jpeg")
            delivery.lease.check()
            standing = self._analyses.queue(message, run_key)
        adopted = announcement(parse_snapshot_uri(standing.snapshot_uri), task.recordedAt, standing.yolo_type)
        delivery.lease.check()
        self._publisher.send(adopted.to_json())
        log.info(
            "snapshot stored and its message sent",
            extra={
                "event": "snapshot.ready",
                **delivery.log_fields,
                "track_id": shot.track_id,
                "snapshot": standing.snapshot_uri,
            },
        )

    def _uri(self, task: ProcessVideo, run_key: str, shot: BestShot) -> SnapshotUri:
        """The picture's name. Where another run's vehicle bears it, which may be another vehicle, the next free ms."""
        uri = SnapshotUri(
            bucket=self._settings.bucket,
            workspace_id=task.workspace_id,
            video_id=task.video_id,
            workspace_code=task.workspace_code,
            camera_code=task.camera_code,
            track_id=shot.track_id,
            offset_ms=shot.offset_ms,
        )
        while self._analyses.is_taken(str(uri), run_key):
            uri = replace(uri, offset_ms=uri.offset_ms + 1)
        return uri


def _watched(frames: Generator[DetectedFrame, None, None], delivery: Delivery) -> Iterator[DetectedFrame]:
    """The frames, with the lease checked at each and a line of progress every few seconds.

    However this ends, so do the threads behind `frames`, while the message is still in hand.
    """
    said = time.monotonic()
    with closing(frames):
        for count, detected in enumerate(frames):
            delivery.lease.check()
            if time.monotonic() - said >= PROGRESS_EVERY_S:
                said = time.monotonic()
                offset_ms = detected.frame.offset_ms
                log.info(
                    "%d frames processed",
                    count,
                    extra={
                        "event": "video.progress",
                        **delivery.log_fields,
                        "frames": count,
                        "offset_ms": offset_ms,
                    },
                )
            yield detected

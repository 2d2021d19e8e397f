"""Processes one video per message. The parts are the protocols of ports.py; run_poller builds them."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial

from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages, s3_keys
from video_analysis.worker_utils.contracts.messages import ProcessVideo, SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db.row_types import DetectedBox, SnapshotClaim
from video_analysis.worker_utils.errors import EnvironmentFault, WorkerError
from video_analysis.worker_utils.execution import concurrency
from video_analysis.worker_utils.execution.held_calls import HeldCalls
from video_analysis.worker_utils.execution.run_context import RunContext
from video_analysis.worker_utils.execution.stage_clock import StageClock, StageObserver, timed
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, encode_snapshot
from video_analysis.worker_utils.observability.observer import Event, Observer
from video_analysis.yolo_worker.ports import Analyses, FrameSource, Pipeline, Publisher, Videos, VideoStorage
from video_analysis.yolo_worker.run_key import OutputSettings, run_key_of
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.source import damage
from video_analysis.yolo_worker.types import BestShot, DetectedFrame

PROGRESS_EVERY_S = 5.0
STAGES = {"decode": None, "detect": None, "track": "detect", "select": "track"}
"""Each stage, and the stage that it pulls from in the same thread."""
LONGEST_LIST = 10
"""Unknown fields that a warning names."""


class VideoWorker:
    """Handles PROCESS_VIDEO: writes one snapshot and one row, and sends one SNAPSHOT_READY, per vehicle."""

    def __init__(  # one argument per part
        self,
        storage: VideoStorage,
        videos: Videos,
        analyses: Analyses,
        publisher: Publisher,
        pipeline: Pipeline,
        settings: OutputSettings,
        *,
        observer: Observer,
        held_calls: HeldCalls | None = None,
    ) -> None:
        """`held_calls` repeats refused uploads and sends; its default pauses as long as the consumer's default."""
        self._held_calls = held_calls or HeldCalls()
        self._storage = storage
        self._videos = videos
        self._analyses = analyses
        self._publisher = publisher
        self._pipeline = pipeline
        self._settings = settings
        self._observer = observer

    def handle(self, batch: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        """Process each video of the batch (the consumer passes one). Failures are raised."""
        for delivery in batch:
            self._process(delivery)
        return [None] * len(batch)

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        """Write the failure into the video's row, if the body has the ids of a video."""
        owner = messages.extract_ids(delivery.body)
        if owner is not None:
            workspace_id, video_id = owner
            self._videos.fail(video_id, workspace_id, failure, final=final)

    def probe(self) -> None:
        """EnvironmentFault if no video can be processed."""
        self._videos.ping()
        self._storage.check_disk()
        self._storage.probe_read(s3_keys.PROBE_RAW_KEY)
        self._storage.probe_write(s3_keys.PROBE_SNAPSHOT_KEY)
        self._publisher.probe()
        self._pipeline.probe()

    def _process(self, delivery: Delivery) -> None:
        task = self._task(delivery)
        self._videos.begin(task, receive_count=delivery.receive_count, is_last=delivery.is_last)
        run, clock = self._context(task, delivery), StageClock(STAGES)
        begun_s = time.monotonic()
        with self._storage.fetch(task.s3_key_raw, run.check) as path:
            source = self._pipeline.open(path, task.frame_stride)
            vehicles = self._emit_all(run, task, source, clock)
        damage.check(source.damage)
        missing = None if source.damage is None else str(source.damage)
        run.check()
        self._videos.finish(task, damage=missing)
        run.report(
            "video.done",
            f"video done: {vehicles} vehicles",
            {
                "run_key": run.run_key,
                "frames": clock.count("decode"),
                "vehicles": vehicles,
                "damage": missing,
                "elapsed_s": round(time.monotonic() - begun_s, 3),
                "seconds": clock.own_seconds(),
            },
        )

    def _emit_all(self, run: RunContext, task: ProcessVideo, source: FrameSource, clock: StageObserver) -> int:
        """Emit every vehicle of the source, those at the end of a damaged one included. Returns their number."""
        emit, upload_workers = partial(self._emit, run, task), self._settings.snapshot.upload_workers
        with closing(self._best_shots(source, run, clock)) as shots:
            return sum(1 for _ in concurrency.parallel_map(emit, shots, upload_workers, "emit"))

    def _task(self, delivery: Delivery) -> ProcessVideo:
        message = messages.parse_video_task(delivery.body)
        if delivery.receive_count == 1:
            self._report_unknown_fields(message.event, delivery)
        return message if isinstance(message, ProcessVideo) else self._videos.resolve(message)

    def _report_unknown_fields(self, event: str, delivery: Delivery) -> None:
        unknown = messages.unknown_fields(delivery.body)
        if not unknown:
            return
        named = ", ".join(unknown[:LONGEST_LIST]) + (", …" if len(unknown) > LONGEST_LIST else "")
        self._observer.notify(
            Event(
                "message.unknown_fields",
                f"{len(unknown)} fields are ignored, since {event} does not have them: {named}",
                {**delivery.log_fields, "unknown_fields": unknown[:LONGEST_LIST]},
                logging.WARNING,
            )
        )

    def _context(self, task: ProcessVideo, delivery: Delivery) -> RunContext:
        run_key = run_key_of(task.frame_stride, self._pipeline.traits(), self._settings)
        return RunContext(run_key, delivery.lease, self._observer, delivery.log_fields)

    def _best_shots(
        self, source: FrameSource, run: RunContext, clock: StageObserver
    ) -> Generator[BestShot, None, None]:
        """The best shots of a source. Decoding and detection run in other threads: `detect` is the waiting time."""
        frames = timed("decode", source.frames(), clock)
        detected = timed("detect", self._pipeline.detect(frames, source.info), clock)
        tracked = timed("track", self._pipeline.track(_checked(detected, run)), clock)
        sink = BestShotSink(self._settings.best, self._settings.snapshot.crop_margin)
        return timed("select", drain.results(tracked, sink), clock)

    def _emit(self, run: RunContext, task: ProcessVideo, shot: BestShot) -> None:
        """Write the row, then the object, then send the message. An earlier attempt's row and snapshot are adopted."""
        run.check()
        claim = self._analyses.claim(self._message(task, shot), run.run_key, _detected_box(shot))
        snapshot = encode_snapshot(shot.crop, self._settings.snapshot.jpeg_quality)
        key = claim.message.snapshot.key
        put = partial(self._storage.put, key, snapshot, CONTENT_TYPE, only_if_absent=claim.is_other_frame)
        self._held_calls.run(put, run, partial(self._record_refusal, task), key)
        run.check()
        self._send(run, task, claim)
        run.report(
            "snapshot.ready",
            "snapshot stored and its message sent",
            {"track_id": shot.track_id, "snapshot": claim.message.snapshot_s3_key},
        )

    def _record_refusal(self, task: ProcessVideo, fault: EnvironmentFault) -> None:
        """Write into the video's row why its work waits."""
        self._videos.fail(task.video_id, task.workspace_id, fault, final=False)

    def _send(self, run: RunContext, task: ProcessVideo, claim: SnapshotClaim) -> None:
        """Send the message. Until then, the row of one that is refused has the code `send_denied`."""
        uri, was_refused = claim.message.snapshot_s3_key, claim.send_denied

        def mark_refused(fault: EnvironmentFault) -> None:
            nonlocal was_refused
            was_refused = True
            refusal = EnvironmentFault(f"not sent yet: {fault}", code="send_denied")
            self._analyses.mark_send_denied(uri, refusal)
            self._record_refusal(task, fault)

        self._held_calls.run(partial(self._publisher.send, claim.message.to_json()), run, mark_refused)
        if was_refused:
            self._analyses.mark_sent(uri)

    def _message(self, task: ProcessVideo, shot: BestShot) -> SnapshotReady:
        uri = SnapshotUri(
            bucket=self._settings.bucket,
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


def _checked(frames: Generator[DetectedFrame, None, None], run: RunContext) -> Iterator[DetectedFrame]:
    """The frames unchanged. Checks the lease at each frame and reports progress every `PROGRESS_EVERY_S`.

    `frames` is closed at the end or on failure, so that its threads end while the message is still leased.
    """
    reported_s = time.monotonic()
    with closing(frames):
        for count, detected in enumerate(frames):
            run.check()
            if time.monotonic() - reported_s >= PROGRESS_EVERY_S:
                reported_s = time.monotonic()
                run.report(
                    "video.progress",
                    f"{count} frames processed",
                    {"frames": count, "offset_ms": detected.frame.offset_ms},
                )
            yield detected

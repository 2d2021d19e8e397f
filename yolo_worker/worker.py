"""Processes one video per message. The parts are the protocols of ports.py; run_poller builds them."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial

from video_analysis.worker_utils.aws.fetched_file import FetchedFile
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages, s3_keys
from video_analysis.worker_utils.contracts.messages import ProcessVideo, ProcessVideoDb, ReplayVideo
from video_analysis.worker_utils.errors import Cancelled, EnvironmentFault, Paused, WorkerError
from video_analysis.worker_utils.execution import concurrency
from video_analysis.worker_utils.execution.held_calls import HeldCalls
from video_analysis.worker_utils.execution.stage_clock import StageClock, StageObserver, StageReport, timed
from video_analysis.worker_utils.observability.observer import Event, Observer
from video_analysis.yolo_worker.emission import Emission, SnapshotEmitter
from video_analysis.yolo_worker.ports import Analyses, FrameSource, Pipeline, Publisher, Videos, VideoStorage
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.runs.cameras import Cameras
from video_analysis.yolo_worker.runs.checkpoints import Checkpoints
from video_analysis.yolo_worker.runs.lifecycle import Attempt, RunLifecycle
from video_analysis.yolo_worker.runs.plan import Plan
from video_analysis.yolo_worker.runs.tracker_input import TrackerInput
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
    """Handles PROCESS_VIDEO and REPLAY_VIDEO: one snapshot, one row and one SNAPSHOT_READY per vehicle."""

    def __init__(  # noqa: PLR0913  # one argument per part
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
        runs: RunLifecycle | None = None,
        checkpoints: Checkpoints | None = None,
        cameras: Cameras | None = None,
        on_stage: StageReport | None = None,
    ) -> None:
        """`held_calls` repeats refused uploads and sends; its default pauses as long as the consumer's default.

        Without `runs` no run is recorded, without `checkpoints` a video always begins at its first frame, without
        `cameras` all have the same settings. `on_stage` receives the times of the stages.
        """
        self._storage = storage
        self._videos = videos
        self._publisher = publisher
        self._pipeline = pipeline
        self._settings = settings
        self._observer = observer
        self._runs = runs or RunLifecycle(None, "", observer)
        self._checkpoints = checkpoints
        self._cameras = cameras
        self._on_stage = on_stage
        self._emitter = SnapshotEmitter(storage, analyses, publisher, held_calls or HeldCalls())

    def handle(self, batch: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        """Process each video of the batch (the consumer passes one). Failures are raised."""
        for delivery in batch:
            while not self._finish(delivery):
                self._observer.notify(
                    Event(
                        "run.stop_withdrawn",
                        "the request was taken back, the work goes on",
                        {**delivery.log_fields},
                    )
                )
        return [None] * len(batch)

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        """Write the failure into the rows of the run and the video, if the body has the ids of a video.

        A pause or cancellation is written before it is raised.
        """
        owner = messages.extract_ids(delivery.body)
        if owner is None or isinstance(failure, Paused | Cancelled):
            return
        workspace_id, video_id = owner
        if self._runs.end_attempt(delivery, owner, failure, final=final):
            self._videos.fail(video_id, workspace_id, failure, final=final)

    def probe(self) -> None:
        """EnvironmentFault if no video can be processed."""
        self._videos.ping()
        self._storage.check_disk()
        self._storage.probe_read(s3_keys.PROBE_RAW_KEY)
        self._storage.probe_write(s3_keys.PROBE_SNAPSHOT_KEY)
        self._publisher.probe()
        self._pipeline.probe()

    def _finish(self, delivery: Delivery) -> bool:
        """Process a video. False if it stopped at a request that was taken back meanwhile.

        Paused or Cancelled once the rows of the run and the video show that.
        """
        attempt = self._begin(delivery)
        if attempt is None:
            return True
        begun_s = time.monotonic()
        try:
            with self._storage.fetch(attempt.task.s3_key_raw, attempt.context.check) as file:
                attempt = self._runs.identify(delivery, attempt, file)
                self._process(attempt, file, begun_s)
        except (Paused, Cancelled):
            written = self._runs.stop(attempt)
            if written is None:
                return False
            raise written from None
        return True

    def _begin(self, delivery: Delivery) -> Attempt | None:
        """Begin an attempt; None if the message needs no work. Committed before any work."""
        plan = self._plan(delivery)
        attempt = self._runs.start(delivery, plan)
        if attempt is not None and plan.changes_video:
            self._videos.begin(plan.task, receive_count=delivery.receive_count, is_last=delivery.is_last)
        return attempt

    def _process(self, attempt: Attempt, file: FetchedFile, begun_s: float) -> None:
        clock = StageClock(STAGES, self._on_stage)
        plan, run = attempt.plan, attempt.context
        with self._input_of(attempt, file) as known:
            source = plan.pipeline.open(file.path, plan.task.frame_stride)
            vehicles = self._emit_all(attempt, source, known, clock)
        damage.check(source.damage)
        missing = None if source.damage is None else str(source.damage)
        run.check()
        attempt.progress.check(now=True)  # what was requested since the last progress was written
        if not self._runs.complete(attempt, missing) and plan.changes_video:
            self._videos.finish(plan.task, damage=missing)
        run.report(
            "video.done",
            f"video done: {vehicles} vehicles",
            {
                "run_id": run.run_id,
                "run_key": run.run_key,
                "frames": clock.count("decode"),
                "vehicles": vehicles,
                "damage": missing,
                "elapsed_s": round(time.monotonic() - begun_s, 3),
                "seconds": clock.own_seconds(),
            },
        )

    def _input_of(self, attempt: Attempt, file: FetchedFile) -> TrackerInput:
        return TrackerInput() if self._checkpoints is None else self._checkpoints.input_of(attempt, file)

    def _emit_all(self, attempt: Attempt, source: FrameSource, known: TrackerInput, clock: StageObserver) -> int:
        """Emit every vehicle of the source, those at the end of a damaged one included. Returns their number."""
        plan, vehicles = attempt.plan, 0
        on_refusal = partial(self._record_refusal, plan)
        emission = Emission(attempt.context, plan.task, plan.settings, on_refusal, skips_sent=attempt.skips_sent)
        emit = partial(self._emitter.emit, emission)
        with closing(_best_shots(attempt, source, known, clock)) as shots:
            for _ in concurrency.parallel_map(emit, shots, plan.settings.snapshot.upload_workers, "emit"):
                vehicles += 1
                attempt.progress.add_vehicle()
        return vehicles

    def _plan(self, delivery: Delivery) -> Plan:
        message = messages.parse_video_task(delivery.body)
        if delivery.receive_count == 1:
            self._report_unknown_fields(message.event, delivery)
        run = None
        if isinstance(message, ReplayVideo):
            run = self._runs.find(message)
            message = ProcessVideoDb(video_id=message.video_id, workspace_id=message.workspace_id)
        task = message if isinstance(message, ProcessVideo) else self._videos.resolve(message)
        camera = {} if self._cameras is None else self._cameras.overrides_of(task)
        return Plan.build(task, self._pipeline, self._settings, camera, run)

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

    def _record_refusal(self, plan: Plan, fault: EnvironmentFault) -> None:
        """Write into the video's row why its work waits."""
        if plan.changes_video:
            self._videos.fail(plan.task.video_id, plan.task.workspace_id, fault, final=False)


def _best_shots(
    attempt: Attempt, source: FrameSource, known: TrackerInput, clock: StageObserver
) -> Generator[BestShot, None, None]:
    """The best shots of a source. Decoding and detection run in other threads: `detect` is the waiting time."""
    pipeline, settings = attempt.plan.pipeline, attempt.plan.settings
    frames = timed("decode", source.frames(lazily=known.has_stored), clock)
    detect = partial(pipeline.detect, info=source.info)
    detected = timed("detect", known.frames(frames, detect), clock)
    tracked = timed("track", pipeline.track(_counted(detected, attempt, source, known), known), clock)
    sink = BestShotSink(settings.best, settings.snapshot.crop_margin)
    return timed("select", drain.results(tracked, sink), clock)


def _counted(
    frames: Generator[DetectedFrame, None, None], attempt: Attempt, source: FrameSource, known: TrackerInput
) -> Iterator[DetectedFrame]:
    """The frames unchanged. Checks the run at each frame, and reports progress every `PROGRESS_EVERY_S`.

    `frames` is closed at the end or on failure, so that its threads end while the message is still leased.
    """
    run, progress, reported_s = attempt.context, attempt.progress, time.monotonic()
    with closing(frames):
        total = source.info.announced_frames if source.info.is_exact else None
        progress.begin_frames(total, are_stored=known.has_stored)
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
            progress.add_frame()
        progress.end_frames()

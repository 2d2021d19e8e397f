"""Stage 1 end to end: a warm worker process, a clip in S3, a message in SQS, snapshots and messages out again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from video_analysis.benchmarks.bench import measured_worker, processes
from video_analysis.benchmarks.bench.measured_worker import MeasuredWorker, instant_s
from video_analysis.benchmarks.bench.processes import NOTHING, Bench, NotMeasured
from video_analysis.devstack import provision
from video_analysis.devstack.local_stack import Stack


@dataclass(frozen=True, slots=True)
class VideoRun:
    """One video processed by the worker, with times from its log lines."""

    frames: int
    vehicles: int
    total_s: float
    """From message.received to message.finished: download, all stages, uploads, rows, messages, delete."""
    first_snapshot_s: float | None
    """Until the first SNAPSHOT_READY is sent."""
    worker_cpu_s: float
    others_cpu_s: float
    """CPU-seconds of everything else on this machine: moto, PostgreSQL, and the benchmark itself."""
    stolen_cpu_s: float
    """CPU-seconds that the hypervisor gave to other machines."""

    @property
    def fps(self) -> float:
        """Processed frames per second."""
        return self.frames / self.total_s

    @property
    def stolen(self) -> float:
        """Share of the time of all cores that the hypervisor gave to other machines."""
        return self.stolen_cpu_s / (len(os.sched_getaffinity(0)) * self.total_s)

    @property
    def fps_of_time_given(self) -> float:
        """Processed frames per second of the time without the hypervisor's share."""
        return self.fps / (1 - self.stolen)

    @property
    def cores_went_to(self) -> dict[str, float]:
        """Shares of the time of all cores."""
        cores_s = len(os.sched_getaffinity(0)) * self.total_s
        shares = {
            "worker": self.worker_cpu_s / cores_s,
            "moto, PostgreSQL and the rest": self.others_cpu_s / cores_s,
            "the hypervisor": self.stolen,
        }
        return shares | {"idle": max(0.0, 1 - sum(shares.values()))}


class StageOne:
    """A running yolo_worker and its local stack."""

    def __init__(self, stack: Stack, worker: MeasuredWorker) -> None:
        self._stack = stack
        self.worker = worker

    def run_video(self, clip: Path, stride: int) -> VideoRun:
        """Process one clip. NotMeasured if the worker could not process it."""
        task = self._stack.upload(clip, stride)
        video_id = task["video_id"]
        (busy_s, stolen_s), worker_s = processes.busy_s(), self.worker.cpu_s
        self._stack.send(task)
        try:
            self.worker.until(lambda: bool(self.worker.of_video("message.finished", video_id)))
        except NotMeasured as error:
            raise NotMeasured(f"{clip}: {error}") from error
        worker_s = self.worker.cpu_s - worker_s
        busy_s, stolen_s = (now - before for now, before in zip(processes.busy_s(), (busy_s, stolen_s), strict=True))
        received, done, finished = (
            self.worker.of_video(event, video_id)[0] for event in ("message.received", "video.done", "message.finished")
        )
        begun_s = instant_s(received)
        first = [instant_s(line) - begun_s for line in self.worker.of_video("snapshot.ready", video_id)[:1]]
        return VideoRun(
            frames=done["frames"],
            vehicles=done["vehicles"],
            total_s=instant_s(finished) - begun_s,
            first_snapshot_s=first[0] if first else None,
            worker_cpu_s=worker_s,
            others_cpu_s=max(0.0, busy_s - worker_s),
            stolen_cpu_s=stolen_s,
        )


@contextmanager
def running(
    bench: Bench, stack: Stack, weights: Path, warm_up: Path, settings: Mapping[str, str] = NOTHING
) -> Iterator[StageOne]:
    """A yolo_worker that has processed `warm_up` once, with converted networks.

    `settings` are CVITX_ variables. It sends to a separate queue, so that stage 2's queue stays empty.
    """
    unread = f"{stack.config.snapshot_queue}-unread"
    provision.queue(stack.sqs, unread, stack.config)
    environ = {
        **stack.environ,
        "CVITX_SNAPSHOT_QUEUE": unread,
        "CVITX_YOLO_WEIGHTS": str(weights.resolve()),
        "CVITX_CACHE_DIR": str(bench.cache),
        "CVITX_WAIT_TIME_S": "1",
        **settings,
    }
    with measured_worker.worker("yolo_worker", environ, bench.folder) as worker:
        stage = StageOne(stack, worker)
        stage.run_video(warm_up, 1)
        yield stage

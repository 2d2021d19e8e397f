"""The chaos environment: real PostgreSQL, SQS and S3, both workers under supervision, and a reference run."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import local_stack, stored_results
from video_analysis.devstack.local_stack import Stack
from video_analysis.tests.chaos.result_diff import ResultDiff, VideoResult, compare, unreferenced_objects
from video_analysis.tests.chaos.steps import Boundary
from video_analysis.tests.chaos.supervisor import SupervisedWorker
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

SHARED = PACKAGE_FOLDER.parent / "shared" / "data"
CLIP = SHARED / "video" / "otvision_cars_truck_800x600_60f.mp4"
CLIP_FRAMES, STRIDE = 60, 3
WEIGHTS = SHARED / "models" / "yolov8n_coco.pt"
VISIBILITY_S, HEARTBEAT_S = 4, 1
TIMEOUT_S = 240
POLL_EVERY_S = 0.1
QUIET_S = 3.0
"""If the queues are empty for this time, a fault that was not injected will not be injected any more."""
WORKERS = ("yolo_worker", "main_worker")


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a scenario. All numbers except `runs` and `faults` must be 0."""

    scenario: str
    runs: int
    faults: int
    lost: int
    duplicated: int
    divergent: int
    left_in_queue: int
    wrong_in_dlq: int
    failure: str | None = None
    """Why the scenario was aborted."""

    @property
    def is_clean(self) -> bool:
        """Whether faults were injected and all other numbers are 0."""
        violations = (self.lost, self.duplicated, self.divergent, self.left_in_queue, self.wrong_in_dlq, self.failure)
        return self.runs > 0 and self.faults > 0 and not any(violations)


@dataclass
class ChaosEnvironment:
    """A running local stack, its workers, and the result of an undisturbed run of the clip."""

    stack: Stack
    workers: Mapping[str, SupervisedWorker]
    reference: VideoResult
    stride: int
    sent: list[dict[str, Any]] = field(default_factory=list)
    faults_done: int = 0
    """Faults of the current scenario, for the result of a scenario that fails."""

    def send(self, copies: int = 1) -> dict[str, Any]:
        """Upload the clip as a new video and send its message `copies` times; returns the message."""
        task = self.stack.upload(CLIP, self.stride)
        for _ in range(copies):
            self.stack.send(task)
        self.sent.append(task)
        return task

    def restart(self) -> None:
        """Restart the workers and empty the queues after a failed scenario; its videos are not evaluated."""
        for worker in self.workers.values():
            worker.end()
            worker.start()
        self.settle()
        self.sent.clear()

    def interrupt_at(
        self,
        worker: str,
        boundaries: Sequence[Boundary],
        number: signal.Signals = signal.SIGKILL,
        after_stop: Callable[[SupervisedWorker, Boundary], object] = lambda supervised, boundary: None,
        send: Callable[[], object] | None = None,
    ) -> None:
        """Send one video and interrupt its worker at each boundary in turn, each time in a new process.

        `after_stop` runs before the next process starts; `send` replaces sending a video. AssertionError if a process
        does not reach its boundary: a later attempt may skip steps of an earlier one.
        """
        supervised = self.workers[worker]
        supervised.restart(boundaries[0], number)
        (send or self.send)()
        for boundary, following in zip(boundaries, [*boundaries[1:], None], strict=True):
            self._await_injection(supervised, boundary)
            self.faults_done += 1
            after_stop(supervised, boundary)
            supervised.running.wait(TIMEOUT_S)
            supervised.start(following, number)
        self.settle()

    def _await_injection(self, supervised: SupervisedWorker, boundary: Boundary) -> None:
        quiet_since_s = begun_s = time.monotonic()
        while not supervised.has_injected():
            now_s = time.monotonic()
            quiet_since_s = now_s if self.left() else quiet_since_s
            expired = (
                supervised.running.poll() is not None or now_s - quiet_since_s > QUIET_S or now_s - begun_s > TIMEOUT_S
            )
            if expired and not supervised.has_injected():
                raise AssertionError(f"{supervised.worker} did not reach: {boundary.name}:\n{supervised.log_tail()}")
            time.sleep(POLL_EVERY_S)

    def settle(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until both queues are empty, at most TIMEOUT_S; restarts workers that were killed."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            for worker in self.workers.values():
                worker.revive()
            meanwhile()
            if not self.left():
                return
            time.sleep(POLL_EVERY_S)

    def left(self) -> int:
        """Messages in both queues, visible and in flight."""
        stack = self.stack
        return stack.depth(stack.video_queue_url) + stack.depth(stack.snapshot_queue_url)

    def hidden(self, worker: str) -> int:
        """In-flight messages of a worker's queue."""
        url = self.stack.video_queue_url if worker == "yolo_worker" else self.stack.snapshot_queue_url
        answer = self.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])

    def dead(self) -> int:
        """Messages in both dead-letter queues."""
        stack = self.stack
        return stack.depth(stack.video_dlq_url) + stack.depth(stack.snapshot_dlq_url)

    def evaluate(self, scenario: str, faults: int, dead_before: int = 0, *, shown: VideoResult | None = None) -> Result:
        """Compare every video sent since the last evaluation with the reference run.

        With `shown`, the rows of `current_image_analyses` are compared with that: an older run has others.
        """
        diff = ResultDiff()
        for task in self.sent:
            found = stored_results.read(self.stack, task["video_id"])
            compared = (
                found if shown is None else stored_results.read(self.stack, task["video_id"], stored_results.SHOWN)
            )
            diff += compare(shown or self.reference, VideoResult.of(compared, has_other_run=shown is not None))
            diff += ResultDiff(duplicated=unreferenced_objects(found))
        runs, left = len(self.sent), self.left()
        self.sent.clear()
        return Result(
            scenario, runs, faults, **asdict(diff), left_in_queue=left, wrong_in_dlq=self.dead() - dead_before
        )


Scenario = Callable[[ChaosEnvironment, str], Result]


@contextmanager
def started(logs: Path, stride: int = STRIDE, model_cache: Path | None = None) -> Iterator[ChaosEnvironment]:
    """Start everything and do the reference run. `model_cache` keeps converted networks."""
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = with_untrained(WEIGHTS, folder) | {
            "CVITX_VISIBILITY_TIMEOUT_S": str(VISIBILITY_S),
            "CVITX_HEARTBEAT_S": str(HEARTBEAT_S),
            "CVITX_ATTRIBUTE_TIMEOUT_S": "120",  # so that no plate is null because the machine is busy
        }
        if model_cache is not None:
            settings["CVITX_CACHE_DIR"] = str(model_cache)
        config = WorkerConfig(visibility_timeout_s=VISIBILITY_S, heartbeat_s=HEARTBEAT_S)
        with local_stack.started(folder, config, settings) as stack:
            workers = {name: SupervisedWorker(name, stack.environ, logs) for name in WORKERS}
            try:
                for worker in workers.values():
                    worker.start()
                yield _with_reference(stack, workers, stride)
            finally:
                for worker in workers.values():
                    worker.end()


def _with_reference(stack: Stack, workers: Mapping[str, SupervisedWorker], stride: int) -> ChaosEnvironment:
    chaos = ChaosEnvironment(stack, workers, VideoResult("", None, None, has_text=False, vehicles={}), stride)
    task = chaos.send()
    chaos.settle()
    found = stored_results.read(stack, task["video_id"])
    assert found.faults() == [], found.faults()
    assert found.analyses, "no vehicle in the clip"
    chaos.reference = VideoResult.of(found)
    chaos.sent.clear()
    return chaos

"""The test environment: real PostgreSQL, SQS and S3, both workers under supervision, and the undisturbed run."""

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
from video_analysis.tests.chaos.result_diff import Ledger, Losses, compare, stray_pictures
from video_analysis.tests.chaos.steps import Boundary
from video_analysis.tests.chaos.supervisor import Supervised
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

SHARED = PACKAGE_FOLDER.parent / "shared" / "data"
CLIP = SHARED / "video" / "otvision_cars_truck_800x600_60f.mp4"
WEIGHTS = SHARED / "models" / "yolov8n_coco.pt"
VISIBILITY_S, HEARTBEAT_S = 4, 1
PATIENCE_S = 240
LOOK_EVERY_S = 0.1
QUIET_S = 3.0
"""So long without a message, and a strike that has not come will not come."""
WORKERS = ("yolo_worker", "main_worker")


@dataclass(frozen=True, slots=True)
class Result:
    """What a scenario did, and what came of it. All numbers but the first two must be 0."""

    scenario: str
    runs: int
    faults: int
    lost: int
    duplicated: int
    divergent: int
    left_in_queue: int
    wrong_in_dlq: int
    failure: str | None = None
    """What ended the scenario before its time."""

    @property
    def is_clean(self) -> bool:
        """Something was done to it, and nothing is lost, twice or otherwise."""
        amiss = (self.lost, self.duplicated, self.divergent, self.left_in_queue, self.wrong_in_dlq, self.failure)
        return self.runs > 0 and self.faults > 0 and not any(amiss)


@dataclass
class Field:
    """A running environment, its workers, and the account of an undisturbed run of the clip."""

    environment: Stack
    workers: Mapping[str, Supervised]
    undisturbed: Ledger
    stride: int
    sent: list[dict[str, Any]] = field(default_factory=list)
    faults_done: int = 0
    """Of the scenario under way: what its Result says where it fails."""

    def send(self, copies: int = 1) -> dict[str, Any]:
        """Upload the clip as a new video and send its message `copies` times; the task."""
        task = self.environment.upload(CLIP, self.stride)
        for _ in range(copies):
            self.environment.send(task)
        self.sent.append(task)
        return task

    def restart(self) -> None:
        """Fresh workers and empty queues, after a scenario that failed; what it left behind is not accounted for."""
        for worker in self.workers.values():
            worker.end()
            worker.start()
        self.settle()
        self.sent.clear()

    def strike(
        self,
        worker: str,
        boundaries: Sequence[Boundary],
        number: signal.Signals = signal.SIGKILL,
        once_down: Callable[[Supervised, Boundary], object] = lambda place, boundary: None,
    ) -> None:
        """One video, whose worker is struck at each boundary in turn, by a process each, and then left alone.

        `once_down` looks at the place before the next process starts. A boundary that no process came to is an
        AssertionError: a later attempt need not take every step of an earlier one.
        """
        place = self.workers[worker]
        place.restart(boundaries[0], number)
        self.send()
        for boundary, following in zip(boundaries, [*boundaries[1:], None], strict=True):
            self._await_strike(place, boundary)
            self.faults_done += 1
            once_down(place, boundary)
            place.running.wait(PATIENCE_S)
            place.start(following, number)
        self.settle()

    def _await_strike(self, place: Supervised, boundary: Boundary) -> None:
        quiet_since_s = begun_s = time.monotonic()
        while not place.has_struck():
            now_s = time.monotonic()
            quiet_since_s = now_s if self.left() else quiet_since_s
            in_vain = (
                place.running.poll() is not None or now_s - quiet_since_s > QUIET_S or now_s - begun_s > PATIENCE_S
            )
            if in_vain and not place.has_struck():
                raise AssertionError(f"{place.worker} never came {boundary.name}:\n{place.last_words()}")
            time.sleep(LOOK_EVERY_S)

    def settle(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until both queues are empty or patience is, starting workers again as they are killed."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for worker in self.workers.values():
                worker.revive()
            meanwhile()
            if not self.left():
                return
            time.sleep(LOOK_EVERY_S)

    def left(self) -> int:
        """Messages in the two queues, waiting and in flight."""
        stand = self.environment
        return stand.depth(stand.video_queue_url) + stand.depth(stand.snapshot_queue_url)

    def hidden(self, worker: str) -> int:
        """Messages of a worker's queue that nobody could receive now."""
        url = self.environment.video_queue_url if worker == "yolo_worker" else self.environment.snapshot_queue_url
        answer = self.environment.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])

    def dead(self) -> int:
        """Messages in the two dead-letter queues."""
        stand = self.environment
        return stand.depth(stand.video_dlq_url) + stand.depth(stand.snapshot_dlq_url)

    def account(self, scenario: str, faults: int, dead_before: int = 0) -> Result:
        """Compare every video sent since the last account with the undisturbed run."""
        losses = Losses()
        for task in self.sent:
            found = stored_results.read(self.environment, task["video_id"])
            losses += compare(self.undisturbed, Ledger.of(found)) + Losses(duplicated=stray_pictures(found))
        runs, left = len(self.sent), self.left()
        self.sent.clear()
        return Result(
            scenario, runs, faults, **asdict(losses), left_in_queue=left, wrong_in_dlq=self.dead() - dead_before
        )


Scenario = Callable[[Field, str], Result]


@contextmanager
def prepared(logs: Path, stride: int = 3, model_cache: Path | None = None) -> Iterator[Field]:
    """Everything started, one video gone through undisturbed. `model_cache` keeps converted networks."""
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = with_untrained(WEIGHTS, folder) | {
            "CVITX_VISIBILITY_TIMEOUT_S": str(VISIBILITY_S),
            "CVITX_HEARTBEAT_S": str(HEARTBEAT_S),
            "CVITX_ATTRIBUTE_TIMEOUT_S": "120",  # a plate left null on a busy machine is no divergence
        }
        if model_cache is not None:
            settings["CVITX_CACHE_DIR"] = str(model_cache)
        config = WorkerConfig(visibility_timeout_s=VISIBILITY_S, heartbeat_s=HEARTBEAT_S)
        with local_stack.started(folder, config, settings) as environment:
            workers = {name: Supervised(name, environment.environ, logs) for name in WORKERS}
            try:
                for worker in workers.values():
                    worker.start()
                yield _with_undisturbed(environment, workers, stride)
            finally:
                for worker in workers.values():
                    worker.end()


def _with_undisturbed(environment: Stack, workers: Mapping[str, Supervised], stride: int) -> Field:
    field = Field(environment, workers, Ledger("", None, None, has_text=False, vehicles={}), stride)
    task = field.send()
    field.settle()
    found = stored_results.read(environment, task["video_id"])
    assert found.faults() == [], found.faults()
    assert found.analyses, "no vehicle in the clip: nothing could be lost"
    field.undisturbed = Ledger.of(found)
    field.sent.clear()
    return field

"""The load of `make soak`: a worker whose resources are sampled, and the messages that it gets."""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.request import urlopen

import cv2

from video_analysis.devstack import stored_results
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess, lines
from video_analysis.tests.chaos import gauges
from video_analysis.tests.chaos.environment import CLIP
from video_analysis.tests.chaos.gauges import Gauge, Inventory
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri

MOST_AHEAD = {"yolo_worker": 4, "main_worker": 50}
POLL_EVERY_S = 1.0
SCRAPE_EVERY_S = 15.0
REPORT_EVERY_S = 30.0
SAMPLES = 120


@dataclass
class MonitoredWorker:
    """One worker and its resource samples."""

    worker: WorkerProcess
    temp_dir: Path
    metrics_url: str
    most_s: float
    """Nothing is sent after this time."""
    began_s: float = field(default_factory=time.monotonic)
    gauges: list[Gauge] = field(default_factory=list)
    inventories: list[Inventory] = field(default_factory=list)
    _scraped_s: float = 0.0

    @property
    def age_s(self) -> float:
        """Seconds since the worker started."""
        return time.monotonic() - self.began_s

    @property
    def time_is_over(self) -> bool:
        """Whether nothing more may be sent."""
        return self.age_s >= self.most_s

    def sample(self) -> None:
        """Take a sample, and scrape the metrics if that is due. AssertionError if the worker has ended."""
        code = self.worker.process.poll()
        assert code is None, f"{self.worker.name} ended with {code}:\n{self.worker.log_tail()}"
        pid = self.worker.process.pid
        self.gauges.append(gauges.read_gauge(pid, self.temp_dir, self.age_s))
        if self.age_s - self._scraped_s >= SCRAPE_EVERY_S:
            self._scraped_s = self.age_s
            with urlopen(self.metrics_url, timeout=10) as answer:
                answer.read()
            self.inventories.append(gauges.inventory(pid, self.temp_dir, self.age_s))

    def finish(self) -> None:
        """Stop the worker. AssertionError if it does not stop cleanly."""
        assert self.worker.stop() == 0, self.worker.log_tail()

    def report(self) -> dict[str, object]:
        """Growth, what grew, and about SAMPLES samples."""
        every = max(1, len(self.gauges) // SAMPLES)
        growth = gauges.growth(self.gauges)
        return {
            "seconds": round(self.gauges[-1].at_s, 1),
            **growth,
            "exceeded": gauges.exceeded(growth),
            "mb_per_hour": gauges.mb_per_hour(self.gauges),
            "grew": gauges.grew(self.inventories) if self.inventories else {},
            "events": dict(Counter(line["event"] for line in lines(self.worker.log) if line["level"] != "INFO")),
            "gauges": [asdict(one) for one in self.gauges[::every]],
        }


def videos(stack: Stack, monitored: MonitoredWorker, video_minutes: float) -> tuple[bool, list[bytes]]:
    """Process the clip at least once, until that is `video_minutes` of video.

    Returns whether all of it was sent, and the snapshots of the last video.
    """
    count = max(1, round(video_minutes * 60 / _seconds(CLIP)))
    tasks: list[str] = []

    def feed() -> None:
        task = stack.upload(CLIP, stride=1)
        stack.send(task)
        tasks.append(task["video_id"])
        if len(tasks) > 2 * MOST_AHEAD["yolo_worker"]:
            _forget(stack, tasks[len(tasks) - 2 * MOST_AHEAD["yolo_worker"]])

    sent = _feed(stack, monitored, stack.video_queue_url, count, feed)
    states = stack.sql("SELECT status, count(*) AS videos FROM videos GROUP BY status")
    assert [dict(row) for row in states] == [{"status": "done", "videos": sent}], states
    pictures = [snapshot.content for snapshot in stored_results.read(stack, tasks[-1]).snapshots.values()]
    return sent == count, pictures


def snapshots(stack: Stack, monitored: MonitoredWorker, pictures: Sequence[bytes], count: int) -> bool:
    """Send raw SNAPSHOT_READY messages, as an operator would. Returns whether all were sent."""
    video_id = str(uuid.uuid4())
    known: deque[SnapshotReady] = deque()
    tracks = iter(range(1, count + 1))

    def feed() -> None:
        track = next(tracks)
        known.append(stack.put_snapshot(video_id, track, pictures[track % len(pictures)]))
        stack.send_snapshot(known[-1])
        if len(known) > 4 * MOST_AHEAD["main_worker"]:
            old = known.popleft().snapshot
            stack.s3.delete_object(Bucket=old.bucket, Key=old.key)

    sent = _feed(stack, monitored, stack.snapshot_queue_url, count, feed)
    states = stack.sql(
        "SELECT status, count(*) AS rows FROM image_analyses WHERE video_id = %s GROUP BY status", video_id
    )
    assert [dict(row) for row in states] == [{"status": "done", "rows": sent}], states
    return sent == count


def _feed(stack: Stack, monitored: MonitoredWorker, queue_url: str, count: int, feed: Callable[[], None]) -> int:
    """Send `count` messages, few at a time, and sample the worker until the queue is empty.

    Returns how many were sent before the time was over.
    """
    fed, reported_s = 0, time.monotonic()
    while stack.depth(queue_url) or (fed < count and not monitored.time_is_over):
        ahead = stack.depth(queue_url)
        for _ in range(0 if monitored.time_is_over else min(count - fed, MOST_AHEAD[monitored.worker.name] - ahead)):
            feed()
            fed += 1
        monitored.sample()
        if time.monotonic() - reported_s > REPORT_EVERY_S:
            reported_s = time.monotonic()
            gauge = monitored.gauges[-1]
            print(f"{monitored.worker.name}: {fed} of {count} sent, {gauge.rss_mb:.0f} MB, {gauge.threads} threads, "
                  f"{gauge.open_files} files open", flush=True)  # fmt: skip
        time.sleep(POLL_EVERY_S)
    return fed


def _forget(stack: Stack, video_id: str) -> None:
    """Delete a finished video's objects from moto's memory."""
    bucket = stack.config.s3_bucket
    for row in stack.sql("SELECT s3_key_raw FROM videos WHERE id = %s", video_id):
        stack.s3.delete_object(Bucket=bucket, Key=row["s3_key_raw"])
    for row in stack.sql("SELECT snapshot_s3_key FROM image_analyses WHERE video_id = %s", video_id):
        stack.s3.delete_object(Bucket=bucket, Key=parse_snapshot_uri(row["snapshot_s3_key"]).key)
    for row in stack.sql(
        "SELECT s3_key FROM stage_checkpoints JOIN video_runs ON video_runs.id = run_id WHERE video_id = %s", video_id
    ):
        stack.s3.delete_object(Bucket=bucket, Key=row["s3_key"])


def _seconds(clip: Path) -> float:
    capture = cv2.VideoCapture(str(clip))
    try:
        return float(capture.get(cv2.CAP_PROP_FRAME_COUNT) / capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()

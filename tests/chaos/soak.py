"""`make soak`: hours of work for both workers, to find growing resources; writes out/soak.json.

One hour of video goes through stage 1, then 20,000 snapshots through stage 2, with at most 50 messages queued: a
receive from moto slows down with its backlog.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2

from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import local_stack, stored_results, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.tests.chaos.environment import CLIP, WEIGHTS
from video_analysis.tests.chaos.gauges import Gauge, growth, read_gauge
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri

VIDEO_MINUTES, SNAPSHOTS = 60.0, 20_000
MOST_AHEAD = {"yolo_worker": 4, "main_worker": 50}
POLL_EVERY_S = 1.0
REPORT_EVERY_S = 30.0


@dataclass
class MonitoredWorker:
    """One worker and its resource samples."""

    worker: WorkerProcess
    temp_dir: Path
    began_s: float = field(default_factory=time.monotonic)
    gauges: list[Gauge] = field(default_factory=list)

    def sample(self) -> None:
        """Take a sample. AssertionError if the worker has ended."""
        code = self.worker.process.poll()
        assert code is None, f"{self.worker.name} ended with {code}:\n{self.worker.log_tail()}"
        self.gauges.append(read_gauge(self.worker.process.pid, self.temp_dir, time.monotonic() - self.began_s))

    def report(self) -> dict[str, object]:
        """Growth and about 120 samples, for the report."""
        every = max(1, len(self.gauges) // 120)
        seconds = round(self.gauges[-1].at_s, 1)
        return {"seconds": seconds, **growth(self.gauges), "gauges": [asdict(one) for one in self.gauges[::every]]}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if both workers have processed everything."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.tests.chaos.soak", description=__doc__)
    parser.add_argument("--video-minutes", type=float, default=VIDEO_MINUTES)
    parser.add_argument("--snapshots", type=int, default=SNAPSHOTS)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "soak.json")
    options = parser.parse_args(arguments)
    missing = [path for path in (CLIP, WEIGHTS) if not path.is_file()]
    if missing:
        print(f"make soak needs {' and '.join(map(str, missing))}", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cvitx-soak-", ignore_cleanup_errors=True) as name:
        report = _run_soak(Path(name), options)
    options.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps({worker: {k: v for k, v in part.items() if k != "gauges"} for worker, part in report.items()}))
    return 0


def _run_soak(folder: Path, options: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Stage 1, then stage 2, each alone, so that growth has one cause."""
    temp_dir = folder / "temp"
    temp_dir.mkdir()
    settings = with_untrained(WEIGHTS, folder) | {"CVITX_TEMP_DIR": str(temp_dir)}
    with local_stack.started(folder, WorkerConfig(), settings) as stack:
        with worker_process.running("yolo_worker", stack.environ, folder) as worker:
            first = MonitoredWorker(worker, temp_dir)
            pictures = _videos(stack, first, options.video_minutes)
            assert worker.stop() == 0, worker.log_tail()
        stack.sqs.purge_queue(QueueUrl=stack.snapshot_queue_url)
        with worker_process.running("main_worker", stack.environ, folder) as worker:
            second = MonitoredWorker(worker, temp_dir)
            _snapshots(stack, second, pictures, options.snapshots)
            assert worker.stop() == 0, worker.log_tail()
    return {"yolo_worker": first.report(), "main_worker": second.report()}


def _videos(stack: Stack, monitored: MonitoredWorker, minutes: float) -> list[bytes]:
    """Process the clip repeatedly for `minutes` of video; returns some of its snapshots."""
    videos = max(1, round(minutes * 60 / _seconds(CLIP)))
    tasks: list[str] = []

    def feed() -> None:
        task = stack.upload(CLIP, stride=1)
        stack.send(task)
        tasks.append(task["video_id"])
        if len(tasks) > 2 * MOST_AHEAD["yolo_worker"]:
            _forget(stack, tasks[len(tasks) - 2 * MOST_AHEAD["yolo_worker"]])

    _feed(stack, monitored, stack.video_queue_url, videos, feed)
    states = stack.sql("SELECT status, count(*) AS videos FROM videos GROUP BY status")
    assert [dict(row) for row in states] == [{"status": "done", "videos": videos}], states
    return [snapshot.content for snapshot in stored_results.read(stack, tasks[-1]).snapshots.values()]


def _snapshots(stack: Stack, monitored: MonitoredWorker, pictures: Sequence[bytes], count: int) -> None:
    """Send raw SNAPSHOT_READY messages, as an operator would."""
    video_id = str(uuid.uuid4())
    sent: deque[SnapshotReady] = deque()
    tracks = iter(range(1, count + 1))

    def feed() -> None:
        track = next(tracks)
        sent.append(stack.put_snapshot(video_id, track, pictures[track % len(pictures)]))
        stack.send_snapshot(sent[-1])
        if len(sent) > 4 * MOST_AHEAD["main_worker"]:
            old = sent.popleft().snapshot
            stack.s3.delete_object(Bucket=old.bucket, Key=old.key)

    _feed(stack, monitored, stack.snapshot_queue_url, count, feed)
    states = stack.sql(
        "SELECT status, count(*) AS rows FROM image_analyses WHERE video_id = %s GROUP BY status", video_id
    )
    assert [dict(row) for row in states] == [{"status": "done", "rows": count}], states


def _feed(stack: Stack, monitored: MonitoredWorker, queue_url: str, count: int, feed: Callable[[], None]) -> None:
    """Send `count` messages, few at a time, and sample the worker until the queue is empty."""
    fed, told_s = 0, time.monotonic()
    while fed < count or stack.depth(queue_url):
        ahead = stack.depth(queue_url)
        for _ in range(min(count - fed, MOST_AHEAD[monitored.worker.name] - ahead)):
            feed()
            fed += 1
        monitored.sample()
        if time.monotonic() - told_s > REPORT_EVERY_S:
            told_s = time.monotonic()
            gauge = monitored.gauges[-1]
            print(f"{monitored.worker.name}: {fed} of {count} sent, {gauge.rss_mb:.0f} MB, {gauge.threads} threads, "
                  f"{gauge.open_files} files open", flush=True)  # fmt: skip
        time.sleep(POLL_EVERY_S)


def _forget(stack: Stack, video_id: str) -> None:
    """Delete a finished video's objects from moto's memory."""
    for row in stack.sql("SELECT s3_key_raw FROM videos WHERE id = %s", video_id):
        stack.s3.delete_object(Bucket=stack.config.s3_bucket, Key=row["s3_key_raw"])
    for row in stack.sql("SELECT snapshot_s3_key FROM image_analyses WHERE video_id = %s", video_id):
        key = parse_snapshot_uri(row["snapshot_s3_key"]).key
        stack.s3.delete_object(Bucket=stack.config.s3_bucket, Key=key)


def _seconds(clip: Path) -> float:
    capture = cv2.VideoCapture(str(clip))
    try:
        return float(capture.get(cv2.CAP_PROP_FRAME_COUNT) / capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()


if __name__ == "__main__":
    sys.exit(main())

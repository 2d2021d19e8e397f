"""`make soak PART=stage1|stage2`: hours of work for one worker, to find growing resources.

Stage 1 gets one hour of video, stage 2 gets 20,000 snapshots, with at most 50 messages queued: a receive from moto
slows down with its backlog. Each part takes at most 150 minutes and writes
out/soak-PART.json. Metrics are on and scraped.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import local_stack, services, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.tests.chaos import soak_load
from video_analysis.tests.chaos.environment import CLIP, WEIGHTS
from video_analysis.tests.chaos.soak_load import MonitoredWorker
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

VIDEO_MINUTES, SNAPSHOTS = 60.0, 20_000
MOST_MINUTES = 150.0
FULL_S = 1800
"""In shorter runs caches still fill: growth is reported, but it is no failure."""
ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Options:
    """The arguments of the command line."""

    part: str
    video_minutes: float
    snapshots: int
    most_minutes: float
    out: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if everything was processed and, in a full run, nothing grew; 1 if something grew; 2 without real data."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.tests.chaos.soak", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--video-minutes", type=float, default=VIDEO_MINUTES, help="of stage1")
    parser.add_argument("--snapshots", type=int, default=SNAPSHOTS, help="of stage2")
    parser.add_argument("--most-minutes", type=float, default=MOST_MINUTES, help="nothing is sent later")
    parser.add_argument("--out", type=Path, help="default: out/soak-PART.json")
    given = parser.parse_args(arguments)
    out = given.out or PACKAGE_FOLDER / "out" / f"soak-{given.part}.json"
    options = Options(given.part, given.video_minutes, given.snapshots, given.most_minutes, out)
    missing = [path for path in (CLIP, WEIGHTS) if not path.is_file()]
    if missing:
        print(f"make soak needs {' and '.join(map(str, missing))}", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-soak-", ignore_cleanup_errors=True) as name,
        _stack(Path(name)) as stack,
    ):
        monitored, complete = PARTS[options.part](stack, Path(name), options)
        report = {"part": options.part, "complete": complete, **monitored.report()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps({key: value for key, value in report.items() if key != "gauges"}, indent=1))
    return int(not complete or (bool(report["exceeded"]) and monitored.gauges[-1].at_s >= FULL_S))


@contextmanager
def _stack(folder: Path) -> Iterator[Stack]:
    (folder / "temp").mkdir()
    settings = with_untrained(WEIGHTS, folder) | {
        "CVITX_TEMP_DIR": str(folder / "temp"),
        "CVITX_METRICS_ADDRESS": ADDRESS,
        "CVITX_YOLO_METRICS_PORT": str(services.free_port()),
        "CVITX_MAIN_METRICS_PORT": str(services.free_port()),
    }
    with local_stack.started(folder, WorkerConfig(), settings) as stack:
        yield stack


@contextmanager
def _monitored(stack: Stack, folder: Path, name: str, most_minutes: float) -> Iterator[MonitoredWorker]:
    port = stack.environ["CVITX_YOLO_METRICS_PORT" if name == "yolo_worker" else "CVITX_MAIN_METRICS_PORT"]
    with worker_process.running(name, stack.environ, folder) as worker:
        url = f"http://{ADDRESS}:{port}/metrics"
        monitored = MonitoredWorker(worker, folder / "temp", url, most_minutes * 60)
        yield monitored
        monitored.finish()


def stage_one(stack: Stack, folder: Path, options: Options) -> tuple[MonitoredWorker, bool]:
    """The clip again and again, until that is `video_minutes` of video. Returns whether all of it was sent."""
    with _monitored(stack, folder, "yolo_worker", options.most_minutes) as monitored:
        complete, _ = soak_load.videos(stack, monitored, options.video_minutes)
    return monitored, complete


def stage_two(stack: Stack, folder: Path, options: Options) -> tuple[MonitoredWorker, bool]:
    """Snapshots of one clip again and again. Returns whether all of them were sent."""
    with _monitored(stack, folder, "yolo_worker", options.most_minutes) as first:
        _, pictures = soak_load.videos(stack, first, video_minutes=0)
    stack.sqs.purge_queue(QueueUrl=stack.snapshot_queue_url)
    with _monitored(stack, folder, "main_worker", options.most_minutes) as monitored:
        complete = soak_load.snapshots(stack, monitored, pictures, options.snapshots)
    return monitored, complete


PARTS: dict[str, Callable[[Stack, Path, Options], tuple[MonitoredWorker, bool]]] = {
    "stage1": stage_one,
    "stage2": stage_two,
}

if __name__ == "__main__":
    sys.exit(main())

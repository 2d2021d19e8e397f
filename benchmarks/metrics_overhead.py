"""What metrics cost stage 1: python -m video_analysis.benchmarks.metrics_overhead CLIP --weights WEIGHTS.

The pipeline runs over a clip with and without metrics, in turn and in one process, so that changes in the machine's
speed affect both. With metrics, each vehicle is an event and the metrics are scraped once per second (Prometheus does
that every 15 s in our example). The time that recording takes alone, per frame, is measured, too.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

from video_analysis.devstack import services
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.execution.stage_clock import StageClock, timed
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot
from video_analysis.worker_utils.observability.observer import Event
from video_analysis.worker_utils.observability.telemetry import Telemetry
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.worker import STAGES

ADDRESS = "127.0.0.1"
SCRAPE_EVERY_S = 1.0
CALLS = 100_000
SNAPSHOT = {"message_id": "m", "video_id": "v", "track_id": 1, "snapshot": "s"}
QUARTILES = 4


@dataclass(frozen=True)
class Run:
    """One pass over the clip."""

    cpu_s: float
    wall_s: float
    frames: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, help="at stride 1")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=100, help="most frames per pass")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--cache", type=Path, default=WorkerConfig().cache_dir)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "metrics_overhead.json")
    options = parser.parse_args(arguments)
    logging.getLogger("video_analysis").setLevel(logging.WARNING)
    config = WorkerConfig(yolo_weights=options.weights.resolve(), cache_dir=options.cache.expanduser().resolve())
    pipeline = run_poller.pipeline(config)
    port = services.free_port()
    off, on = Telemetry(), Telemetry.start("yolo_worker", ADDRESS, port, "videos", "snapshots")

    def measure(telemetry: Telemetry) -> Run:
        return run(pipeline, config, options.clip, options.frames, telemetry)

    measure(off)  # warm-up
    with scraped(port):
        pairs = [pair(measure, off, on, swapped=number % 2 == 1) for number in range(options.pairs)]
    report = summarise(pairs) | {"recording_us_a_frame": recording_us(on)}
    report["recording_share"] = report["recording_us_a_frame"] / 1e6 / report["cpu_s_a_frame"]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))
    return 0


def pair(measure: Callable[[Telemetry], Run], off: Telemetry, on: Telemetry, *, swapped: bool) -> tuple[Run, Run]:
    """(without, with), measured one after the other in either order."""
    if swapped:
        with_metrics = measure(on)
        return measure(off), with_metrics
    return measure(off), measure(on)


def run(pipeline: VisionPipeline, config: WorkerConfig, clip: Path, most: int, telemetry: Telemetry) -> Run:
    """One pass, from the file to the last snapshot, with the stages and the events of the worker."""
    cpu_s, wall_s, clock = time.process_time(), time.perf_counter(), StageClock(STAGES, telemetry.on_stage)
    source = pipeline.open(clip, 1)
    frames = timed("decode", islice(source.frames(), most), clock)
    detected = timed("detect", pipeline.detect(frames, source.info), clock)
    tracked = timed("track", pipeline.track(detected), clock)
    sink = BestShotSink(config.best, config.snapshot.crop_margin)
    for shot in timed("select", drain.results(tracked, sink), clock):
        encode_snapshot(shot.crop, config.snapshot.jpeg_quality)
        telemetry.observer.notify(Event("snapshot.ready", "snapshot stored", SNAPSHOT))
    return Run(time.process_time() - cpu_s, time.perf_counter() - wall_s, clock.count("decode"))


def summarise(pairs: Sequence[tuple[Run, Run]]) -> dict[str, float]:
    """Median overheads as shares, with the quartiles of the processor time's. Pure."""
    cpu = [on.cpu_s / off.cpu_s - 1 for off, on in pairs]
    quartiles = statistics.quantiles(cpu, n=QUARTILES) if len(cpu) > 1 else cpu * 3
    return {
        "pairs": len(pairs),
        "frames": pairs[0][0].frames,
        "cpu_s_a_frame": statistics.median(off.cpu_s / off.frames for off, _ in pairs),
        "cpu_overhead": statistics.median(cpu),
        "cpu_overhead_quartile_1": quartiles[0],
        "cpu_overhead_quartile_3": quartiles[2],
        "wall_overhead": statistics.median(on.wall_s / off.wall_s - 1 for off, on in pairs),
    }


def recording_us(telemetry: Telemetry) -> float:
    """Microseconds to record the stages of one frame."""
    begun_s = time.process_time()
    clock = StageClock(STAGES, telemetry.on_stage)
    for _ in range(CALLS):
        for stage in STAGES:
            clock.pulled(stage, 0.001, 1)
    return (time.process_time() - begun_s) / CALLS * 1e6


@contextmanager
def scraped(port: int) -> Iterator[None]:
    """Read the metrics in a thread, every SCRAPE_EVERY_S, inside the block."""
    ended = threading.Event()

    def scrape() -> None:
        while not ended.wait(SCRAPE_EVERY_S):
            with urlopen(f"http://{ADDRESS}:{port}/metrics", timeout=5) as answer:  # our own server
                answer.read()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())

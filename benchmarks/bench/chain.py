"""Stage 1's pipeline with overlapping stages as in the worker, without queue, S3 and database; for ablations."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2

from video_analysis.benchmarks.bench.stages import WARM_UP_FRAMES
from video_analysis.worker_config import TrackSettings, WorkerConfig
from video_analysis.worker_utils.execution.stage_clock import StageClock, timed
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.types import Frame


def fps(pipeline: VisionPipeline, config: WorkerConfig, clip: Path, most: int, *, square: bool) -> float:
    """Frames per second over the first `most` frames, from the file to the last crop."""
    begun_s, clock = time.perf_counter(), StageClock({"decode": None})
    source = pipeline.open(clip, 1)
    coming = timed("decode", islice(source.frames(), most), clock)
    detected = pipeline.detect(squared(coming) if square else coming, source.info)
    sink = BestShotSink(config.best, config.snapshot.crop_margin)
    for shot in drain.results(pipeline.track(detected), sink):
        encode_snapshot(shot.crop, config.snapshot.jpeg_quality)
    return clock.count("decode") / (time.perf_counter() - begun_s)


def squared(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Pad each frame to a square with black, so that the detector's input is square."""
    for frame in frames:
        height, width = frame.image.shape[:2]
        below, beside = max(0, width - height), max(0, height - width)
        yield replace(frame, picture=cv2.copyMakeBorder(frame.image, 0, below, 0, beside, cv2.BORDER_CONSTANT))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure once, after a warm-up, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, help="at stride 1")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--frames", type=int, required=True, help="most frames")
    parser.add_argument("--device", choices=("auto", "openvino", "torch"), default="auto")
    parser.add_argument(
        "--embed-interval-s",
        type=float,
        default=WorkerConfig().track.embed_interval_s,
        help="CVITX_TRACK_EMBED_INTERVAL_S",
    )
    parser.add_argument("--square", action="store_true", help="use a square detector input")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    config = WorkerConfig(
        yolo_weights=options.weights.resolve(),
        cache_dir=options.cache.resolve(),
        device=options.device,
        track=TrackSettings(embed_interval_s=options.embed_interval_s),
    )
    pipeline = run_poller.pipeline(config)
    fps(pipeline, config, options.clip, WARM_UP_FRAMES, square=options.square)
    report = {"fps": fps(pipeline, config, options.clip, options.frames, square=options.square)}
    options.out.write_text(json.dumps(report), "utf-8")


if __name__ == "__main__":
    main()

"""Stage 1's stages, each alone over stored inputs, in its own process: the cost of a frame without waiting.

CPU-seconds are of the whole process (time.process_time), so the threads of a network count too. On a GPU its busy
seconds are measured as well. With --census only vehicles are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from video_analysis.benchmarks.bench.figures import JsonObject, bound_fps
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.sinks import drain
from video_analysis.yolo_worker.sinks.best_shot import BestShotSink
from video_analysis.yolo_worker.source import video

WARM_UP_FRAMES = 8
CENSUS_FRAMES = 12
Item = TypeVar("Item")


class Meter:
    """CPU and wall-clock time of each stage."""

    def __init__(self, on_gpu: bool) -> None:
        self.cpu_s: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}
        self.accelerator_s = 0.0
        self._on_gpu = on_gpu

    def run(self, stage: str, work: Callable[[], Item]) -> Item:
        """Run `work` and record its time for `stage`."""
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        with self._accelerator():
            done = work()
        self.cpu_s[stage] = time.process_time() - cpu_s
        self.wall_s[stage] = time.perf_counter() - wall_s
        return done

    @contextmanager
    def _accelerator(self) -> Iterator[None]:
        """Record the seconds in which GPU kernels ran, of PyTorch and TensorRT."""
        if not self._on_gpu:
            yield
            return
        from torch.profiler import ProfilerActivity, profile  # noqa: PLC0415

        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            yield
        self.accelerator_s += sum(event.self_device_time_total for event in seen.key_averages()) / 1e6


def measure(
    pipeline: VisionPipeline, config: WorkerConfig, clip: Path, stride: int, most: int | None, on_gpu: bool
) -> JsonObject:
    """Measure every stage over the first `most` processed frames, after a warm-up."""
    meter = Meter(on_gpu)
    source = pipeline.open(clip, stride)
    info = source.info
    warm = pipeline.detect(islice(source.frames(), WARM_UP_FRAMES), info)
    list(pipeline.track(warm))
    meter.run("decode", lambda: deque(islice(source.frames(), most), maxlen=0))
    frames = list(islice(source.frames(), most))
    detected = meter.run("detect", lambda: list(pipeline.detect(frames, info)))
    tracked = meter.run("embed and track", lambda: list(pipeline.track(detected)))
    pictures = meter.run(
        "select and encode",
        lambda: [
            encode_snapshot(shot.crop, config.snapshot.jpeg_quality)
            for shot in drain.results(tracked, BestShotSink(config.best, config.snapshot.crop_margin))
        ],
    )
    count = len(detected)
    cpu_s = {stage: seconds / count for stage, seconds in meter.cpu_s.items()}
    return {
        "stride": stride,
        "frames": count,
        "vehicles_per_frame": fmean(len(frame.boxes) for frame in detected),
        "pictures": len(pictures),
        "cpu_s_a_frame": cpu_s,
        "accelerator_s_a_frame": meter.accelerator_s / count,
        "stage1_bound_fps": bound_fps(cpu_s, len(os.sched_getaffinity(0)), meter.accelerator_s / count),
        "detector_only_fps": count / meter.wall_s["detect"],
        "in_turn_fps": count / sum(meter.wall_s.values()),
    }


def census(config: WorkerConfig, clips: Sequence[Path]) -> JsonObject:
    """Mean number of detections per frame in each clip, over evenly spread frames."""
    detector = run_poller.detector(config)
    counts: JsonObject = {}
    for clip in clips:
        step = max(1, video.probe(clip).announced_frames // CENSUS_FRAMES)
        counts[str(clip)] = fmean(len(seen.boxes) for seen in detector.detect(video.frames(clip, step)))
    return counts


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--strides", type=int, nargs="+", default=[1])
    parser.add_argument("--frames", type=int, help="most frames, held decoded in memory; default: all")
    parser.add_argument("--census", action="store_true", help="only count vehicles")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    config = WorkerConfig(yolo_weights=options.weights.resolve(), cache_dir=options.cache.resolve())
    report = census(config, options.clips) if options.census else _measured(config, options)
    options.out.write_text(json.dumps(report), "utf-8")


def _measured(config: WorkerConfig, options: argparse.Namespace) -> JsonObject:
    import torch  # noqa: PLC0415  # after the pipeline has set its threads

    pipeline = run_poller.pipeline(config)
    on_gpu = torch.cuda.is_available()
    return {
        str(clip): [measure(pipeline, config, clip, stride, options.frames, on_gpu) for stride in options.strides]
        for clip in options.clips
    }


if __name__ == "__main__":
    main()

"""Accuracy of the worker's detector compared with the same weights in PyTorch in float32.

Runs in its own process. On rendered clips: mAP50. On real clips: the share of PyTorch's boxes that the worker's
detector finds too (same class, IoU ≥ 0.9), and the distance of their corners.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from video_analysis.benchmarks.bench.figures import JsonObject, rounded
from video_analysis.benchmarks.eval import truth
from video_analysis.training.average_precision import map50
from video_analysis.training.ground_truth_filter import true_boxes
from video_analysis.worker_config import WorkerConfig
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.types import Boxes

EVERY = 10
"""Frames of a clip."""
LEAST_CONFIDENCE = 0.01
SAME_IOU = 0.9
DEVICES = ("auto", "torch")


def map50_by_device(clip: Path, config: WorkerConfig) -> dict[str, float]:
    """mAP50 on each device."""
    true = [true_boxes(frame) for frame in truth.read(clip).frames[::EVERY]]
    unsure = config.model_copy(update={"detector": config.detector.model_copy(update={"confidence": LEAST_CONFIDENCE})})
    return {device: rounded(map50(_found(clip, unsure, device), true)) for device in DEVICES}


def agreement(clips: Iterable[Path], config: WorkerConfig) -> JsonObject:
    """Agreement of the worker's boxes with PyTorch's."""
    alike = boxes = others = 0
    apart_px = [0.0]
    for clip in clips:
        for ours, torch in zip(*(_found(clip, config, device) for device in DEVICES), strict=True):
            pairs = _pairs(ours, torch)
            alike, boxes, others = alike + len(pairs), boxes + len(torch), others + len(ours)
            apart_px += [float(np.abs(ours[a, :4] - torch[b, :4]).max()) for a, b in pairs]
    return {
        "torch_boxes": boxes,
        "worker_boxes": others,
        "found_alike": rounded(alike / max(1, boxes)),
        "corners_apart_px": {"median": rounded(float(np.median(apart_px))), "most": rounded(max(apart_px))},
    }


def _pairs(ours: Boxes, torch: Boxes) -> list[tuple[int, int]]:
    """Pairs of equal boxes. After suppression no two boxes overlap this much, so each box is in one pair at most."""
    same = (overlaps(ours, torch) >= SAME_IOU) & (ours[:, None, 5] == torch[None, :, 5])
    return [(int(row), int(column)) for row, column in np.argwhere(same)]


def _found(clip: Path, config: WorkerConfig, device: str) -> list[Boxes]:
    detector = run_poller.detector(config.model_copy(update={"device": device}))
    return [seen.boxes for seen in detector.detect(video.frames(clip, EVERY))]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("--real", type=Path, nargs="*", default=[])
    parser.add_argument("--weights", type=Path, required=True, help="for the rendered clip")
    parser.add_argument("--real-weights", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    config, real = (
        WorkerConfig(yolo_weights=weights.resolve(), cache_dir=options.cache.resolve())
        for weights in (options.weights, options.real_weights)
    )
    report = {"map50": map50_by_device(options.rendered, config), "real_clips": agreement(options.real, real)}
    options.out.write_text(json.dumps(report), "utf-8")


if __name__ == "__main__":
    main()

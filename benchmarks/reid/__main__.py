"""Rank-1, mAP and AUC of both appearance networks on real clips: python -m video_analysis.benchmarks.reid.

Detections of stage 1's detector are matched to true identities. The held-out clips are in no training data of the
appearance network; the others are listed for comparison only. Pairs are always of one clip, and at least 1 s apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.real_data import COCO_WEIGHTS, DATA
from video_analysis.benchmarks.reid import metrics, real_sightings
from video_analysis.benchmarks.reid.metrics import Pairs, Retrieval
from video_analysis.benchmarks.reid.real_sightings import EvaluatedFrame
from video_analysis.worker_config import PACKAGE_FOLDER, AppearanceNetworkName, WorkerConfig
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.tracking.embedder import Embedder

HELD_OUT = (
    "video/highway_cars_trucks_1024x576.mp4",
    "video/crosswalk_dusk_1024x576.mp4",
    "video/otvision_cars_truck_800x600_60f.mp4",
    "mot/jakarta_seqC/video.mp4",
)
TRAINED_ON = ("video/overhead_multilane_dusk_640x360.mp4", "video/residential_road_640x352_905f.mp4")
"""Their tracklets are training data, their true identities are not."""
NETWORKS: tuple[AppearanceNetworkName, ...] = ("mobilenet", "appearance")
APART_MS = 1000
TIMED_PASSES, TIMED_BATCH = 40, 8
JSON = dict[str, object]
Clips = Mapping[str, Sequence[EvaluatedFrame]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table and write the figures; 2 if the data is missing."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.benchmarks.reid", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=PACKAGE_FOLDER / "out" / "reid.json")
    options = parser.parse_args(arguments)
    weights = options.data / COCO_WEIGHTS
    if not weights.is_file():
        print(f"{weights}: not found; --data must name the folder of the real clips", file=sys.stderr)
        return 2
    config = WorkerConfig(yolo_weights=weights.resolve())
    detector = run_poller.detector(config)
    clips = {
        real_data.name_of(options.data / name): real_sightings.evaluated_frames(
            options.data / name, options.data / "truth", detector
        )
        for name in (*HELD_OUT, *TRAINED_ON)
    }
    document: JSON = {"held_out": list(clips)[: len(HELD_OUT)], "apart_ms": APART_MS, "networks": {}}
    document["networks"] = {
        name: evaluate(name, run_poller.embedder(config.model_copy(update={"embedder": name})), clips)
        for name in NETWORKS
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 0


def evaluate(name: str, embedder: Embedder, clips: Clips) -> JSON:
    """The figures of one network, printed as a table."""
    print(f"{name}\n{'clip':<34}{'vehicles':>9}{'queries':>8}{'rank-1':>8}{'mAP':>7}{'AUC':>7}   after a gap")
    figures: dict[str, JSON] = {}
    distances: list[Pairs] = []
    for number, (clip, frames) in enumerate(clips.items()):
        found = real_sightings.sightings(clip, frames)
        vectors = np.concatenate([embedder.embed(one.frame, one.boxes) for one in frames])
        pairs = metrics.pairs(found, vectors, APART_MS)
        whole, gap = (metrics.retrieval(found, vectors, APART_MS, after_gap=after) for after in (False, True))
        figures[clip] = {**asdict(whole), "auc": pairs.auc(), "after_gap": asdict(gap)}
        print(_row(clip, whole, pairs.auc(), gap))
        if number < len(HELD_OUT):
            distances.append(pairs)
    pooled = Pairs.pooled(distances)
    auc, mean = pooled.auc(), float(np.mean([pairs.auc() for pairs in distances]))
    timing = milliseconds(embedder, clips)
    print(f"held out: AUC of all pairs {auc:.3f}, mean of the clips {mean:.3f}; ms per vector {timing}\n")
    return {
        "clips": figures,
        "held_out": {"auc": auc, "mean_auc": mean, "distances": pooled.quantiles()},
        "ms_per_vector": timing,
        "match_distance": embedder.match_distance,
        "traits": asdict(embedder.traits),
    }


def milliseconds(embedder: Embedder, clips: Clips) -> dict[str, float]:
    """Median and least time per vector, cropping included, one vehicle at a time and eight at a time."""
    frame = max((one for frames in clips.values() for one in frames), key=lambda one: len(one.boxes))
    boxes = np.resize(frame.boxes, (TIMED_BATCH, frame.boxes.shape[1]))
    found: dict[str, float] = {}
    for name, batch in (("alone", boxes[:1]), ("batch", boxes)):
        seconds = []
        for _ in range(TIMED_PASSES):
            began = time.perf_counter()
            embedder.embed(frame.frame, batch)
            seconds.append(time.perf_counter() - began)
        found[f"{name}_median"] = round(float(np.median(seconds)) / len(batch) * 1000, 2)
        found[f"{name}_least"] = round(min(seconds) / len(batch) * 1000, 2)
    return found


def _row(clip: str, whole: Retrieval, auc: float, gap: Retrieval) -> str:
    row = f"{clip:<34}{whole.vehicles:>9}{whole.queries:>8}{whole.rank1:>8.3f}{whole.mean_ap:>7.3f}{auc:>7.3f}"
    return row + (f"   {gap.vehicles} vehicles: rank-1 {gap.rank1:.3f}, mAP {gap.mean_ap:.3f}" if gap.queries else "")


if __name__ == "__main__":
    sys.exit(main())

"""Shared parts of the two peers: command line, vehicle classes, and report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from video_analysis.benchmarks.bench import shims
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.detection.taxonomy import OTHER_NAMES

Labelled = tuple[int, tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class PeerRun:
    """One run of a peer; its time excludes loading and the warm-up on the first frame."""

    frames: int
    """Number of frames in `seconds`."""
    seconds: float
    tracked: Sequence[Sequence[Labelled]]
    """(track, x1 y1 x2 y2 in px) of each processed frame, the first included."""
    pictures: int = 0


Run = Callable[[Path, Path, int, int], PeerRun]
"""(clip, weights, stride, most frames) → result."""


def vehicles(names: Mapping[int, str]) -> list[int] | None:
    """Indices of COCO's vehicle classes; None (all classes) for weights that detect vehicles only."""
    return [index for index, name in names.items() if name in OTHER_NAMES] or None


def main(run: Run, description: str | None, arguments: Sequence[str] | None = None) -> None:
    """Configure the libraries as the workers do, run, and write the report."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--frames", type=int, default=1_000_000, help="most processed frames")
    parser.add_argument("--cache", type=Path, default=WorkerConfig().path(WorkerConfig().cache_dir))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    backend.configure_environment(options.cache.resolve(), threads=0)
    replaced = shims.install()
    done = run(options.clip, options.weights, options.stride, options.frames)
    options.out.write_text(json.dumps(asdict(done) | {"stand_ins": replaced}), "utf-8")

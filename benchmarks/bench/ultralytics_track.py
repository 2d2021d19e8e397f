"""A peer: ultralytics' own tracking, model.track with BoT-SORT, in a process of its own. It cuts no pictures."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Any

from video_analysis.benchmarks.bench import peer
from video_analysis.benchmarks.bench.peer import Labelled, PeerRun


def run(clip: Path, weights: Path, stride: int, frames: int) -> PeerRun:
    """The first `frames` processed frames of `clip`; the clock starts when the first has come out."""
    from ultralytics import YOLO  # noqa: PLC0415

    model = YOLO(weights)
    results = model.track(
        source=str(clip),
        tracker="botsort.yaml",
        persist=True,
        stream=True,
        vid_stride=stride,
        classes=peer.vehicles(model.names),
        verbose=False,
    )
    tracked = [_labelled(next(results))]
    begun = time.perf_counter()
    tracked += [_labelled(result) for result in islice(results, frames - 1)]
    return PeerRun(len(tracked) - 1, time.perf_counter() - begun, tracked)


def _labelled(result: Any) -> list[Labelled]:
    """Boxes without an id are not tracked (yet)."""
    if result.boxes.id is None:
        return []
    return [
        (int(track), (x1, y1, x2, y2))
        for track, (x1, y1, x2, y2) in zip(result.boxes.id.tolist(), result.boxes.xyxy.tolist(), strict=True)
    ]


if __name__ == "__main__":
    peer.main(run, __doc__)

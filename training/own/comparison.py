"""The current and the new model on the same held-out pictures, decided by the worker's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from video_analysis.benchmarks.main_model.figures import Judged, level_figures
from video_analysis.main_worker.classification.hierarchy import LEVELS, decide
from video_analysis.main_worker.ports import Model
from video_analysis.main_worker.types import SnapshotImage
from video_analysis.training.own.own_pictures import OwnPicture
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, SNAPSHOT_PX, encode_snapshot

BATCH = 8
QUALITY = WorkerConfig().snapshot.jpeg_quality
HEAD = ("level", "model", "pictures", "top-1", "named", "right", "coverage", "precision", "calibration error")
Figures = dict[str, dict[str, Any]]


def measure(models: Mapping[str, Model], pictures: Sequence[OwnPicture]) -> dict[str, Figures]:
    """Per model and level the figures of the pictures that have a label of that level."""
    judged: dict[str, list[tuple[OwnPicture, Judged]]] = {name: [] for name in models}
    for start in range(0, len(pictures), BATCH):
        some = pictures[start : start + BATCH]
        images = [_snapshot(one.picture) for one in some]
        for name, model in models.items():
            verdicts = [decide(logits, model.labels) for logits in model.classify(images).logits]
            judged[name] += [(one, _judged(one, verdict)) for one, verdict in zip(some, verdicts, strict=True)]
    return {name: {level: _of_level(pairs, level) for level in LEVELS} for name, pairs in judged.items()}


def lines(figures: Mapping[str, Figures]) -> list[str]:
    """A table: one line per level and model."""
    rows: list[tuple[str, ...]] = [HEAD]
    for level in LEVELS:
        for name, of_model in figures.items():
            of = of_model[level]
            values = [of.get(key) for key in ("top1", "named", "right", "coverage", "precision", "ece")]
            rows.append((level, name, str(of["pictures"]), *("–" if one is None else f"{one:g}" for one in values)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _of_level(pairs: Sequence[tuple[OwnPicture, Judged]], level: str) -> dict[str, Any]:
    some = [judged for one, judged in pairs if getattr(one, level) is not None]
    return {"pictures": len(some), **(level_figures(some, level) if some else {})}


def _judged(one: OwnPicture, verdict: Any) -> Judged:
    names = zip(LEVELS, one.names, strict=True)
    return Judged(verdict, {level: frozenset(() if name is None else (name,)) for level, name in names})


def _snapshot(picture: Path) -> SnapshotImage:
    """The picture as it is if it is a snapshot, else as stage 1 stores a crop."""
    image = np.asarray(cv2.imread(str(picture)), np.uint8)
    if image.shape == (SNAPSHOT_PX, SNAPSHOT_PX, 3):
        return image
    return check_snapshot(encode_snapshot(image, QUALITY), CONTENT_TYPE)

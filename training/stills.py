"""Rendered pictures with ground truth on disk: a shard is a file of JPEGs and a JSON index.

The index is written last and renamed, so that an interrupted rendering leaves no partial shard.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from video_analysis.simulator.truth import SeenVehicle
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.worker_utils.imaging.crop import Image


@dataclass(frozen=True, slots=True)
class Seen:
    """Ground truth of one vehicle in a picture."""

    type: YoloType
    make: str
    model: str
    box: tuple[int, int, int, int]
    """x1, y1, x2, y2 in px, hidden parts included."""
    visible_fraction: float
    """Of its silhouette within the picture."""
    cut: bool
    """The picture's edge cuts it."""

    @classmethod
    def of(cls, truth: SeenVehicle) -> Seen:
        """The part of the simulator's truth that training needs."""
        return cls(truth.type, truth.make, truth.model, truth.box, truth.visible_fraction, truth.cut)


@dataclass(frozen=True, slots=True)
class Still:
    """A reference to one picture in a shard, cheap to pickle; the picture is read by `image`."""

    pictures: Path
    start: int
    length: int
    seen: tuple[Seen, ...]

    def image(self) -> Image:
        """H×W×3 BGR uint8."""
        with self.pictures.open("rb") as file:
            file.seek(self.start)
            data = file.read(self.length)
        return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def write(index: Path, pictures: Iterable[tuple[bytes, list[Seen]]]) -> None:
    """Write a shard: `index` is its JSON, the JPEGs are written next to it."""
    entries, start = [], 0
    index.parent.mkdir(parents=True, exist_ok=True)
    with index.with_suffix(".jpegs").open("wb") as file:
        for data, seen in pictures:
            file.write(data)
            entries.append({"start": start, "length": len(data), "seen": [asdict(one) for one in seen]})
            start += len(data)
    unfinished = index.with_suffix(".part")
    unfinished.write_text(json.dumps(entries), "utf-8")
    unfinished.replace(index)


def read(index: Path) -> list[Still]:
    """All pictures of a shard, in order."""
    pictures = index.with_suffix(".jpegs")
    return [
        Still(pictures, entry["start"], entry["length"], tuple(_seen(one) for one in entry["seen"]))
        for entry in json.loads(index.read_text("utf-8"))
    ]


def _seen(entry: dict[str, object]) -> Seen:
    return Seen(**(entry | {"box": tuple(entry["box"])}))  # type: ignore[arg-type]

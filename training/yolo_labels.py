"""The labels of real pictures in YOLO's text format: class, centre and size as shares of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from video_analysis.yolo_worker.types import Box


def file_of(picture: Path) -> Path:
    """labels/NAME.txt, beside the folder of the picture."""
    return picture.parent.parent / "labels" / f"{picture.stem}.txt"


def boxes(file: Path, shape: tuple[int, ...]) -> Iterator[tuple[int, Box]]:
    """(number of the class, box) of each line. `shape` is that of the picture: height and width first."""
    height, width = shape[:2]
    for line in file.read_text("utf-8").splitlines():
        number, x, y, wide, high = (float(field) for field in line.split()[:5])
        box = ((x - wide / 2) * width, (y - high / 2) * height, (x + wide / 2) * width, (y + high / 2) * height)
        yield int(number), box

"""Fixed synthetic detections through the tracker, and the tracks of the current version in golden_tracks.json.

`python -m video_analysis.tests.support.golden_tracks` writes the file, after ASSOCIATION was raised. Everything in
it is discrete (which detection of which frame belongs to which track), so that rounding of a BLAS cannot change it: the
appearance vectors of two vehicles are equal, far apart or clearly on one side of the threshold.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.tracking.embedder import unit
from video_analysis.yolo_worker.tracking.settings import ASSOCIATION
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import Box, Boxes, DetectedFrame, Embeddings, Frame

FILE = Path(__file__).with_suffix(".json")
FRAME_MS = 40
STRIDES = (1, 3, 10)
HEIGHT_PX, WIDTH_PX = 480, 1280
JITTER_PX = (0, 1, -1, 2, 0, -2, 1)
"""Added to the sides of a box, by frame: detectors are never quite steady."""

Look = tuple[float, float, float]
"""The direction of an appearance vector."""
RED, GREEN, BLUE = (1, 0, 0), (0, 1, 0), (0, 0, 1)
Tracks = Mapping[str, Sequence[str]]
"""Scene and stride → a line per track."""


@dataclass(frozen=True)
class Vehicle:
    """Detections of one vehicle: `place` has its box in each frame in which it is detected, else None."""

    place: Callable[[int], Box | None]
    look: Look = (1, 0, 0)
    type: Callable[[int], str] = lambda _: "Car"
    confidence: float = 0.8


def driving(left: float, step: float, top: float = 200, width: float = 90, height: float = 60) -> Callable[[int], Box]:
    """A box that moves by `step` px per frame of the video."""
    return lambda index: (left + step * index, top, left + step * index + width, top + height)


def only(place: Callable[[int], Box | None], *seen: range) -> Callable[[int], Box | None]:
    """`place`, detected in some frames."""
    return lambda index: place(index) if any(index in frames for frames in seen) else None


def without(place: Callable[[int], Box | None], *hidden: range) -> Callable[[int], Box | None]:
    """`place`, not detected in some frames."""
    return lambda index: None if any(index in frames for frames in hidden) else place(index)


def successive(place: Callable[[int], Box], *looks: tuple[range, Look]) -> list[Vehicle]:
    """Vehicles on the same course, each detected in its own frames."""
    return [Vehicle(only(place, seen), look) for seen, look in looks]


def growing(index: int) -> Box:
    """A vehicle that comes near."""
    width = 30 * 1.03**index
    return (500 - width / 2, 150, 500 + width / 2, 150 + 0.7 * width)


def braking(index: int) -> Box:
    """A vehicle that stops within a frame."""
    return driving(40, 6)(min(index, 25))


FORMER_LOOKS = ((range(30), RED), (range(30, 60), (1, 0.95, 0)), (range(60, 95), GREEN), (range(120, 160), RED))
"""A vehicle that turns, is hidden, and has its first look again."""
SCENES: Mapping[str, tuple[int, Sequence[Vehicle]]] = {
    "crossing, unlike": (90, [Vehicle(driving(40, 10)), Vehicle(driving(1100, -10, top=215), GREEN)]),
    "crossing, alike": (90, [Vehicle(driving(40, 10)), Vehicle(driving(1100, -10, top=215))]),
    "queue": (90, [Vehicle(driving(40 + 100 * n, 6), (1, 0.3 * n, 0)) for n in range(3)]),
    "side by side, alike": (90, [Vehicle(driving(40 + 25 * n, 3 + n // 2, top=200 + 45 * n)) for n in range(3)]),
    "gap of 0.4 s": (60, [Vehicle(without(driving(40, 6), range(25, 35)))]),
    "gap of 0.4 s, another vehicle": (60, successive(driving(40, 6), (range(25), RED), (range(35, 60), GREEN))),
    "gap of 0.4 s, braked and turned": (60, successive(braking, (range(25), RED), (range(35, 60), (1, 0.8, 0)))),
    "gap of 1 s": (80, [Vehicle(without(driving(40, 6), range(25, 50)))]),
    "gap of 1 s, turned": (80, successive(driving(40, 6), (range(25), RED), (range(50, 80), (1, 0.6, 0)))),
    "gap of 1 s, another vehicle": (80, successive(driving(40, 6), (range(25), RED), (range(50, 80), GREEN))),
    "gap of 2 s": (120, [Vehicle(without(driving(40, 6), range(25, 75)))]),
    "hidden behind a truck": (
        90,
        [
            Vehicle(without(driving(40, 9), range(40, 55))),
            Vehicle(lambda _: (380, 120, 620, 300), GREEN, lambda _: "LightTruck"),
        ],
    ),
    "changing look": (
        90,
        [
            *successive(driving(40, 6), *((range(30 * n, 30 * n + 30), (1, 0.5 * n, 0)) for n in range(3))),
            Vehicle(driving(60, 6, top=240), BLUE),
        ],
    ),
    "former look after a gap": (
        160,
        [
            *successive(driving(40, 4), *FORMER_LOOKS),
            Vehicle(driving(60, 4, top=240), BLUE),
        ],
    ),
    "look between two embeddings": (
        90,
        successive(driving(40, 6), (range(23), RED), (range(23, 36), GREEN), (range(61, 90), GREEN)),
    ),
    "flickering class": (
        60,
        [Vehicle(driving(40, 6), type=lambda index: ("Car", "Van", "Car", "LightTruck")[index // 3 % 4])],
    ),
    "motorcycle beside a car": (
        60,
        [
            Vehicle(driving(40, 6)),
            Vehicle(driving(70, 6, top=230, width=30, height=40), GREEN, lambda _: "Motorcycle"),
        ],
    ),
    "motorcycle after a car": (
        60,
        [
            Vehicle(only(driving(40, 6), range(25))),
            Vehicle(only(driving(40, 6), range(25, 60)), type=lambda _: "Motorcycle"),
        ],
    ),
    "by its own length per frame": (24, [Vehicle(driving(5, 50)), Vehicle(driving(5, 28, top=320), GREEN)]),
    "coming near": (90, [Vehicle(growing)]),
    "leaving": (60, [Vehicle(only(driving(900, 14), range(28)))]),
    "leaving, and one like it": (
        90,
        [Vehicle(only(driving(900, 14), range(28))), Vehicle(only(driving(400, 8), range(50, 90)))],
    ),
    "false detections": (
        60,
        [
            Vehicle(driving(40, 6)),
            *(Vehicle(only(driving(700, 0, top=20 + 90 * n), range(9 * n, 10 * n + 1))) for n in range(4)),
            Vehicle(only(driving(900, 0), range(30, 41))),
        ],
    ),
    "standing, hidden for 4 s": (
        190,
        [
            Vehicle(without(driving(300, 0), range(50, 150))),
            Vehicle(without(driving(393, 0), range(50, 150)), (1, 0.3, 0)),
            Vehicle(only(driving(100, 4, top=190, width=250, height=90), range(30, 170)), GREEN),
        ],
    ),
    "standing, another one in its place": (
        160,
        [Vehicle(only(driving(300, 0), range(50))), Vehicle(only(driving(300, 0), range(100, 160)), GREEN)],
    ),
    "never sure": (60, [Vehicle(driving(40, 6), confidence=0.35), Vehicle(driving(40, 6, top=320), GREEN)]),
}


class KnownLooks:
    """The look of each vehicle, found by its box."""

    def __init__(self) -> None:
        self.by_box: dict[bytes, Look] = {}

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """A unit vector for each box."""
        return unit(np.array([self.by_box[box.tobytes()] for box in boxes[:, :4]], np.float32).reshape(-1, 3))


def tracks(settings: TrackSettings, *names: str) -> Tracks:
    """What the tracker makes of these scenes (none named: of all) at all strides."""
    return {
        f"{name}, stride {stride}": _lines(*SCENES[name], stride, settings)
        for name in names or SCENES
        for stride in STRIDES
    }


def _lines(count: int, vehicles: Sequence[Vehicle], stride: int, settings: TrackSettings) -> list[str]:
    """Per track: its number, runs of processed frames as `vehicle:first-last`, the frame in which it ended."""
    looks = KnownLooks()
    owners: dict[tuple[int, Box], int] = {}
    frames = _film(count, vehicles, stride, looks, owners)
    runs: dict[int, list[list[int]]] = {}
    numbers: dict[int, int | None] = {}
    ended: dict[int, int] = {}
    for tracked in Tracker(looks, settings).track(frames):
        index = tracked.frame.index
        for track in tracked.tracks:
            numbers.setdefault(track.key, None)
            _extend(runs.setdefault(track.key, []), owners[index, track.box], index, stride)
        numbers |= tracked.links
        ended |= dict.fromkeys(tracked.ended, index)
    return [
        f"#{numbers[key]} {' '.join(f'{owner}:{first}-{last}' for owner, first, last in runs[key])}"
        f"{f' ended {ended[key]}' if key in ended else ''}"
        for key in runs
    ]


def _extend(runs: list[list[int]], owner: int, index: int, stride: int) -> None:
    if runs and runs[-1][0] == owner and runs[-1][2] == index - stride:
        runs[-1][2] = index
    else:
        runs.append([owner, index, index])


def _film(
    count: int,
    vehicles: Sequence[Vehicle],
    stride: int,
    looks: KnownLooks,
    owners: dict[tuple[int, Box], int],
) -> Iterator[DetectedFrame]:
    """Every `stride`-th frame; `looks` and `owners` learn whose each detection is."""
    image = np.broadcast_to(np.uint8(0), (HEIGHT_PX, WIDTH_PX, 3))
    for index in range(0, count, stride):
        rows = []
        for number, vehicle in enumerate(vehicles):
            place = vehicle.place(index)
            if place is not None:
                box = np.array([side + JITTER_PX[(index + 2 * n) % 7] for n, side in enumerate(place)], np.float32)
                looks.by_box[box.tobytes()] = vehicle.look
                x1, y1, x2, y2 = box.tolist()
                owners[index, (x1, y1, x2, y2)] = number
                rows.append((*box, vehicle.confidence, YOLO_TYPES.index(vehicle.type(index))))
        yield DetectedFrame(Frame(index, FRAME_MS * index, image), np.array(rows, np.float32).reshape(-1, 6))


def stored() -> tuple[int, Tracks]:
    """(ASSOCIATION, tracks) of the file."""
    document = json.loads(FILE.read_text("utf-8"))
    return document["association"], document["tracks"]


def main() -> None:
    """Write the file, unless its tracks differ while ASSOCIATION is the same."""
    found = tracks(TrackSettings())
    if FILE.exists() and stored()[0] == ASSOCIATION and stored()[1] != found:
        sys.exit("tracks changed: raise ASSOCIATION in yolo_worker/tracking/settings.py first")
    FILE.write_text(json.dumps({"association": ASSOCIATION, "tracks": found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Films of coloured boxes with their detections, and the tracks that the tracker makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.tracking.embedder import unit
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import Box, Boxes, DetectedFrame, Embeddings, Frame, TrackedFrame

SETTINGS = TrackSettings()
RED, GREEN, BLUE = (30, 30, 220), (30, 220, 30), (220, 30, 30)
HEIGHT_PX, WIDTH_PX = 240, 800


class MeanColour:
    """An embedding that is the mean colour: enough to distinguish coloured boxes."""

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        crops = [frame.image[int(y1) : int(y2), int(x1) : int(x2)] for x1, y1, x2, y2 in boxes[:, :4]]
        return unit(np.array([crop.mean((0, 1)) for crop in crops], np.float32).reshape(-1, 3))


@dataclass(frozen=True)
class Vehicle:
    """A coloured box; `place` gives its position in each frame, None while it is hidden."""

    place: Callable[[int], Box | None]
    colour: tuple[int, int, int] = RED
    confidence: float = 0.8
    type: str = "Car"


def driving(
    start: float, step: float, *, top: float = 100, width: float = 60, height: float = 40
) -> Callable[[int], Box]:
    return lambda index: (start + step * index, top, start + step * index + width, top + height)


def seen_only(place: Callable[[int], Box], visible: Callable[[int], bool]) -> Callable[[int], Box | None]:
    return lambda index: place(index) if visible(index) else None


def film(
    count: int, *vehicles: Vehicle, stride: int = 1, first: int = 0, size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)
) -> Iterator[DetectedFrame]:
    for index in range(first, first + count, stride):
        image = np.full((size[1], size[0], 3), 90, np.uint8)
        rows = []
        for vehicle in vehicles:
            box = vehicle.place(index)
            if box is not None:
                x1, y1, x2, y2 = (round(side) for side in box)
                image[y1:y2, x1:x2] = vehicle.colour
                rows.append((*box, vehicle.confidence, YOLO_TYPES.index(vehicle.type)))
        yield DetectedFrame(Frame(index, 40 * index, image), np.array(rows, np.float32).reshape(-1, 6))


def follow(frames: Iterator[DetectedFrame], settings: TrackSettings = SETTINGS) -> list[TrackedFrame]:
    return list(Tracker(MeanColour(), settings).track(frames))


def keys(tracked: Sequence[TrackedFrame]) -> set[int]:
    return {track.key for frame in tracked for track in frame.tracks}


def numbers(tracked: Sequence[TrackedFrame]) -> set[int]:
    return {track_id for frame in tracked for _, track_id in frame.links}

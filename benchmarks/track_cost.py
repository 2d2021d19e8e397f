"""CPU time of the tracker per frame: python -m video_analysis.benchmarks.track_cost.

Decoding, networks and the measurement of the camera's shift are not part of it.

Vehicles drive in lanes with gaps in their detections; neighbours overlap, so that the association has all its steps to
do. Each of them vanishes for longer than a track lasts from time to time, and is linked to its new track. With --parked
further vehicles stand still below the lanes: they are detected at first only, and the tracker remembers their places.
Start it with OPENBLAS_NUM_THREADS=1, as the workers' units do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.tracking.embedder import APPEARANCE, unit
from video_analysis.yolo_worker.tracking.tracker import Tracker
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Embeddings, Frame

WIDTH_PX, HEIGHT_PX, FRAME_MS = 1920, 1080, 40
LANES = 8
STEP_PX = 5
"""Per frame."""
DETECTED_SHARE = 0.9
HIDDEN_FRAMES, PERIOD_FRAMES = 45, 250
"""A vehicle is not detected during the first of each such period."""
JITTER_PX = 1.5
PARKED_FRAMES, SETTLED_FRAMES = 40, 100
"""Parked vehicles are detected in the first. Their tracks have ended after the second; frames count from there on."""
PARKED_COLUMNS = 64
WARM_UP_FRAMES = SETTLED_FRAMES + 20
APPEARANCE_NOISE = 0.01
"""Standard deviation of each number of an embedding before it is scaled to length 1."""


class Traffic:
    """Vehicles with an appearance each; also the embedder of their boxes."""

    def __init__(self, vehicles: int, parked: int = 0, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        self._vehicles, self._parked = vehicles, parked
        self._looks = unit(self._random.normal(size=(vehicles + parked, APPEARANCE.embedding_size)).astype(np.float32))
        self._detected: list[int] = []
        self._boxes: Boxes = np.zeros((0, 6), np.float32)

    def frames(self, count: int) -> Iterator[DetectedFrame]:
        """Frames whose picture is empty."""
        image = np.broadcast_to(np.uint8(0), (HEIGHT_PX, WIDTH_PX, 3))
        for index in range(count):
            seen = (self._random.random(self._vehicles) < DETECTED_SHARE) & ~self._is_hidden(index)
            parked = range(self._vehicles, self._vehicles + self._parked) if index < PARKED_FRAMES else ()
            self._detected = [*np.flatnonzero(seen).tolist(), *parked]
            self._boxes = np.array([self._box(number, index) for number in self._detected], np.float32).reshape(-1, 6)
            yield DetectedFrame(Frame(index, FRAME_MS * index, image), self._boxes)

    def _is_hidden(self, index: int) -> NDArray[np.bool_]:
        """Of each vehicle; one after the other."""
        begins = np.arange(self._vehicles) * PERIOD_FRAMES // max(self._vehicles, 1)
        return np.asarray((index + begins) % PERIOD_FRAMES < HIDDEN_FRAMES)

    def embed(self, _: Frame, boxes: Boxes) -> Embeddings:
        """One embedding per box."""
        rows = [int(np.abs(self._boxes[:, :4] - box[:4]).sum(1).argmin()) for box in boxes]
        looks = self._looks[[self._detected[row] for row in rows]]
        return unit((looks + self._random.normal(scale=APPEARANCE_NOISE, size=looks.shape)).astype(np.float32))

    def _box(self, number: int, index: int) -> tuple[float, ...]:
        if number >= self._vehicles:
            row, column = divmod(number - self._vehicles, PARKED_COLUMNS)
            x, y = 30.0 * column, 1015.0 + 16 * row
            return x, y, x + 24, y + 14, 0.8, 0.0
        lane, place = number % LANES, number // LANES
        x = (place * 330 + lane * 60 + STEP_PX * index) % WIDTH_PX
        y = 60 + lane * 110
        return *(np.array([x, y, x + 180, y + 180]) + self._random.normal(scale=JITTER_PX, size=4)), 0.8, 0.0


class _Excluded:
    """CPU time of this thread inside the block is added up."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.thread_time() - self._start


class _TimedTraffic:
    """Traffic whose own CPU time is known."""

    def __init__(self, vehicles: int, parked: int) -> None:
        self._traffic = Traffic(vehicles, parked)
        self.own = _Excluded()

    def frames(self, count: int) -> Iterator[DetectedFrame]:
        """Its frames."""
        frames = self._traffic.frames(count)
        for _ in range(count):
            with self.own:
                one = next(frames)
            yield one

    def embed(self, frame: Frame, boxes: Boxes) -> Embeddings:
        """One embedding per box."""
        with self.own:
            return self._traffic.embed(frame, boxes)


def milliseconds(vehicles: int, parked: int, frames: int, settings: TrackSettings) -> float:
    """CPU time of the tracker per frame, after the first SETTLED_FRAMES."""
    traffic = _TimedTraffic(vehicles, parked)
    start = 0.0
    for tracked in Tracker(traffic, settings).track(traffic.frames(frames)):
        if tracked.frame.index == SETTLED_FRAMES - 1:
            start = time.thread_time() - traffic.own.seconds
    return 1000 * (time.thread_time() - traffic.own.seconds - start) / (frames - SETTLED_FRAMES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the cost for each number of vehicles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vehicles", type=int, nargs="*", default=[1, 10, 40])
    parser.add_argument("--parked", type=int, default=0, help="vehicles that stand still and are not detected")
    parser.add_argument("--frames", type=int, default=600, help=f"more than {SETTLED_FRAMES}")
    options = parser.parse_args(arguments)
    if options.frames <= SETTLED_FRAMES:
        parser.error(f"--frames must be more than {SETTLED_FRAMES}")
    milliseconds(2, 0, WARM_UP_FRAMES, TrackSettings())
    for vehicles in options.vehicles:
        cost = milliseconds(vehicles, options.parked, options.frames, TrackSettings())
        print(f"{vehicles:>4} vehicles, {options.parked} parked: {cost:.2f} ms of CPU time per frame")
    return 0


if __name__ == "__main__":
    sys.exit(main())

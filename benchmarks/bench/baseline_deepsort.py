"""A peer in its own process: ultralytics and deep-sort-realtime, used as in their own documentation.

ultralytics' YOLO in PyTorch on each frame, deep-sort-realtime with its own embedder, and then a second decode that
crops each vehicle's largest box. It reports the boxes that confirmed tracks were matched to.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from video_analysis.benchmarks.bench import peer
from video_analysis.benchmarks.bench.peer import Labelled, PeerRun
from video_analysis.yolo_worker.types import Image

MAX_AGE = 5
"""As in the first example of deep-sort-realtime's README; all other settings are defaults."""
Best = dict[int, tuple[float, int, tuple[float, float, float, float]]]
"""Track to (area, frame, box) of its largest box."""


def run(clip: Path, weights: Path, stride: int, frames: int) -> PeerRun:
    """Process the first `frames` frames of `clip`, including crops written as JPEG."""
    from deep_sort_realtime.deepsort_tracker import DeepSort  # noqa: PLC0415
    from ultralytics import YOLO  # noqa: PLC0415

    model = YOLO(weights)
    tracker = DeepSort(max_age=MAX_AGE)
    wanted = peer.vehicles(model.names)
    for image in islice(_images(clip, stride), 1):
        model(image, classes=wanted, verbose=False)
    begun = time.perf_counter()
    best: Best = {}
    tracked = []
    for number, image in enumerate(islice(_images(clip, stride), frames)):
        tracked.append(_tracks(model(image, classes=wanted, verbose=False)[0], tracker, image))
        _remember(best, tracked[-1], number)
    with tempfile.TemporaryDirectory(prefix="cvitx-stock-") as folder:
        _cut(clip, stride, frames, best, Path(folder))
    return PeerRun(len(tracked), time.perf_counter() - begun, tracked, len(best))


def _images(clip: Path, stride: int) -> Iterator[Image]:
    """Every `stride`-th frame; all frames are decoded, as in the examples."""
    capture = cv2.VideoCapture(str(clip))
    index = 0
    while True:
        read, image = capture.read()
        if not read:
            break
        if index % stride == 0:
            yield image
        index += 1
    capture.release()


def _tracks(result: Any, tracker: Any, image: Image) -> list[Labelled]:
    """Detections as ([left, top, width, height], confidence, class) in, confirmed tracks' boxes out."""
    boxes = zip(result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), result.boxes.cls.tolist(), strict=True)
    detections = [([x1, y1, x2 - x1, y2 - y1], confidence, int(kind)) for (x1, y1, x2, y2), confidence, kind in boxes]
    found: list[Labelled] = []
    for track in tracker.update_tracks(detections, frame=image):
        if not track.is_confirmed():
            continue
        box = track.to_ltrb(orig=True, orig_strict=True)
        if box is not None:
            found.append((int(track.track_id), tuple(float(side) for side in box)))  # type: ignore[arg-type]
    return found


def _remember(best: Best, tracks: list[Labelled], number: int) -> None:
    for track, box in tracks:
        area = (box[2] - box[0]) * (box[3] - box[1])
        if area > best.get(track, (0.0, 0, box))[0]:
            best[track] = (area, number, box)


def _cut(clip: Path, stride: int, frames: int, best: Best, folder: Path) -> None:
    """Crop in a second pass over the video."""
    for number, image in enumerate(islice(_images(clip, stride), frames)):
        for track, (_, frame, (x1, y1, x2, y2)) in best.items():
            crop = image[max(0, int(y1)) : int(y2), max(0, int(x1)) : int(x2)]
            if frame == number and crop.size:
                cv2.imwrite(str(folder / f"{track}.jpg"), crop)


if __name__ == "__main__":
    peer.main(run, __doc__)

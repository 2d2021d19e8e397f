"""What is measured on: clips of the traffic world, real ones, one made long enough, and pictures for stage 2.

All of it is made once and kept in a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import cv2

from video_analysis.benchmarks.eval import scenes
from video_analysis.benchmarks.eval.scenes import EvaluationScene
from video_analysis.simulator.clip import CODEC
from video_analysis.simulator.close_ups import close_ups
from video_analysis.training.rendering import world_mark
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging import snapshot_image
from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.types import Image

DENSITIES = (1, 5, 10, 20)
FIRST_SEED = scenes.FIRST_SEED + 100
"""Behind those that `make eval` looks at."""
EARLY_DENSITY = 2.0
HEADLINE_HEIGHT_PX = 720
ROUNDS_A_VIEW = 2
PICTURES = 24


def rendered(folder: Path, seconds: float) -> dict[int, Path]:
    """A clip for each of DENSITIES: a clear day from above, so that density is all that differs."""
    chosen = [_scene(number, float(density)) for number, density in enumerate(DENSITIES)]
    clips = scenes.clips(chosen, folder / f"clips-{world_mark()}", seconds)
    return dict(zip(DENSITIES, clips, strict=True))


def leaves_early(folder: Path, real: Path, seconds: float) -> Path:
    """A clip of half a minute or more whose first vehicle is gone soon: a real street, or else a rendered one."""
    if real.is_file():
        return real
    return scenes.clips([_scene(len(DENSITIES), EARLY_DENSITY)], folder / f"clips-{world_mark()}", seconds)[0]


def _scene(number: int, density: float) -> EvaluationScene:
    return EvaluationScene(FIRST_SEED + number, "day", "clear", "high", density)


def real_clips(data: Path) -> list[Path]:
    """Every real clip under `data`; none where it is not there."""
    return [*sorted(data.glob("video/*.mp4")), *sorted(data.glob("mot/*/video.mp4"))]


def name_of(clip: Path) -> str:
    """A sequence is called after its folder."""
    return clip.stem if clip.stem != "video" else clip.parent.name


def is_for_the_headline(clip: Path) -> bool:
    """Footage of a usual camera's size."""
    capture = cv2.VideoCapture(str(clip))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) >= HEADLINE_HEIGHT_PX
    finally:
        capture.release()


def long_enough(clip: Path, frames: int, folder: Path) -> Path:
    """`clip` itself, or where it has fewer frames a longer one made of it, as traffic might go on.

    It runs to and fro, so that nothing jumps, and is mirrored after every second round: then other vehicles are there
    at other places, as many as before, and those from before have left, after some four seconds in view.
    """
    if video.probe(clip).announced_frames >= frames:
        return clip
    made = folder / f"{name_of(clip)}_{frames}f.mp4"
    if not made.is_file():
        images = [frame.image for frame in video.frames(clip, 1)]
        _write(made, islice(_back_and_forth(images), frames), 1000 / video.probe(clip).median_interval_ms)
    return made


def _back_and_forth(images: Sequence[Image]) -> Iterator[Image]:
    """Endless."""
    there_and_back = [*images, *images[-2:0:-1]]
    for mirrored in cycle((False, True)):
        for image in there_and_back * ROUNDS_A_VIEW:
            yield cv2.flip(image, 1) if mirrored else image


def _write(path: Path, images: Iterator[Image], fps: float) -> None:
    """It appears under its name when it is whole."""
    first = next(images)
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    writer = cv2.VideoWriter(str(partial), cv2.VideoWriter.fourcc(*CODEC), fps, (first.shape[1], first.shape[0]))
    if not writer.isOpened():
        raise OSError(f"{path}: cannot be written as {CODEC} video")
    writer.write(first)
    for image in images:
        writer.write(image)
    writer.release()
    partial.rename(path)


def pictures(folder: Path) -> Path:
    """A folder of PICTURES snapshots as stage 1 would write them: vehicles of the traffic world."""
    made = folder / f"snapshots-{world_mark()}"
    if len(list(made.glob("*.jpg"))) < PICTURES:
        made.mkdir(parents=True, exist_ok=True)
        for number, crop in enumerate(islice(close_ups(FIRST_SEED, stages=1), PICTURES)):
            (made / f"{number:03d}.jpg").write_bytes(
                snapshot_image.snapshot(crop.image, WorkerConfig().snapshot.jpeg_quality)
            )
    return made


def read_pictures(folder: Path) -> list[bytes]:
    """Those of `pictures`, in order."""
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]

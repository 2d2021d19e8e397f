"""Inputs of the benchmark: rendered and real clips, one extended clip, and snapshots for stage 2.

They are created once and kept in a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import cv2

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.eval import scenes
from video_analysis.benchmarks.eval.scenes import EvaluationScene
from video_analysis.simulator.clip import CODEC
from video_analysis.simulator.close_ups import close_ups
from video_analysis.training.rendering import world_mark
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot
from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.types import Image

DENSITIES = (1, 5, 10, 20)
FIRST_SEED = scenes.FIRST_SEED + 100
"""After the seeds of `make eval`."""
EARLY_DENSITY = 2.0
HEADLINE_HEIGHT_PX = 720
ROUNDS_A_VIEW = 2
PICTURES = 24


def rendered(folder: Path, seconds: float) -> dict[int, Path]:
    """A clip for each of DENSITIES: the same clear day and camera, so that only the density differs."""
    chosen = [_scene(number, float(density)) for number, density in enumerate(DENSITIES)]
    clips = scenes.clips(chosen, folder / f"clips-{world_mark()}", seconds)
    return dict(zip(DENSITIES, clips, strict=True))


def leaves_early(folder: Path, real: Path, seconds: float) -> Path:
    """A clip of at least half a minute whose first vehicle leaves early: a real one, or a rendered one."""
    if real.is_file():
        return real
    return scenes.clips([_scene(len(DENSITIES), EARLY_DENSITY)], folder / f"clips-{world_mark()}", seconds)[0]


def _scene(number: int, density: float) -> EvaluationScene:
    return EvaluationScene(FIRST_SEED + number, "day", "clear", "high", density)


def is_for_the_headline(clip: Path) -> bool:
    """Whether the clip has at least 720 lines."""
    capture = cv2.VideoCapture(str(clip))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) >= HEADLINE_HEIGHT_PX
    finally:
        capture.release()


def long_enough(clip: Path, frames: int, folder: Path) -> Path:
    """`clip`, or a clip of `frames` frames made from it if it has fewer.

    It is played forwards and backwards, so that nothing jumps, and mirrored after every second round: then the
    vehicles are at other positions, and tracks end after about four seconds.
    """
    if video.probe(clip).announced_frames >= frames:
        return clip
    made = folder / f"{real_data.name_of(clip)}_{frames}f.mp4"
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
    """Write under a temporary name, then rename, so that no partial clip remains."""
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
    """A folder of PICTURES rendered snapshots, encoded as in stage 1."""
    made = folder / f"snapshots-{world_mark()}"
    if len(list(made.glob("*.jpg"))) < PICTURES:
        made.mkdir(parents=True, exist_ok=True)
        for number, crop in enumerate(islice(close_ups(FIRST_SEED, stages=1), PICTURES)):
            (made / f"{number:03d}.jpg").write_bytes(encode_snapshot(crop.image, WorkerConfig().snapshot.jpeg_quality))
    return made


def read_pictures(folder: Path) -> list[bytes]:
    """The snapshots of the folder, in order."""
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]

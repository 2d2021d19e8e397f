"""A scene as a video file, with its truth beside it."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2

from video_analysis.simulator.scene import Scene

log = logging.getLogger(__name__)
CODEC = "mp4v"
"""MPEG-4 part 2: OpenCV's wheels carry no H.264 encoder."""


def truth_path(video: Path) -> Path:
    """Where a clip's truth lies."""
    return video.with_suffix(".truth.jsonl")


def write_clip(scene: Scene, seconds: float, video: Path) -> int:
    """Write `seconds` of a scene to `video` (.mp4) and its truth beside it; gives the number of frames.

    The truth's first line is {"scene": facts}, then one line a frame (truth.FrameTruth). The same scene gives the
    same bytes. OSError where the file cannot be written.
    """
    count = max(1, round(seconds * scene.facts.fps))
    size = (scene.facts.width, scene.facts.height)
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*CODEC), scene.facts.fps, size)
    if not writer.isOpened():
        raise OSError(f"{video}: cannot be written as {CODEC} video")
    try:
        with truth_path(video).open("w", encoding="utf-8") as truth:
            truth.write(scene.facts.to_json() + "\n")
            for picture in scene.frames(count):
                writer.write(picture.image)
                truth.write(picture.truth.to_json() + "\n")
                if picture.truth.index % (scene.facts.fps * 5) == 0:
                    log.info("frame %d of %d", picture.truth.index, count, extra={"frame": picture.truth.index})
    finally:
        writer.release()
    return count

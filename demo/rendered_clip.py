"""The demo's default clip: a street by day, rendered from a seed that is in no training data."""

from __future__ import annotations

import time
from pathlib import Path

import cv2

from video_analysis.simulator.clip import CODEC
from video_analysis.simulator.scene import Scene

SEED = 38
"""One of training.splits.EVALUATION_SCENES: a clear day, a camera on a pole, vehicles of six types."""
SECONDS = 20
RECORDED_AT = "2026-03-11T15:50:13+08:00"
"""The time in the caption of the first frame, in Manila."""
REPORT_EVERY_S = 2.0


def render(path: Path, seconds: float = SECONDS) -> None:
    """Write the clip (1280×720, 15 frames/s) to `path` and print progress. OSError if it cannot be written."""
    scene = Scene.from_seed(SEED)
    facts, count = scene.facts, max(1, round(seconds * scene.facts.fps))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODEC), facts.fps, (facts.width, facts.height))
    if not writer.isOpened():
        raise OSError(f"{path}: cannot be written as {CODEC} video")
    try:
        printed_s = time.monotonic()
        for number, picture in enumerate(scene.frames(count), start=1):
            writer.write(picture.image)
            if time.monotonic() - printed_s >= REPORT_EVERY_S or number == count:
                print(f"  frame {number} of {count}", flush=True)
                printed_s = time.monotonic()
    finally:
        writer.release()

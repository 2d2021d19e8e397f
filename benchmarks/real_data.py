"""Where the real footage, weights and pictures are, outside the repository: ../shared/data, if it exists."""

from __future__ import annotations

from pathlib import Path

from video_analysis.worker_config import PACKAGE_FOLDER

DATA = PACKAGE_FOLDER.parent / "shared" / "data"
COCO_WEIGHTS = Path("models", "yolov8n_coco.pt")
"""The detector for real footage, within the data's folder."""
ABSENT = "they are not here"
"""Why there are no figures of real pictures or clips."""


def clips(data: Path) -> list[Path]:
    """Every real clip under `data`, if any."""
    return [*sorted(data.glob("video/*.mp4")), *sorted(data.glob("mot/*/video.mp4"))]


def name_of(clip: Path) -> str:
    """The clip's name; for a sequence that of its folder."""
    return clip.stem if clip.stem != "video" else clip.parent.name


def sequences(folder: Path) -> list[Path]:
    """The folders in `folder` that have a ground truth, in order."""
    return sorted(path.parent for path in folder.glob("*/gt.txt"))

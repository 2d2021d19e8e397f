"""Which real pictures are for evaluation, and the hashes that keep them out of every training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from video_analysis.worker_utils.inference.backend import sha256_of

STILLS = Path("pictures", "sg_lta_cctv")
PHOTOGRAPHS = Path("pictures", "vehicles_openimages_627")
VALIDATION_CAMERAS = ("1002", "1503", "2704", "3704", "9704")
"""Of the stills: every fourth camera, from the second, of the sorted cameras with at least 20 stills."""
EVALUATION_FOLDERS = (Path("type"), STILLS / "heldout", PHOTOGRAPHS / "test", Path("colour"), Path("plates"))
"""Folders within the data whose pictures are for evaluation only."""
PICTURES = (".jpg", ".jpeg", ".png")


def camera_of(still: Path) -> str:
    """The camera of a still, from its file's name."""
    return still.name.split("-")[0]


def is_validation(still: Path) -> bool:
    """Whether the still is from a validation camera."""
    return camera_of(still) in VALIDATION_CAMERAS


def stills(data: Path) -> list[Path]:
    """The files of all stills, in order."""
    return pictures(data / STILLS / "train")


def pictures(folder: Path) -> list[Path]:
    """The files of all pictures below a folder, in order; none if the folder does not exist."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)


def evaluation_pictures(data: Path) -> list[Path]:
    """All pictures of the evaluation: those of the validation cameras and of the evaluation folders."""
    of_cameras = [path for path in stills(data) if is_validation(path)]
    return of_cameras + [path for folder in EVALUATION_FOLDERS for path in pictures(data / folder)]


def for_training(candidates: Iterable[Path], data: Path) -> list[Path]:
    """The candidates without those whose content (SHA-256) is that of a picture of the evaluation."""
    excluded = {sha256_of(path) for path in evaluation_pictures(data)}
    return [path for path in candidates if sha256_of(path) not in excluded]

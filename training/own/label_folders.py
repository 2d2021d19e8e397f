"""Reads labels from folders: <type>/picture, <type>/<make>/picture or <type>/<make>/<model>/picture."""

from __future__ import annotations

from pathlib import Path

from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.own_pictures import OwnPicture, video_of
from video_analysis.training.real_splits import pictures

LEVELS = 3


def read(folder: Path) -> list[OwnPicture]:
    """All pictures below the folder, in order. LabelError for a picture that is not in a folder of its type."""
    found = []
    faults = [
        f"{link.relative_to(folder)}: is a link to a folder; put the pictures there themselves"
        for link in _links(folder)
    ]
    for picture in pictures(folder):
        inside = picture.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):
            continue
        names = inside.parts[:-1]
        if not 1 <= len(names) <= LEVELS:
            faults.append(f"{inside}: is not <type>/<make>/<model>/{inside.name}; make and model may be left out")
            continue
        kind, make, model = (names[level] if level < len(names) else None for level in range(LEVELS))
        found.append(OwnPicture(picture, video_of(inside), str(inside.parent), kind, make, model))
    if faults:
        raise LabelError(faults)
    return found


def _links(folder: Path) -> list[Path]:
    """Links to folders, whose pictures would be left out."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() and path.is_dir())

"""One labelled picture of a user, wherever its labels come from; and the check of all of them together. Pure."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from video_analysis.ops.label_file import Split, splits
from video_analysis.training.own.label_error import LabelError
from video_analysis.worker_utils.contracts import s3_keys

LONGEST_NAME = 100
"""As in labels.json."""
NOT_STORED = f"has more than {LONGEST_NAME} characters, or one that cannot be printed"
NO_NAMES = frozenset(("unknown", "nan", "null", "none", "n/a", "na", "-", "–", "?"))
"""What people and programs write for an unknown name, in lower case."""
VIDEO_MARK = "__"
"""In the name of a picture that is not an exported snapshot: what is before it names the video."""


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A picture and its labels; None is unknown."""

    picture: Path
    video: str
    """Pictures of one video are never in two splits."""
    place: str
    """Where the labels are, for messages."""
    type: str | None
    make: str | None
    model: str | None
    split: Split | None = None
    """None: by the video."""

    @property
    def names(self) -> tuple[str | None, str | None, str | None]:
        """Type, make, model."""
        return self.type, self.make, self.model


def has_no_video(one: OwnPicture) -> bool:
    """Whether the picture counts as a video of its own."""
    return Path(one.video).name == one.picture.name


def can_be_stored(name: str) -> bool:
    """labels.json can have this name; if not, it is NOT_STORED."""
    return len(name) <= LONGEST_NAME and name.isprintable()


def video_of(picture: Path) -> str:
    """The video of a picture: its folder if that is a video's id, as exported, or else what is before VIDEO_MARK.

    A name without VIDEO_MARK counts as a video of its own.
    """
    if re.fullmatch(s3_keys.UUID, picture.parent.name):
        return picture.parent.name
    before, mark, _ = picture.stem.partition(VIDEO_MARK)
    return before if mark else picture.as_posix()


def checked(pictures: Sequence[OwnPicture], types: Sequence[str]) -> list[OwnPicture]:
    """The pictures with the spelling of `types`, each picture once, and with their splits.

    LabelError for names that cannot be used, a picture with two labels, and a video in two splits.
    """
    faults = [fault for one in pictures for fault in _faults(one, types)]
    respelled = [_respelled(one, types) for one in pictures] if not faults else []
    faults += [*_contradictions(respelled), *_divided_videos(respelled)]
    if faults:
        raise LabelError(list(dict.fromkeys(faults)))
    once = list({one.picture: one for one in reversed(respelled)}.values())[::-1]
    of_video = splits(one.video for one in once)
    return [one if one.split else replace(one, split=of_video[one.video]) for one in once]


def _faults(one: OwnPicture, types: Sequence[str]) -> Iterable[str]:
    for column, name in zip(("type", "make", "model"), one.names, strict=True):
        if name is not None and not can_be_stored(name):
            yield f"{one.place}, {column}: {NOT_STORED}"
        if column != "type" and name is not None and name.casefold() in NO_NAMES:
            yield f"{one.place}, {column}: {name!r} is no name; leave it empty if it is unknown"
    if one.type is not None and one.type.casefold() not in {name.casefold() for name in types}:
        near = difflib.get_close_matches(one.type, types, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(types)}"
        yield f"{one.place}, type: {one.type!r} is no vehicle type{hint}"
    if one.make is None and one.model is not None:
        yield f"{one.place}, make: is empty, but the model is {one.model!r}; add the make, or clear the model"


def _respelled(one: OwnPicture, types: Sequence[str]) -> OwnPicture:
    spelling = {name.casefold(): name for name in types}
    return replace(one, type=None if one.type is None else spelling[one.type.casefold()])


def _contradictions(pictures: Sequence[OwnPicture]) -> Iterable[str]:
    first: dict[Path, OwnPicture] = {}
    for one in pictures:
        other = first.setdefault(one.picture, one)
        if other.names != one.names:
            yield f"{one.place}: has another label than {other.place}, but the same picture; keep one of them"


def _divided_videos(pictures: Sequence[OwnPicture]) -> Iterable[str]:
    found: dict[str, dict[Split | None, OwnPicture]] = defaultdict(dict)
    for one in pictures:
        found[one.video].setdefault(one.split, one)
    for of_video in found.values():
        if len(of_video) > 1:
            one, other = list(of_video.values())[:2]
            before, after = (some.split or "empty" for some in (one, other))
            yield f"{other.place}, split: is {after}, but {before} in {one.place} of the same video"

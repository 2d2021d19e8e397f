"""The CSV file of labels that a person corrects and a training reads. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal, get_args

from video_analysis.worker_utils.contracts import s3_keys

FILE_NAME = "labels.csv"
ENCODING = "utf-8-sig"
"""With a byte order mark, without which spreadsheets misread names such as Citroën."""
COLUMNS = ("analysis_id", "snapshot_s3_key", "type", "make", "model", "colour", "plate", "split")
Split = Literal["train", "calibration", "validation"]
SPLITS: tuple[Split, ...] = get_args(Split)
VALIDATION_SHARE, CALIBRATION_SHARE = 0.2, 0.2
"""Of the videos, approximately."""


def picture_path(uri: str) -> PurePosixPath:
    """Where a snapshot is in the folder of pictures: <video_id>/<name>.jpg. ValueError if `uri` has another form."""
    snapshot = s3_keys.parse_snapshot_uri(uri)
    return PurePosixPath(snapshot.video_id, PurePosixPath(snapshot.key).name)


def splits(videos: Iterable[str]) -> dict[str, Split]:
    """The split of each video, by a hash of its id: a video that is exported again later has the same one.

    Only if a split would have no video, it gets one of the largest split. With fewer than three videos,
    `calibration` and then `validation` have none.
    """
    ranked = sorted(set(videos), key=_rank)
    found = {video: _split(_rank(video)) for video in ranked}
    needed: tuple[Split, ...] = ("train", "validation", "calibration")
    for empty in needed[: len(ranked)]:
        if empty not in found.values():
            found[_movable(ranked, found)] = empty
    return found


def _movable(ranked: list[str], found: dict[str, Split]) -> str:
    """The first video of the split with the most videos; of equal ones `calibration`."""
    members = {split: [video for video in ranked if found[video] == split] for split in SPLITS}
    return max(members.items(), key=lambda one: (len(one[1]), one[0] == "calibration"))[1][0]


def _split(rank: float) -> Split:
    if rank < VALIDATION_SHARE:
        return "validation"
    return "calibration" if rank < VALIDATION_SHARE + CALIBRATION_SHARE else "train"


def _rank(video: str) -> float:
    """A number from 0 to 1 that depends on the id alone."""
    return int(hashlib.sha256(video.encode()).hexdigest()[:8], 16) / 2**32

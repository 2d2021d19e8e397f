"""The checkpoint parts of runs, as the commands use them: what a replay finds, and the boxes of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_types import CheckpointPart
from video_analysis.worker_utils.db.stage_checkpoints import StageCheckpointRepository
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.yolo_worker.runs.checkpoint_reader import StoredFrames
from video_analysis.yolo_worker.runs.frame_input import FrameInput


@dataclass(frozen=True, slots=True)
class Coverage:
    """The stored frames from the first one on, without a gap."""

    parts: int
    frames: int


def of_run(database: Database, run_id: str) -> Sequence[CheckpointPart]:
    """The parts of a run and of those that it follows, the newest first. None where the table cannot be read."""
    try:
        return StageCheckpointRepository(database).of_run(run_id, with_parents=True)
    except EnvironmentFault:  # the table is optional, and so is the operator's grant
        return []


def coverage(parts: Sequence[CheckpointPart], stride: int) -> Coverage:
    """What a worker reads of these parts."""
    left, count, index = list(parts), 0, 0
    while part := next((one for one in left if one.first_frame <= index <= one.last_frame), None):
        left.remove(part)
        count, index = count + 1, part.last_frame + stride
    return Coverage(count, index // stride)


def boxes(store: ObjectStore, parts: Sequence[CheckpointPart], stride: int) -> list[FrameInput]:
    """The frames with their boxes, without embeddings: up to the first one that cannot be read."""
    alike = [part for part in parts if _origin(part) == _origin(parts[0])]
    stored = StoredFrames(alike, partial(_content, store), lambda _part, _failure: None)
    found: list[FrameInput] = []
    while frame := stored.take(len(found) * stride):
        found.append(FrameInput(frame.index, frame.offset_ms, frame.boxes))
    return found


def are_of_one_origin(parts: Sequence[CheckpointPart], others: Sequence[CheckpointPart]) -> bool:
    """Whether `boxes` finds the same frames in both: they are of one video file and the same settings."""
    return bool(parts) and bool(others) and _origin(parts[0]) == _origin(others[0])


def _content(store: ObjectStore, key: str, limit_bytes: int) -> bytes:
    return store.fetch_bytes(key, limit_bytes)[0]


def _origin(part: CheckpointPart) -> tuple[str, int, str]:
    return part.source_etag, part.source_bytes, part.traits_hash

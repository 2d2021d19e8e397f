"""The checkpoint parts of runs, as the commands use them: what a replay finds, and the boxes of a video."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from video_analysis.ops import aws_clients
from video_analysis.worker_utils.aws.errors import error_code
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_types import CheckpointPart
from video_analysis.worker_utils.db.stage_checkpoints import StageCheckpointRepository
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.yolo_worker.runs.checkpoint_reader import StoredFrames
from video_analysis.yolo_worker.runs.frame_input import FrameInput

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ABSENT = frozenset({"404", "403"})
"""Answers to HEAD, which have no text: without s3:ListBucket, S3 answers 403 for an absent object."""
THREADS = 8


@dataclass(frozen=True, slots=True)
class Coverage:
    """The stored frames from the first one on, without a gap."""

    parts: int
    frames: int


def of_run(database: Database, run_id: str) -> Sequence[CheckpointPart]:
    """The parts of a run and of those that it follows, the newest first. None where the table cannot be read."""
    try:
        return StageCheckpointRepository(database).of_run(run_id)
    except EnvironmentFault:  # the table is optional, and so is the operator's grant
        return []


def coverage(parts: Sequence[CheckpointPart], stride: int) -> Coverage:
    """What a worker reads of these parts."""
    left, count, index = list(parts), 0, 0
    while part := next((one for one in left if one.first_frame <= index <= one.last_frame), None):
        left.remove(part)
        count, index = count + 1, part.last_frame + stride
    return Coverage(count, index // stride)


def existing(client: S3Client, bucket: str, parts: Sequence[CheckpointPart]) -> list[CheckpointPart]:
    """The parts whose objects can be read: a lifecycle rule deletes objects, and not their rows.

    Raises WorkerError if S3 cannot be used.
    """

    def is_there(part: CheckpointPart) -> bool:
        with aws_clients.calling("s3:GetObject", f"s3://{bucket}/{part.s3_key}"):
            try:
                return client.head_object(Bucket=bucket, Key=part.s3_key)["ContentLength"] == part.bytes
            except ClientError as error:
                if error_code(error) in ABSENT:
                    return False
                raise

    with ThreadPoolExecutor(THREADS, thread_name_prefix="parts") as pool:
        return [part for part, is_found in zip(parts, pool.map(is_there, parts), strict=True) if is_found]


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

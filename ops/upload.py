"""Upload a video file under the key of its video."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from video_analysis.ops import aws_clients
from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.errors import map_aws_error

CONTENT_TYPE = "video/mp4"


def raw_key(workspace_id: str, video_id: str, clip: Path) -> str:
    """The key of the file; it ends in .mp4, or the contract refuses it."""
    return f"demo_user/{workspace_id}/{video_id}/raw/{clip.name}"


def size_of(clip: Path) -> int:
    """The file's size in bytes. CommandError if it cannot be read or is empty."""
    try:
        with clip.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise CommandError(f"{clip}: {error.strerror}") from None
    if is_empty:
        raise CommandError(f"{clip}: the file is empty")
    return clip.stat().st_size


def put(config: WorkerConfig, clip: Path, key: str, on_bytes: Callable[[int], None]) -> None:
    """Upload in parts where the file is large. `on_bytes` is called with the number of bytes sent so far.

    Repeating it stores the same object again. Needs s3:PutObject, and s3:AbortMultipartUpload to remove parts.
    """
    sent, lock = 0, threading.Lock()

    def count(part: int) -> None:
        nonlocal sent
        with lock:
            sent += part
            on_bytes(sent)

    where = f"s3://{config.s3_bucket}/{key}"
    try:
        aws_clients.s3(config).upload_file(
            str(clip), config.s3_bucket, key, ExtraArgs={"ContentType": CONTENT_TYPE}, Callback=count
        )
    except (ClientError, BotoCoreError) as error:
        raise map_aws_error(error, "s3:PutObject", where) from error
    except S3UploadFailedError as error:
        cause = error.__context__
        if isinstance(cause, ClientError | BotoCoreError):
            raise map_aws_error(cause, "s3:PutObject", where) from error
        raise CommandError(f"{where}: {error}") from error

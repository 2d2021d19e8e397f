"""S3: videos in, snapshots out. Every botocore fault leaves here as one of the taxonomy's."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from video_analysis.worker_utils.aws.errors import code_of, fault_of
from video_analysis.worker_utils.errors import EnvironmentFault, MissingObject, Permanent, WorkerError
from video_analysis.worker_utils.execution import temp_dirs
from video_analysis.worker_utils.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 20
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
ATTEMPTS = 4
CONNECTIONS = 20
"""Two micro-batches of pictures may be on their way at once."""
_MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403", "Forbidden", "InvalidObjectState"})
"""InvalidObjectState: archived by a lifecycle rule, and not readable until somebody restores it."""
_READ, _WRITE = "s3:GetObject", "s3:PutObject"
_WRONG_BUCKET = frozenset({"NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed"})


@dataclass(frozen=True, slots=True)
class SettingNames:
    """What a person changes where the bucket or the temporary folder is wrong."""

    bucket: str
    folder: str


WORKERS_OWN = SettingNames("CVITX_S3_BUCKET", "CVITX_TEMP_DIR")


class ObjectStore:
    """The one bucket the workers use. Safe to share between threads, as a boto3 client is."""

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        temp_dir: Path | None = None,
        min_free_bytes: int = 0,
        names: SettingNames = WORKERS_OWN,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._temp_dir = temp_dir
        self._min_free_bytes = min_free_bytes
        self._names = names

    @classmethod
    def connect(cls, session: boto3.Session, settings: StoreSettings, names: SettingNames = WORKERS_OWN) -> ObjectStore:
        """The configured bucket, by a client that answers in bounded time. Nothing is sent yet.

        Fetched videos that a killed worker left in the temporary folder are removed.
        """
        client_config = Config(
            region_name=settings.region,
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
        )
        temp_dir = None if settings.temp_dir is None else settings.path(settings.temp_dir)
        temp_dirs.sweep(temp_dir)
        client = session.client("s3", config=client_config)
        return cls(client, settings.s3_bucket, temp_dir, settings.min_free_disk_mb << 20, names)

    @contextmanager
    def fetch(self, key: str, on_progress: Callable[[], None]) -> Iterator[Path]:
        """The object as a private local file that is gone when the block ends, however it ends.

        `on_progress` is called once a chunk and may raise to give up. Raises MissingObject, Transient, or
        EnvironmentFault when the disk is, or would be, full.
        """
        with temp_dirs.private_folder(self._temp_dir, self._names.folder) as folder:
            path = folder / "video.mp4"
            self._download(key, path, on_progress)
            yield path

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        """(content, content type) of a small object. Permanent where it is longer than `limit_bytes`."""
        with self._translated(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > limit_bytes:
                    text = f"{key}: {answer['ContentLength']} bytes, more than the {limit_bytes} allowed"
                    raise Permanent(text, code="object_too_large")
                return body.read(), answer["ContentType"]

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object whole. The same content under the same key changes nothing.

        Raises Transient, EnvironmentFault (a denied write is never the key's fault), or Permanent for a key too long.
        """
        with self._translated(key, _WRITE):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    def check_disk(self) -> None:
        """EnvironmentFault while the temporary folder has less free space than it should keep."""
        self._check_room(0)

    def _download(self, key: str, path: Path, on_progress: Callable[[], None]) -> None:
        with self._translated(key):
            path.touch(0o600)
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with closing(answer["Body"]) as body, path.open("wb") as file:
                self._check_room(answer["ContentLength"])
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    file.write(chunk)
                    on_progress()

    def _check_room(self, needed_bytes: int) -> None:
        folder = self._temp_dir or Path(tempfile.gettempdir())
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            text = f"the temporary folder cannot be used, see {self._names.folder}: {error}"
            raise EnvironmentFault(text, code="temp_dir_unusable") from error
        if free < needed_bytes + self._min_free_bytes:
            wanted = needed_bytes + self._min_free_bytes
            raise EnvironmentFault(
                f"disk full: {folder} has {free >> 20} MB free, {wanted >> 20} MB are wanted; "
                f"free some, or set {self._names.folder} to a larger disk",
                code="disk_full",
            )

    @contextmanager
    def _translated(self, key: str, permission: str = _READ) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._fault_of_the_answer(error, key, permission) from error
        except BotoCoreError as error:
            raise fault_of(error, permission, self._uri(key)) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise EnvironmentFault(f"disk full while fetching {key}: {error}", code="disk_full") from error
            raise

    def _fault_of_the_answer(self, error: ClientError, key: str, permission: str) -> WorkerError:
        code = code_of(error)
        if code in _WRONG_BUCKET:
            known = f"S3 knows no bucket {self._bucket} in this region ({code})"
            return EnvironmentFault(f"{known}: check {self._names.bucket}", code="no_bucket")
        if code == "KeyTooLongError":
            return Permanent(f"{self._uri(key)} is longer than S3 allows ({code})", code="key_too_long")
        if permission == _READ and code in _MISSING:
            return MissingObject(f"{self._uri(key)} is not there, or {permission} on it is denied ({code})", key)
        return fault_of(error, permission, self._uri(key))

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

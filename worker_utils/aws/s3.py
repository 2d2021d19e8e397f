"""S3: downloads videos and snapshots, uploads snapshots. Errors are mapped to the failure taxonomy."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from video_analysis.worker_utils.aws.errors import (
    cause_of,
    denied_action,
    error_code,
    expect_refusal,
    is_kms_denial,
    map_aws_error,
    needs_customer_key,
)
from video_analysis.worker_utils.aws.fetched_file import FetchedFile
from video_analysis.worker_utils.aws.refused_keys import READ, WRITE, Permission, RefusedKeys, is_refused_by_kms
from video_analysis.worker_utils.errors import EnvironmentFault, MissingObject, Permanent, Transient, WorkerError
from video_analysis.worker_utils.execution import temp_dirs
from video_analysis.worker_utils.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 20
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
ATTEMPTS = 4
CONNECTIONS = 20
"""Size of the connection pool: the snapshots of two batches may be downloaded at the same time."""
_LIST = "s3:ListBucket"
_MD5_OF_OTHER_CONTENT = "1B2M2Y8AsgTpgAmY7PhCfg=="
"""Of no content, while the request has content: S3 refuses it and stores nothing."""


_IF_ABSENT = ContextVar("if_absent", default=False)


def _add_condition(params: Mapping[str, Any], **_: object) -> None:
    """Add the header of a conditional write: this version of boto3 has no argument for it."""
    if _IF_ABSENT.get():
        params["headers"]["If-None-Match"] = "*"


@dataclass(frozen=True, slots=True)
class SettingNames:
    """The settings that error messages name for the bucket and the temporary folder."""

    bucket: str
    folder: str


WORKER_SETTINGS = SettingNames("CVITX_S3_BUCKET", "CVITX_TEMP_DIR")


class ObjectStore:
    """The bucket of the workers. Thread-safe, like its boto3 client."""

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        temp_dir: Path | None = None,
        min_free_bytes: int = 0,
        names: SettingNames = WORKER_SETTINGS,
        denied_keys_limit: int = 3,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._temp_dir = temp_dir
        self._min_free_bytes = min_free_bytes
        self._names = names
        self._refused_keys = RefusedKeys(denied_keys_limit)
        client.meta.events.register("before-call.s3.PutObject", _add_condition, unique_id="cvitx-if-absent")

    @classmethod
    def connect(
        cls, session: boto3.Session, settings: StoreSettings, names: SettingNames = WORKER_SETTINGS
    ) -> ObjectStore:
        """The configured bucket, with bounded timeouts. Sends no request.

        Removes downloads that a killed worker left in the temporary folder.
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
        min_free_bytes = settings.min_free_disk_mb << 20
        return cls(client, settings.s3_bucket, temp_dir, min_free_bytes, names, settings.denied_keys_limit)

    @contextmanager
    def fetch(self, key: str, on_progress: Callable[[], None]) -> Iterator[FetchedFile]:
        """The object as a private local file, removed when the block ends.

        `on_progress` is called once per chunk and may raise to abort. Raises MissingObject, Transient,
        Permanent if the object is archived or needs a customer key, or EnvironmentFault if the disk is full or too
        small for the object.
        """
        with temp_dirs.private_folder(self._temp_dir, self._names.folder) as folder:
            path = folder / "video.mp4"
            yield self._download(key, path, on_progress)

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        """(content, content type) of a small object. Raises as `fetch`, and Permanent above `limit_bytes`."""
        with self._map_errors(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > limit_bytes:
                    text = f"{key}: {answer['ContentLength']} bytes, more than the {limit_bytes} allowed"
                    raise Permanent(text, code="object_too_large")
                return body.read(), answer["ContentType"]

    def put(self, key: str, content: bytes, content_type: str, *, only_if_absent: bool = False) -> None:
        """Write an object. Idempotent for the same content.

        With `only_if_absent` an existing object is not changed; this needs no read permission. Raises Transient,
        Permanent if the key is too long, or EnvironmentFault: a denied write is a fault of the role, not of the key.
        """
        condition = _IF_ABSENT.set(only_if_absent)
        try:
            with self._map_errors(key, WRITE):
                self._put(key, content, content_type)
        finally:
            _IF_ABSENT.reset(condition)

    def _put(self, key: str, content: bytes, content_type: str) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)
        except ClientError as error:
            if error_code(error) != "PreconditionFailed":
                raise

    def probe_read(self, absent_key: str) -> None:
        """EnvironmentFault while objects cannot be read. Reads the key that `RefusedKeys` names, or `absent_key`.

        If the object of that key no longer exists or is archived, the next one is read.

        Without s3:ListBucket, S3 answers 403 for an absent key, too. Only the text of its answer may name what is
        missing: s3:ListBucket or s3:GetObject. Without such a text the probe passes. Not tested on AWS.
        """
        key = self._refused_keys.key_of_probe(READ, absent_key)
        while self._is_unavailable(key) and key != absent_key:
            key = self._refused_keys.key_of_probe(READ, absent_key)
        self._refused_keys.note_passed_probe(READ)

    def _is_unavailable(self, key: str) -> bool:
        """Read an object. Whether it cannot be read for a reason of its own; EnvironmentFault if no object can be."""
        try:
            with self._map_errors(key):
                self._client.get_object(Bucket=self._bucket, Key=key)["Body"].close()
        except (MissingObject, Permanent) as failure:
            if not is_refused_by_kms(failure):
                return True
            if self._refused_keys.kms_refuses_all():
                raise EnvironmentFault(str(failure), code=failure.code) from failure
        return False

    def probe_write(self, key: str) -> None:
        """EnvironmentFault while objects cannot be written: `key`, or the key whose write was refused last.

        The request has a wrong Content-MD5: nothing is stored. Tested against an emulator, not on AWS.
        """
        key = self._refused_keys.key_of_probe(WRITE, key)
        with expect_refusal(self._refused_keys.last_refusal(WRITE)), self._map_errors(key, WRITE):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=b"probe", ContentMD5=_MD5_OF_OTHER_CONTENT)
        self._refused_keys.note_passed_probe(WRITE)

    def check_disk(self) -> None:
        """EnvironmentFault while the temporary folder has less free space than configured."""
        self._check_free_space(0)

    def _download(self, key: str, path: Path, on_progress: Callable[[], None]) -> FetchedFile:
        with self._map_errors(key):
            path.touch(0o600)
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with closing(answer["Body"]) as body, path.open("wb") as file:
                self._check_free_space(answer["ContentLength"])
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    file.write(chunk)
                    on_progress()
            return FetchedFile(path, answer["ETag"], answer["ContentLength"])

    def _check_free_space(self, needed_bytes: int) -> None:
        folder = self._temp_dir or Path(tempfile.gettempdir())
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            text = f"the temporary folder cannot be used, see {self._names.folder}: {error}"
            raise EnvironmentFault(text, code="temp_dir_unusable") from error
        if free < needed_bytes + self._min_free_bytes:
            wanted = needed_bytes + self._min_free_bytes
            raise EnvironmentFault(
                f"disk full: {folder} has {free >> 20} MB free, {wanted >> 20} MB are needed; "
                f"free some space, or set {self._names.folder} to a larger disk",
                code="disk_full",
            )

    @contextmanager
    def _map_errors(self, key: str, permission: Permission = READ) -> Iterator[None]:
        try:
            yield
            self._refused_keys.note_success(permission, key)
        except ClientError as error:
            failure = self._map_response(error, key, permission)
            self._refused_keys.note_failure(permission, key, failure)
            raise failure from error
        except BotoCoreError as error:
            raise map_aws_error(error, permission, self._uri(key)) from error
        except HTTPError as error:  # botocore does not wrap it where the body of an error is cut
            raise Transient(f"{self._uri(key)}: the answer was cut: {error}", code="aws_unavailable") from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise EnvironmentFault(f"disk full while fetching {key}: {error}", code="disk_full") from error
            raise

    def _map_response(self, error: ClientError, key: str, permission: Permission) -> WorkerError:
        code, cause, uri = error_code(error), cause_of(error), self._uri(key)
        if cause == "bucket":
            text = f"no bucket {self._bucket} in this region ({code}): check {self._names.bucket}"
            return EnvironmentFault(text, code="no_bucket")
        if cause == "key_too_long":
            return Permanent(f"{uri} is longer than S3 allows ({code})", code="key_too_long")
        failure = map_aws_error(error, permission, uri)
        return self._map_read_response(error, key, failure) if permission == READ else failure

    def _map_read_response(self, error: ClientError, key: str, failure: WorkerError) -> WorkerError:
        """The failure of a read: `failure`, unless its object alone may be the cause."""
        code, cause, uri = error_code(error), cause_of(error), self._uri(key)
        if cause == "archived":
            text = f"{uri} is archived ({code}): restore the object, then send the message again"
            return Permanent(text, code="object_archived")
        if needs_customer_key(error):
            text = f"{uri} is encrypted with a customer key, SSE-C ({code}): upload it again with SSE-S3 or SSE-KMS"
            return Permanent(text, code="unsupported_encryption")
        if cause == "kms" or (cause == "denied" and is_kms_denial(error)):
            return MissingObject(str(failure), key, code=failure.code)
        if cause == "object" or (cause == "denied" and _may_be_missing(error)):
            return MissingObject(f"{uri} not found, or {READ} on it is denied ({code})", key)
        return failure

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _may_be_missing(error: ClientError) -> bool:
    """Whether a denied read may be that of a missing object: without s3:ListBucket, S3 does not say which."""
    return denied_action(error) in (None, _LIST)

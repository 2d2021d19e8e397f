"""The AWS clients of the commands, for the region of the configuration and with the user's own credentials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.errors import cause_of, error_code, map_aws_error
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher
from video_analysis.worker_utils.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient


class PermissionMissing(CommandError):
    """The user lacks a permission that this command needs."""

    def __init__(self, permission: str, where: str, code: str, remark: str = "") -> None:
        super().__init__(f"{permission} on {where} is denied ({code}): grant it to your user or role{remark}")
        self.permission = permission
        self.remark = remark


LIMITS = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})


def session(config: WorkerConfig) -> boto3.Session:
    """A session of the region. ConfigurationError if boto3's profile is wrong."""
    with _creating("AWS"):
        return boto3.Session(region_name=config.region)


def storage(config: WorkerConfig) -> ObjectStore:
    """S3. ConfigurationError if boto3's profile or endpoint is wrong."""
    with _creating("S3"):
        return ObjectStore.connect(boto3.Session(region_name=config.region), config)


def publisher(config: WorkerConfig, queue: str) -> Publisher:
    """A queue, by its name or URL. ConfigurationError if boto3's profile or endpoint is wrong."""
    with _creating("SQS"):
        return Publisher(boto3.Session(region_name=config.region), queue, region=config.region)


def s3(config: WorkerConfig, shared: boto3.Session | None = None) -> S3Client:
    """boto3's own client, for calls that no worker makes. ConfigurationError as above."""
    with _creating("S3"):
        return (shared or boto3.Session(region_name=config.region)).client("s3", config=LIMITS)


def sqs(config: WorkerConfig, shared: boto3.Session | None = None) -> SQSClient:
    """boto3's own client, for calls that no worker makes. ConfigurationError as above."""
    with _creating("SQS"):
        return (shared or boto3.Session(region_name=config.region)).client("sqs", config=LIMITS)


def sts(config: WorkerConfig, shared: boto3.Session | None = None) -> STSClient:
    """boto3's own client. ConfigurationError as above."""
    with _creating("STS"):
        return (shared or boto3.Session(region_name=config.region)).client("sts", config=LIMITS)


@contextmanager
def calling(permission: str, where: str, remark: str = "") -> Iterator[None]:
    """For a call of boto3's own clients: PermissionMissing (its text ends with `remark`), or a worker's failure."""
    try:
        yield
    except ClientError as error:
        if cause_of(error) == "denied":
            raise PermissionMissing(permission, where, error_code(error), remark) from error
        raise map_aws_error(error, permission, where) from error
    except BotoCoreError as error:
        raise map_aws_error(error, permission, where) from error


@contextmanager
def _creating(service: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"the {service} client cannot be created: {error}; check AWS_PROFILE and AWS_ENDPOINT_URL"
        ) from None

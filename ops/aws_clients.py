"""The AWS clients of the commands, for the region of the configuration and with the user's own credentials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import BotoCoreError

from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher
from video_analysis.worker_utils.errors import ConfigurationError


def storage(config: WorkerConfig) -> ObjectStore:
    """S3. ConfigurationError if boto3's profile or endpoint is wrong."""
    with _creating("S3"):
        return ObjectStore.connect(boto3.Session(region_name=config.region), config)


def publisher(config: WorkerConfig, queue: str) -> Publisher:
    """A queue, by its name or URL. ConfigurationError if boto3's profile or endpoint is wrong."""
    with _creating("SQS"):
        return Publisher(boto3.Session(region_name=config.region), queue, region=config.region)


@contextmanager
def _creating(service: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"the {service} client cannot be created: {error}; check AWS_PROFILE and AWS_ENDPOINT_URL"
        ) from None

"""SQS clients with bounded timeouts, the URL of a queue, and the mapping of SQS errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from video_analysis.worker_utils.aws.errors import Denied, NoSuchQueue, error_code, map_aws_error
from video_analysis.worker_utils.errors import LeaseLost, Permanent
from video_analysis.worker_utils.observability.logs import failure_fields

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_S = 3
CONNECTIONS = 20
"""Size of the connection pool: the messages of a batch are settled in parallel, while heartbeats also run."""
READ_TIMEOUT_S = 5
ATTEMPTS = 3
STALE_HANDLE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"})
"""Error codes for a handle whose message is deleted, visible again or received by another consumer."""
BAD_BODY = frozenset({"InvalidMessageContents", "InvalidParameterValue", "MissingParameter"})

log = logging.getLogger(__name__)


def sqs_client(session: boto3.Session, region: str, read_timeout_s: float, attempts: int) -> SQSClient:
    """A client with bounded timeouts. boto3 finds endpoint and credentials."""
    config = Config(
        region_name=region,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
    )
    return session.client("sqs", config=config)


class QueueAddress:
    """A queue by URL or name. A name is looked up at its first use, so that a worker can start during an outage."""

    def __init__(self, session: boto3.Session, client: SQSClient, name_or_url: str) -> None:
        self._session = session
        self._client = client
        self._name = name_or_url
        self._url = name_or_url if name_or_url.startswith(("https://", "http://")) else None

    def __str__(self) -> str:
        return self._url or self._name

    def url(self) -> str:
        """The URL. EnvironmentFault or Transient while the lookup fails."""
        if self._url is None:
            self._url = self._look_up()
        return self._url

    def _look_up(self) -> str:
        try:
            with map_errors("sqs:GetQueueUrl", self._name):
                return self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
        except (Denied, NoSuchQueue) as fault:
            # SQS may report a missing queue although only the permission to look it up is missing.
            url = f"{self._client.meta.endpoint_url.rstrip('/')}/{self._account()}/{self._name}"
            log.info(
                "the URL of queue %s could not be read, %s is assumed: %s",
                self._name,
                url,
                fault,
                extra={"event": "queue.url_assumed", **failure_fields(fault), "queue": self._name, "url": url},
            )
            return url

    def _account(self) -> str:
        with map_errors("sts:GetCallerIdentity", "STS"):
            region = self._client.meta.region_name
            config = Config(region_name=region, connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S)
            return self._session.client("sts", config=config).get_caller_identity()["Account"]


@contextmanager
def map_errors(
    permission: str, where: str, stale_handle: frozenset[str] = frozenset(), bad_body: frozenset[str] = frozenset()
) -> Iterator[None]:
    """Map errors of the block: a code of `stale_handle` to LeaseLost, one of `bad_body` to Permanent."""
    try:
        yield
    except ClientError as error:
        if error_code(error) in stale_handle:
            raise LeaseLost(f"SQS no longer accepts this receipt handle: {error}") from error
        if error_code(error) in bad_body:
            raise Permanent(f"SQS does not accept this body: {error}", code="body_refused") from error
        raise map_aws_error(error, permission, where) from error
    except BotoCoreError as error:
        raise map_aws_error(error, permission, where) from error

"""Where a queue is and how to talk to it: clients that answer in bounded time, names made URLs, faults translated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from video_analysis.worker_utils.aws.errors import Denied, NoSuchQueue, code_of, fault_of
from video_analysis.worker_utils.errors import LeaseLost, Permanent
from video_analysis.worker_utils.observability.logs import failure_fields

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_S = 3
CONNECTIONS = 20
"""A micro-batch is settled all at once, heartbeats go on beside it."""
READ_TIMEOUT_S = 5
ATTEMPTS = 3
STALE_HANDLE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue"})
"""What SQS says of a handle whose message is deleted, visible again or somebody else's."""
BAD_BODY = frozenset({"InvalidMessageContents", "InvalidParameterValue"})

log = logging.getLogger(__name__)


def sqs_client(session: boto3.Session, region: str, read_timeout_s: float, attempts: int) -> SQSClient:
    """A client that answers, well or badly, within a bounded time. Endpoint and credentials are boto3's business."""
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
    """A queue's URL, from the URL itself or from a name; looked up at the first use: an outage can be sat out."""

    def __init__(self, session: boto3.Session, client: SQSClient, name_or_url: str) -> None:
        self._session = session
        self._client = client
        self._name = name_or_url
        self._url = name_or_url if name_or_url.startswith(("https://", "http://")) else None

    def __str__(self) -> str:
        return self._url or self._name

    def url(self) -> str:
        """The URL. EnvironmentFault or Transient while it cannot be found out."""
        if self._url is None:
            self._url = self._look_up()
        return self._url

    def _look_up(self) -> str:
        try:
            with translated("sqs:GetQueueUrl", self._name):
                return self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
        except (Denied, NoSuchQueue) as fault:
            # SQS may call a queue that we may not look up a queue that is not there.
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
        with translated("sts:GetCallerIdentity", "STS"):
            region = self._client.meta.region_name
            config = Config(region_name=region, connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S)
            return self._session.client("sts", config=config).get_caller_identity()["Account"]


@contextmanager
def translated(
    permission: str, where: str, stale_handle: frozenset[str] = frozenset(), bad_body: frozenset[str] = frozenset()
) -> Iterator[None]:
    """Raise what goes wrong inside as the taxonomy: LeaseLost on a code of `stale_handle`, Permanent on `bad_body`."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in stale_handle:
            raise LeaseLost(f"SQS no longer takes this receipt handle: {error}") from error
        if code_of(error) in bad_body:
            raise Permanent(f"SQS does not take this body: {error}", code="body_refused") from error
        raise fault_of(error, permission, where) from error
    except BotoCoreError as error:
        raise fault_of(error, permission, where) from error

"""The queue adapter on a real queue, and injected error responses."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from urllib3 import HTTPResponse

from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.sqs import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONFIG = WorkerConfig(visibility_timeout_s=30, heartbeat_s=5, wait_time_s=1, max_receive_count=4)


def connect(name_or_url: str) -> Queue:
    return Queue(
        boto3.Session(),
        name_or_url,
        region=CONFIG.region,
        visibility_timeout_s=CONFIG.visibility_timeout_s,
        wait_time_s=CONFIG.wait_time_s,
        max_receive_count=2,
    )


def answer(client: SQSClient, operation: str, status: int, code: str) -> list[int]:
    """Let every attempt of `operation` fail with an error response; returns a list with one entry per attempt."""
    attempts: list[int] = []

    def refuse(request: Any, **_: Any) -> Any:
        attempts.append(status)
        body = {"__type": f"com.amazonaws.sqs#{code}", "message": "injected by the test"}
        raw = HTTPResponse(io.BytesIO(json.dumps(body).encode()), preload_content=False)
        headers = HTTPHeaders.from_dict({"x-amzn-query-error": f"{code};Sender"})
        return AWSResponse(request.url, status, headers, raw)

    client.meta.events.register(f"before-send.sqs.{operation}", refuse)
    return attempts

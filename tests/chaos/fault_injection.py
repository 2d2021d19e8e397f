"""Faults of a queue that no emulator has: canned answers by botocore's events, so many times, then the real ones.

Every attempt on the wire passes here, so botocore's own retries are part of what is tried.
"""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPResponse

from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer.lease import LONGEST_LEASE_S

PATIENCE_S = 60
ALWAYS = 1 << 30
RECEIVE, DELETE = "ReceiveMessage", "DeleteMessage"
HEARTBEAT, RELEASE = "ChangeMessageVisibilityBatch", "ChangeMessageVisibility"
Canned = Callable[[Any], AWSResponse | None]
"""What becomes of one attempt: an answer, None for the real one, or an exception of botocore's HTTP session."""


@dataclass
class Fault:
    """A fault that waits for its operation. `attempts` says how often it was injected."""

    canned: Canned
    times: int
    attempts: int = 0
    spent: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Any, **_: Any) -> AWSResponse | None:
        """The answer to one attempt."""
        with self._lock:
            if self.attempts >= self.times:
                return None
            self.attempts += 1
            if self.attempts == self.times:
                self.spent.set()
        return self.canned(request)

    def clear(self) -> None:
        """From the next attempt on the real server answers."""
        with self._lock:
            self.times = self.attempts
            self.spent.set()

    def await_spent(self) -> None:
        """Wait until it was injected for the last time."""
        assert self.spent.wait(PATIENCE_S), f"injected {self.attempts} of {self.times} times"


def on(queue: Queue, operation: str, canned: Canned, times: int = ALWAYS) -> Fault:
    """Let the next `times` attempts at `operation` of this queue's clients go as `canned` says."""
    fault = Fault(canned, times)
    hook: Any = fault
    for client in (queue.client, queue.receiver):
        client.meta.events.register(f"before-send.sqs.{operation}", hook)
    return fault


def cut_off(_request: Any) -> AWSResponse:
    """No server listens."""
    raise EndpointConnectionError(endpoint_url="https://sqs", error="cut off by the shim")


def lost_answer(request: Any) -> AWSResponse:
    """The server does what it is asked, and its answer never comes."""
    answer = URLLib3Session().send(request)
    assert answer.status_code == 200, answer.content
    raise ReadTimeoutError(endpoint_url="https://sqs", error="the shim kept the answer")


def refusal(code: str, status: int = 400, message: str = "as the shim wants it") -> Canned:
    """SQS answers with an error, in its JSON protocol."""

    def refuse(request: Any) -> AWSResponse:
        body = {"__type": f"com.amazonaws.sqs#{code}", "message": message}
        headers = HTTPHeaders.from_dict({"x-amzn-query-error": f"{code};Sender"})
        return AWSResponse(request.url, status, headers, _raw(body))

    return refuse


throttled = refusal("ThrottlingException", message="Rate exceeded")


def entries_refused(code: str, message: str = "") -> Canned:
    """A batch is answered, with a failure for every entry of it."""

    def refuse(request: Any) -> AWSResponse:
        failed = [
            {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": message}
            for entry in json.loads(request.body)["Entries"]
        ]
        return AWSResponse(request.url, 200, HTTPHeaders(), _raw({"Successful": [], "Failed": failed}))

    return refuse


def twelve_hour_limit(age_s: Callable[[], float]) -> Canned:
    """SQS's limit, by the age of the receive: an extension past it is refused."""
    refuse = entries_refused("InvalidParameterValue", "Total VisibilityTimeout for the message is beyond the limit")

    def judge(request: Any) -> AWSResponse | None:
        asked_s = max(entry["VisibilityTimeout"] for entry in json.loads(request.body)["Entries"])
        return refuse(request) if age_s() + asked_s > LONGEST_LEASE_S else None

    return judge


@contextmanager
def black_hole() -> Iterator[Canned]:
    """A server that takes the request and never answers: the client's own patience ends it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def swallow(request: Any) -> None:
            request.url = url

        yield swallow


def _raw(body: object) -> HTTPResponse:
    return HTTPResponse(io.BytesIO(json.dumps(body).encode()), preload_content=False)

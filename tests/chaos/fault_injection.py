"""SQS faults that no emulator has: canned responses by botocore's events, a given number of times.

They apply to every attempt on the wire, so botocore's own retries are tested too.
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

from video_analysis.worker_utils.aws.sqs import PROBE_HANDLE, Queue
from video_analysis.worker_utils.consumer.lease import LONGEST_LEASE_S

TIMEOUT_S = 60
ALWAYS = 1 << 30
RECEIVE, DELETE = "ReceiveMessage", "DeleteMessage"
HEARTBEAT, RELEASE = "ChangeMessageVisibilityBatch", "ChangeMessageVisibility"
Canned = Callable[[Any], AWSResponse | None]
"""The outcome of one attempt: a response, None for the real one, or an exception of botocore's HTTP session."""


@dataclass
class Fault:
    """A fault of one operation. `attempts` counts how often it was injected."""

    canned: Canned
    times: int
    attempts: int = 0
    spent: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Any, **_: Any) -> AWSResponse | None:
        """The response to one attempt. Probes, which send an invalid receipt handle, pass."""
        if f'"ReceiptHandle": "{PROBE_HANDLE}"'.encode() in (request.body or b""):
            return None
        with self._lock:
            if self.attempts >= self.times:
                return None
            self.attempts += 1
            if self.attempts == self.times:
                self.spent.set()
        return self.canned(request)

    def clear(self) -> None:
        """Remove the fault: the real server answers from the next attempt on."""
        with self._lock:
            self.times = self.attempts
            self.spent.set()

    def await_spent(self) -> None:
        """Wait until it was injected `times` times."""
        assert self.spent.wait(TIMEOUT_S), f"injected {self.attempts} of {self.times} times"


def on(queue: Queue, operation: str, canned: Canned, times: int = ALWAYS) -> Fault:
    """Inject `canned` into the next `times` attempts of `operation` by this queue's clients."""
    fault = Fault(canned, times)
    hook: Any = fault
    for client in (queue.client, queue.receiver):
        client.meta.events.register(f"before-send.sqs.{operation}", hook)
    return fault


def cut_off(_request: Any) -> AWSResponse:
    """The connection is refused."""
    raise EndpointConnectionError(endpoint_url="https://sqs", error="cut off by the test")


def lost_answer(request: Any) -> AWSResponse:
    """The server executes the request, but its response is lost."""
    answer = URLLib3Session().send(request)
    assert answer.status_code == 200, answer.content
    raise ReadTimeoutError(endpoint_url="https://sqs", error="the test dropped the response")


def refusal(code: str, status: int = 400, message: str = "injected by the test") -> Canned:
    """An error response of SQS (JSON protocol)."""

    def refuse(request: Any) -> AWSResponse:
        body = {"__type": f"com.amazonaws.sqs#{code}", "message": message}
        headers = HTTPHeaders.from_dict({"x-amzn-query-error": f"{code};Sender"})
        return AWSResponse(request.url, status, headers, _raw(body))

    return refuse


throttled = refusal("ThrottlingException", message="Rate exceeded")


def entries_refused(code: str, message: str = "") -> Canned:
    """A successful batch response with a failure for every entry."""

    def refuse(request: Any) -> AWSResponse:
        failed = [
            {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": message}
            for entry in json.loads(request.body)["Entries"]
        ]
        return AWSResponse(request.url, 200, HTTPHeaders(), _raw({"Successful": [], "Failed": failed}))

    return refuse


def twelve_hour_limit(age_s: Callable[[], float]) -> Canned:
    """Refuse extensions beyond SQS's 12 hours, counted from the receive."""
    refuse = entries_refused("InvalidParameterValue", "Total VisibilityTimeout for the message is beyond the limit")

    def judge(request: Any) -> AWSResponse | None:
        requested_s = max(entry["VisibilityTimeout"] for entry in json.loads(request.body)["Entries"])
        return refuse(request) if age_s() + requested_s > LONGEST_LEASE_S else None

    return judge


@contextmanager
def black_hole() -> Iterator[Canned]:
    """A server that accepts the request and never responds, so that the client's timeout ends the call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def swallow(request: Any) -> None:
            request.url = url

        yield swallow


def _raw(body: object) -> HTTPResponse:
    return HTTPResponse(io.BytesIO(json.dumps(body).encode()), preload_content=False)

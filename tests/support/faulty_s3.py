"""S3 faults: error responses by botocore's events, and a server that sends less than it announces."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from video_analysis.worker_utils.aws.s3 import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def nothing() -> None:
    """A progress callback without effect."""


def reading(store: ObjectStore, how: str, key: str, progress: Callable[[], None] = nothing) -> None:
    """Read an object that cannot be read, with `fetch_bytes` or `fetch`."""
    if how == "fetch_bytes":
        store.fetch_bytes(key, 1000)
    else:
        with store.fetch(key, progress):
            pytest.fail("nothing was fetched")


def client(endpoint: str) -> S3Client:
    """A client with one attempt and short timeouts, so that a fault is visible at once."""
    impatient = Config(retries={"total_max_attempts": 1}, read_timeout=0.3, connect_timeout=5)
    return boto3.client("s3", endpoint_url=endpoint, config=impatient)


class Raw(io.BytesIO):
    """A response body as botocore reads it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def error_document(request: Any, status: int, code: str, message: str = "injected by the test") -> AWSResponse:
    """An error response of S3; without a code (HEAD requests, proxies) it has no body."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode() if code else b""
    headers: Any = {"content-length": str(len(body))}
    return AWSResponse(request.url, status, headers, Raw(body))


def answering(s3: S3Client, operation: str, status: int, code: str) -> None:
    """Let every such call of this client return an error response."""
    on_call(s3, operation, lambda request: error_document(request, status, code))


def on_call(s3: S3Client, operation: str, answer: Callable[[Any], AWSResponse | None]) -> None:
    """Let `answer` respond to such calls of this client; None passes the call to S3."""
    hook: Any = lambda request, **_: answer(request)  # noqa: E731
    s3.meta.events.register(f"before-send.s3.{operation}", hook)


@contextmanager
def broken_server(behave: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """An HTTP server whose GET responses are written by `behave`; gives its endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behave(self)

        def log_message(self, *_: object) -> None:
            """No output on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def promise(handler: BaseHTTPRequestHandler, length: int, sent: bytes) -> None:
    """Announce `length` bytes and send `sent`."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.send_header("Content-Type", "image/jpeg")
    handler.end_headers()
    handler.wfile.write(sent)

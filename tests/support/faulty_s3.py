"""An S3 in trouble: a client that answers errors by botocore's own events, and a server that breaks its promises."""

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
    """Progress that nobody asks about."""


def reading(store: ObjectStore, how: str, key: str, progress: Callable[[], None] = nothing) -> None:
    """Read an object that cannot be read, by either of the two ways."""
    if how == "fetch_bytes":
        store.fetch_bytes(key, 1000)
    else:
        with store.fetch(key, progress):
            pytest.fail("nothing was fetched")


def client(endpoint: str) -> S3Client:
    """One attempt and little patience, so that a fault is seen at once."""
    impatient = Config(retries={"total_max_attempts": 1}, read_timeout=0.3, connect_timeout=5)
    return boto3.client("s3", endpoint_url=endpoint, config=impatient)


class Raw(io.BytesIO):
    """A body as botocore reads it off the wire."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def error_document(request: Any, status: int, code: str) -> AWSResponse:
    """What S3 answers when it refuses; without a code, as to HEAD and from a proxy, there is no body."""
    body = f"<Error><Code>{code}</Code><Message>as S3 says it</Message></Error>".encode() if code else b""
    headers: Any = {"content-length": str(len(body))}
    return AWSResponse(request.url, status, headers, Raw(body))


def answering(s3: S3Client, operation: str, status: int, code: str) -> None:
    """From now on S3 answers every such call of this client with an error document."""
    on_call(s3, operation, lambda request: error_document(request, status, code))


def on_call(s3: S3Client, operation: str, answer: Callable[[Any], AWSResponse | None]) -> None:
    """From now on `answer` answers such calls of this client; where it gives None, S3 does."""
    hook: Any = lambda request, **_: answer(request)  # noqa: E731
    s3.meta.events.register(f"before-send.s3.{operation}", hook)


@contextmanager
def broken_server(behave: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """An HTTP server that begins an answer and does with it what `behave` does; gives its endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behave(self)

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

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

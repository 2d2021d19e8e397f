"""An HTTP server with the paths /metrics, /healthz and /readyz, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from video_analysis.worker_utils.observability.metrics import WorkerStatus

TEXT = "text/plain; charset=utf-8"
CLIENT_TIMEOUT_S = 5
"""A client that sends or reads nothing for this long is disconnected."""


class Answer(NamedTuple):
    """A response."""

    status: HTTPStatus
    content_type: str
    body: bytes


def health(status: WorkerStatus | None) -> Answer:
    """/healthz: 200 while the process starts or makes progress. A process that answers 503 should be restarted."""
    if status is not None and status.is_stalled:
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, f"no progress for {status.progress_age_s:.0f} s")
    return _text(HTTPStatus.OK, "starting" if status is None else "alive")


def readiness(status: WorkerStatus | None) -> Answer:
    """/readyz: 200 while the probes succeed and the queue is polled."""
    if status is None:
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, "starting")
    if not status.is_ready:
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, "not polling: see the log (probe.failed, message.failed)")
    return _text(HTTPStatus.OK, "ready")


def serve(address: str, port: int, answers: dict[str, Callable[[], Answer]]) -> ThreadingHTTPServer:
    """Start to serve `answers` (path → response). OSError if the address cannot be used."""

    class Handler(BaseHTTPRequestHandler):
        """Answers GET."""

        timeout = CLIENT_TIMEOUT_S
        server_version, sys_version = "cvitx", ""

        def do_GET(self) -> None:
            """Answer one request."""
            answer = answers.get(self.path.partition("?")[0])
            status, content_type, body = _text(HTTPStatus.NOT_FOUND, " ".join(answers)) if answer is None else answer()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Log nothing: a scrape is no event."""

    server = ThreadingHTTPServer((address, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _text(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, TEXT, f"{text}\n".encode())

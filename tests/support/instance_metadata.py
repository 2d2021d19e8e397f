"""EC2's metadata service (IMDSv2) on a free port of this host."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOTICES = {
    "spot/instance-action": json.dumps({"action": "terminate", "time": "2026-03-01T08:22:00Z"}),
    "autoscaling/target-lifecycle-state": "Terminated",
}
"""Path → value that announces the end of the host."""


class Metadata:
    """EC2's metadata service (IMDSv2) on a free port. `values`: path → value."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.reads = threading.Semaphore(0)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._answer("token" if self.path == "/latest/api/token" else None)

            def do_GET(self) -> None:
                if self.headers.get("X-aws-ec2-metadata-token") != "token":
                    self.send_error(401)
                    return
                self._answer(service.values.get(self.path.removeprefix("/latest/meta-data/")))
                service.reads.release()

            def _answer(self, value: str | None) -> None:
                self.send_response(200 if value else 404)
                self.end_headers()
                self.wfile.write((value or "").encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve = {"target": self.server.serve_forever, "kwargs": {"poll_interval": 0.01}}
        threading.Thread(**serve, daemon=True).start()  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def served() -> Iterator[Metadata]:
    """The service, for the duration of the block."""
    service = Metadata()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()

"""An HTTP proxy between the workers and AWS that injects faults into selected requests."""

from __future__ import annotations

import http.client
import math
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit

ANSWER_TIMEOUT_S = 60
OF_THE_CONNECTION = {"connection", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of AWS."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of requests of these operations (`PutObject`, `ReceiveMessage`, …)."""

    operations: tuple[str, ...]
    behave: Callable[[Exchange], bool]
    """Respond to the exchange, or not. False if it passed unchanged and does not count."""
    count: float = math.inf
    """Most requests that are affected."""
    seconds: float = math.inf
    """From the first affected request on."""
    path: str = ""
    """Only requests whose path contains this."""


@dataclass
class FaultProxy:
    """The proxy's URL, its faults, and how often each was injected."""

    upstream: str
    url: str = ""
    faults: tuple[Fault, ...] = ()
    hit_counts: dict[Fault, int] = field(default_factory=dict)
    closed: threading.Event = field(default_factory=threading.Event)
    _begun_s: dict[Fault, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def hits(self) -> int:
        """Number of affected requests."""
        return sum(self.hit_counts.values())

    def claim(self, operation: str, path: str = "") -> Fault | None:
        """The fault for this request, which is counted; None for no fault."""
        with self._lock:
            for fault in self.faults:
                if operation in fault.operations and fault.path in path and self._is_due(fault):
                    self.hit_counts[fault] = self.hit_counts.get(fault, 0) + 1
                    return fault
        return None

    def _is_due(self, fault: Fault) -> bool:
        now_s = time.monotonic()
        lasts = now_s - self._begun_s.setdefault(fault, now_s) < fault.seconds
        return lasts and self.hit_counts.get(fault, 0) < fault.count

    def give_back(self, fault: Fault) -> None:
        """Do not count the request: it passed unchanged."""
        with self._lock:
            self.hit_counts[fault] -= 1


@dataclass(frozen=True)
class Exchange:
    """One request, with ways to respond to it."""

    line: FaultProxy
    handler: BaseHTTPRequestHandler
    operation: str
    body: bytes

    def forward(self) -> Answer:
        """Send the request to AWS. The Host header is unchanged, so that queue URLs lead to the proxy."""
        upstream = http.client.HTTPConnection(urlsplit(self.line.upstream).netloc, timeout=ANSWER_TIMEOUT_S)
        headers = {name: value for name, value in self.handler.headers.items() if name.lower() not in OF_THE_CONNECTION}
        try:
            upstream.request(self.handler.command, self.handler.path, self.body, headers)
            response = upstream.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in OF_THE_CONNECTION]
            return Answer(response.status, kept, response.read())
        finally:
            upstream.close()

    def respond(self, answer: Answer, share: float = 1.0, pause: Callable[[], object] = lambda: None) -> None:
        """Send the headers of the whole response and `share` of its body, with `pause` after half of that."""
        half, end = int(len(answer.body) * share / 2), int(len(answer.body) * share)
        self.handler.send_response(answer.status)
        for name, value in [*answer.headers, ("Content-Length", str(len(answer.body)))]:
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(answer.body[:half])
        self.handler.wfile.flush()
        pause()
        self.handler.wfile.write(answer.body[half:end])

    def drop(self) -> None:
        """Cut the connection."""
        self.handler.close_connection = True
        self.handler.wfile.flush()
        self.handler.connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        line = cast(_Server, self.server).line
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = str(self.headers.get("X-Amz-Target", "")).rpartition(".")[2]
        exchange = Exchange(line, self, target or f"{self.command.capitalize()}Object", body)
        fault = line.claim(exchange.operation, self.path)
        if fault is None:
            exchange.respond(exchange.forward())
        elif not fault.behave(exchange):
            line.give_back(fault)

    do_GET = do_PUT = do_POST = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        """No output on stderr."""


class _Server(ThreadingHTTPServer):
    line: FaultProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that were killed or timed out."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def between(endpoint: str) -> Iterator[FaultProxy]:
    """A proxy to `endpoint` for the duration of the block."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.line = line = FaultProxy(endpoint, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield line
        finally:
            line.closed.set()
            server.shutdown()
            thread.join()

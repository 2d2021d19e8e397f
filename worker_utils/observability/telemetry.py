"""Connects a worker to its log and, if an address is configured, to metrics and health checks."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import ThreadingHTTPServer

from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.execution.stage_clock import StageReport
from video_analysis.worker_utils.observability import status_server
from video_analysis.worker_utils.observability.event_metrics import EventMetrics, Observers
from video_analysis.worker_utils.observability.metrics import WorkerStatus
from video_analysis.worker_utils.observability.observer import LogObserver, Observer
from video_analysis.worker_utils.observability.status_server import Answer

ADDRESS = "CVITX_METRICS_ADDRESS"


class Telemetry:
    """The observer of a worker. Off, which is the default, it only logs."""

    def __init__(self) -> None:
        self.observer: Observer = LogObserver()
        self.on_stage: StageReport | None = None
        """Receives the time of each stage; None if nothing records it."""
        self._status: Callable[[], WorkerStatus] | None = None
        self._server: ThreadingHTTPServer | None = None

    @classmethod
    def start(cls, worker: str, address: str | None, port: int, queue: str, next_queue: str = "") -> Telemetry:
        """Serve metrics and health checks of `worker` at `address`:`port`; without an address, nothing.

        `queue` is read by the worker, `next_queue` is written. ConfigurationError if prometheus-client is not
        installed, or the address cannot be used.
        """
        telemetry = cls()
        if address is not None:
            telemetry._serve(worker, address, port, queue, next_queue)
        return telemetry

    def watch(self, status: Callable[[], WorkerStatus]) -> None:
        """Read the state of the worker from `status` from now on. Until then it is `starting`."""
        self._status = status

    def close(self) -> None:
        """Stop to serve. A worker does not need it: the server ends with its process."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def status(self) -> WorkerStatus | None:
        """The state of the worker; None while it starts."""
        return None if self._status is None else self._status()

    def _serve(self, worker: str, address: str, port: int, queue: str, next_queue: str) -> None:
        try:
            from video_analysis.worker_utils.observability import prometheus_recorder  # noqa: PLC0415  # optional
        except ModuleNotFoundError as error:
            text = f"{ADDRESS} is set, but {error.name} is not installed: pip install -r requirements-metrics.txt, or"
            raise ConfigurationError(f"{text} remove {ADDRESS}") from error
        recorder = prometheus_recorder.PrometheusRecorder(worker, self.status)
        events = EventMetrics(recorder, queue, next_queue)
        self.observer, self.on_stage = Observers((self.observer, events)), events.on_stage
        answers = {
            "/metrics": lambda: Answer(HTTPStatus.OK, prometheus_recorder.CONTENT_TYPE, recorder.render()),
            "/healthz": lambda: status_server.health(self.status()),
            "/readyz": lambda: status_server.readiness(self.status()),
        }
        try:
            self._server = status_server.serve(address, port, answers)
        except OSError as error:
            text = f"{ADDRESS}={address}, port {port}: {error}; choose an address of this host and a free port"
            raise ConfigurationError(text) from error

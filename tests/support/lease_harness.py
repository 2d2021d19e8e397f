"""A lease manager on a real queue, with a clock that the test sets."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import EndpointConnectionError

from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer.lease import HeldLease, LeaseTimes
from video_analysis.worker_utils.consumer.lease_manager import LeaseManager
from video_analysis.worker_utils.observability.systemd import Notifier

CONFIG = WorkerConfig()
TIMES = LeaseTimes(visibility_timeout_s=300, heartbeat_s=60, stall_s=240, shutdown_grace_s=20)
LONG_TIMES = LeaseTimes(visibility_timeout_s=3000, heartbeat_s=900, stall_s=2000, shutdown_grace_s=20)
TWELVE_HOURS_S = 12 * 3600.0


class Bench:
    """A lease manager on a real queue, with a clock that the test advances and an exit that only records its status."""

    def __init__(self, queue: Queue, times: LeaseTimes = TIMES, notify_socket: str | None = None) -> None:
        self.now_s = 1000.0
        self.times = times
        self.exits: list[int] = []
        self.extensions_s: list[int] = []
        self.releases_s: list[int] = []
        self.shutdown = threading.Event()
        self.queue = queue
        self.observer = RecordingObserver()
        self.keeper = LeaseManager(
            queue,
            times,
            self.shutdown,
            notifier=Notifier(notify_socket),
            observer=self.observer,
            exit_process=self.exits.append,
            clock=lambda: self.now_s,
        )
        queue.client.meta.events.register("provide-client-params.sqs", self._note)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "ChangeMessageVisibilityBatch":
            self.extensions_s += [entry["VisibilityTimeout"] for entry in params["Entries"]]
        if model.name == "ChangeMessageVisibility":
            self.releases_s.append(params["VisibilityTimeout"])

    def receive(self) -> HeldLease:
        (message,) = self.queue.receive(1)
        return self.keeper.take(message.message_id, message.receipt_handle)

    def wait(self, seconds: float) -> None:
        """Advance the clock in steps of at most one heartbeat, with progress in each."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(until_s, self.now_s + self.times.heartbeat_s)
            self.keeper.progress()
            self.keeper.tick()

    def fail_heartbeats(self, count: int) -> None:
        left = [count]

        def cut_off(**_: Any) -> None:
            if left[0]:
                left[0] -= 1
                raise EndpointConnectionError(endpoint_url="https://sqs")

        self.queue.client.meta.events.register("before-call.sqs.ChangeMessageVisibilityBatch", cut_off)

"""A consumer on a real queue, in its own thread, with a handler that the test scripts."""

from __future__ import annotations

import queue as queues
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import EndpointConnectionError

from video_analysis.devstack import provision, queue_depth
from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.worker_config import PauseSettings, WorkerConfig
from video_analysis.worker_utils.aws.sqs import PROBE_HANDLE, Queue
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.errors import WorkerError
from video_analysis.worker_utils.observability.observer import Observer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

PATIENCE_S = 30
LONGEST_POLL_S = 20
FAST = WorkerConfig(
    visibility_timeout_s=20,
    heartbeat_s=0.2,
    wait_time_s=1,
    max_receive_count=3,
    transient_delays_s=(1, 1),
    missing_delays_s=(1, 1),
    stall_s=20,
    pause=PauseSettings(first_s=0.05, longest_s=0.1),
    shutdown_grace_s=15,
)
Call = tuple[str, dict[str, Any]]
"""An SQS operation that the consumer called, and its parameters."""
Work = Callable[[Delivery], WorkerError | None]


@dataclass
class ScriptedHandler:
    """Runs `work` on each message; records deliveries, failures and probes in order, for the test to wait on."""

    work: Work
    probes: Iterator[Exception | None] = field(default_factory=lambda: iter(()))
    recording: Callable[[Delivery], None] = lambda delivery: None
    handled: queues.Queue[Delivery] = field(default_factory=queues.Queue)
    recorded: queues.Queue[tuple[str, WorkerError, bool]] = field(default_factory=queues.Queue)
    probed: queues.Queue[Exception | None] = field(default_factory=queues.Queue)

    def handle(self, batch: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        for delivery in batch:
            self.handled.put(delivery)
        return [self.work(delivery) for delivery in batch]

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        self.recorded.put((delivery.body, failure, final))
        self.recording(delivery)

    def probe(self) -> None:
        fault = next(self.probes, None)
        self.probed.put(fault)
        if fault is not None:
            raise fault

    def next_delivery(self) -> Delivery:
        return self.handled.get(timeout=PATIENCE_S)

    def next_record(self) -> tuple[str, WorkerError, bool]:
        return self.recorded.get(timeout=PATIENCE_S)


def finished(delivery: Delivery) -> None:
    return None


class Labour:
    """Work that checks its lease until `finish` is called or the lease raises."""

    def __init__(self) -> None:
        self.enough = threading.Event()
        self._returned = threading.Event()
        self.stopped_by: WorkerError | None = None

    def finish(self) -> None:
        """Let the work end, and wait until it has: a shutdown from here on cannot interrupt it."""
        self.enough.set()
        assert self._returned.wait(PATIENCE_S)

    def __call__(self, delivery: Delivery) -> WorkerError | None:
        try:
            while not self.enough.wait(0.02):
                delivery.lease.check()
        except WorkerError as why:
            self.stopped_by = why
            return why
        finally:
            self._returned.set()
        return None


@contextmanager
def running(consumer: Consumer, shutdown: threading.Event) -> Iterator[threading.Thread]:
    """Run a consumer in a thread for the duration of the block; it is stopped and joined at the end."""
    thread = threading.Thread(target=consumer.run, name="consumer")
    thread.start()
    try:
        yield thread
    finally:
        shutdown.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


class Bench:
    """One queue with its dead-letter queue, and consumers on it."""

    def __init__(self, sqs: SQSClient, name: str, config: WorkerConfig = FAST) -> None:
        self.sqs = sqs
        self.config = config
        self.url, self.dead_url = provision.queue(sqs, name, config)
        self.shutdown = threading.Event()
        self.exits: queues.Queue[int] = queues.Queue()
        self.queue = self.connect()
        self.calls: list[Call] = []
        self.observer = RecordingObserver()
        self.reports_to: Observer = self.observer
        self._new_call = threading.Condition()
        for client in (self.queue.client, self.queue.receiver):
            client.meta.events.register("provide-client-params.sqs", self._note)

    def connect(self) -> Queue:
        return Queue(
            boto3.Session(),
            self.url,
            region=self.config.region,
            visibility_timeout_s=self.config.visibility_timeout_s,
            wait_time_s=self.config.wait_time_s,
            max_receive_count=self.config.max_receive_count,
        )

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if params.get("ReceiptHandle") == PROBE_HANDLE:
            return
        with self._new_call:
            self.calls.append((model.name, params))
            self._new_call.notify_all()

    def consumer(self, handler: ScriptedHandler, slots: int = 1) -> Consumer:
        return Consumer(
            self.queue,
            handler,
            self.config,
            self.shutdown,
            observer=self.reports_to,
            slots=slots,
            exit_process=self.exits.put,
        )

    @contextmanager
    def running(self, handler: ScriptedHandler, slots: int = 1) -> Iterator[threading.Thread]:
        """Run a consumer for the duration of the block; it is stopped and joined at the end."""
        with running(self.consumer(handler, slots), self.shutdown) as thread:
            yield thread

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def sent_back_after_s(self) -> list[int]:
        """The visibility timeouts of all releases, in order."""
        return [params["VisibilityTimeout"] for name, params in self.calls if name == "ChangeMessageVisibility"]

    def await_calls(self, wanted: Callable[[list[Call]], bool]) -> None:
        """Wait until the calls so far satisfy `wanted`."""
        with self._new_call:
            assert self._new_call.wait_for(lambda: wanted(self.calls), PATIENCE_S), self.calls

    def called(self, operation: str) -> int:
        return sum(name == operation for name, _ in list(self.calls))

    def dead_letter(self) -> str | None:
        """Wait for the next message in the dead-letter queue; returns its body."""
        message = self._next(self.dead_url, PATIENCE_S)
        return None if message is None else message["Body"]

    def visible(self, wait_s: int = PATIENCE_S) -> int | None:
        """The receive count of a message that is visible within `wait_s`; None if there is none."""
        message = self._next(self.url, wait_s)
        return None if message is None else int(message["Attributes"]["ApproximateReceiveCount"])

    def left(self) -> int:
        """Messages in the queue, visible and in flight."""
        return queue_depth.depth(self.sqs, self.url)

    def _next(self, url: str, wait_s: int) -> MessageTypeDef | None:
        for _ in range(-(-wait_s // LONGEST_POLL_S)):
            poll_s = min(wait_s, LONGEST_POLL_S)
            answer = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=poll_s, AttributeNames=["All"])
            for message in answer.get("Messages", []):
                return message
        return None


MakeBench = Callable[..., Bench]
"""The fixture `make_bench`."""


def cut_off(queue: Queue, operation: str, times: int) -> threading.Event:
    """Let the first `times` calls of `operation` fail to connect, without probes; the event is set at the last one."""
    spent = threading.Event()
    left = [times]

    def fail(params: dict[str, Any], **_: Any) -> None:
        if left[0] and f'"{PROBE_HANDLE}"' not in str(params["body"]):
            left[0] -= 1
            if not left[0]:
                spent.set()
            raise EndpointConnectionError(endpoint_url="https://sqs.ap-southeast-2.amazonaws.com")

    for client in (queue.client, queue.receiver):
        client.meta.events.register(f"before-call.sqs.{operation}", fail)
    return spent

"""One message on a queue of either broker, real consumers, and the evaluation of the result.

The consumers are real; their work commits once, unless the message is already committed when the work starts. So work
that was not cancelled after another worker took over shows as a vehicle committed twice.
"""

from __future__ import annotations

import os
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from video_analysis.devstack import services
from video_analysis.tests.chaos import fault_injection, ministack
from video_analysis.tests.chaos.environment import Result
from video_analysis.tests.chaos.fault_injection import DELETE, HEARTBEAT, RELEASE, Canned, Fault
from video_analysis.tests.support.consumer_harness import FAST, PATIENCE_S, Bench, Labour, ScriptedHandler
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.lease import since_boot_s
from video_analysis.worker_utils.errors import WorkerError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Broker:
    """An SQS server."""

    sqs: SQSClient
    environ: Mapping[str, str]
    refuses_old_handles: bool

    @classmethod
    def at(cls, endpoint: str, *, refuses_old_handles: bool) -> Broker:
        """The server at an endpoint."""
        environ = services.credentials(endpoint)
        session = boto3.Session("local", "local", region_name=environ["AWS_DEFAULT_REGION"])
        return cls(session.client("sqs", endpoint_url=endpoint), environ, refuses_old_handles)


class Work(Labour):
    """Works until `enough` is set, then commits; returns at once if the message is already committed."""

    def __init__(self, commits: list[str], failure: WorkerError | None = None) -> None:
        super().__init__()
        self._commits = commits
        self._failure = failure

    def __call__(self, delivery: Delivery) -> WorkerError | None:
        if delivery.body in self._commits:
            return None
        outcome = super().__call__(delivery)
        self.enough.set()
        failure, self._failure = self._failure, None
        if outcome is None and failure is None:
            self._commits.append(delivery.body)
        return outcome or failure


class AgingBench(Bench):
    """A bench whose leases use a clock that the trial can advance."""

    def __init__(self, sqs: SQSClient, name: str, config: WorkerConfig) -> None:
        super().__init__(sqs, name, config)
        self.ahead_s = self.target_ahead_s = 0.0
        self.clock_advanced = threading.Event()

    def advance_clock(self, to_s: float) -> None:
        """Advance the clock by one heartbeat per tick of the lease manager, until it is `to_s` ahead."""
        self.clock_advanced.clear()
        self.target_ahead_s = to_s
        assert self.clock_advanced.wait(PATIENCE_S)

    def now_s(self) -> float:
        """Seconds since boot plus the advance."""
        return since_boot_s() + self.ahead_s

    def consumer(self, handler: ScriptedHandler, slots: int = 1) -> Consumer:
        consumer = super().consumer(handler, slots)
        keeper = consumer._leases
        look = keeper.tick

        def grow_and_look() -> None:
            self.ahead_s = min(self.target_ahead_s, self.ahead_s + self.config.heartbeat_s)
            look()
            if self.ahead_s == self.target_ahead_s:
                self.clock_advanced.set()

        keeper._clock = self.now_s
        keeper.tick = grow_and_look  # type: ignore[method-assign]
        return consumer


@dataclass
class Trial:
    """One message on its own queue, its consumers, and the injected faults."""

    broker: Broker
    queue_name: str = field(default_factory=lambda: f"lease-{uuid.uuid4().hex[:12]}")
    commits: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    given_away: int = 0
    benches: list[AgingBench] = field(default_factory=list)

    def bench(self, **changes: object) -> AgingBench:
        """A bench on the trial's queue, with the message in it; all benches of a trial have the same timeouts."""
        before = dict(os.environ)
        os.environ.update(self.broker.environ)
        try:
            bench = AgingBench(self.broker.sqs, self.queue_name, FAST.model_copy(update=changes))
        finally:
            os.environ.clear()
            os.environ.update(before)
        if not self.benches:
            bench.send("vehicle")
        self.benches.append(bench)
        return bench

    def work(self, failure: WorkerError | None = None) -> tuple[Work, ScriptedHandler]:
        """Work that commits to `commits`, or fails the first time."""
        work = Work(self.commits, failure)
        return work, ScriptedHandler(work)

    def fault(self, bench: Bench, operation: str, canned: Canned, times: int = fault_injection.ALWAYS) -> Fault:
        """Inject a fault into the next `times` attempts of an operation by this consumer."""
        self.faults.append(fault_injection.on(bench.queue, operation, canned, times))
        return self.faults[-1]

    def give_away(self, delivery: Delivery) -> None:
        """Make the message of this receive visible at once."""
        self.given_away += 1
        self.broker.sqs.change_message_visibility(
            QueueUrl=self.benches[0].url, ReceiptHandle=delivery.receipt_handle, VisibilityTimeout=0
        )

    def old_handles_are_refused(self, bench: Bench) -> None:
        """Refuse the old receipt handle of this consumer, by fault injection if the broker accepts it."""
        if not self.broker.refuses_old_handles:
            self.fault(bench, HEARTBEAT, fault_injection.entries_refused("ReceiptHandleIsInvalid"))
            for operation in (RELEASE, DELETE):
                self.fault(bench, operation, fault_injection.refusal("ReceiptHandleIsInvalid"))

    def evaluate(self, scenario: str) -> Result:
        """Whether the one message was committed exactly once."""
        bench = self.benches[0]
        dead = self.broker.sqs.get_queue_attributes(QueueUrl=bench.dead_url, AttributeNames=["All"])["Attributes"]
        return Result(
            scenario,
            runs=1,
            faults=self.given_away + sum(fault.attempts for fault in self.faults),
            lost=int(not self.commits),
            duplicated=max(0, len(self.commits) - 1),
            divergent=0,
            left_in_queue=bench.left(),
            wrong_in_dlq=int(dead["ApproximateNumberOfMessages"]),
        )


Case = Callable[[Trial], None]


def run(broker: Broker, case: Case, name: str) -> Result:
    """Run a case and evaluate it."""
    trial = Trial(broker)
    case(trial)
    return trial.evaluate(name)


@contextmanager
def strict_broker() -> Iterator[Broker]:
    """MiniStack for the duration of the block."""
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-sqs-") as folder, ministack.sqs(Path(folder)) as endpoint:
        yield Broker.at(endpoint, refuses_old_handles=True)

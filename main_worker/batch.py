"""The book of one micro-batch: who asks for which snapshot, and what has become of each delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.errors import Permanent, WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Job:
    """One snapshot, and the deliveries of the batch that ask for it."""

    message: SnapshotReady
    members: tuple[int, ...]
    """Their places in the batch; more than one where a message was sent or delivered twice."""


class MicroBatch:
    """Every delivery is settled once: by its own failure, or with its snapshot. None is finished."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries
        self._outcomes: dict[int, WorkerError | None] = {}

    def read(self, parse: Callable[[str], SnapshotReady]) -> list[Job]:
        """One job for each snapshot that the bodies name; bodies that break the contract are settled."""
        messages: dict[str, SnapshotReady] = {}
        members: dict[str, list[int]] = {}
        for place, delivery in enumerate(self._deliveries):
            try:
                message = parse(delivery.body)
            except WorkerError as error:
                self._outcomes[place] = error
                continue
            messages.setdefault(message.snapshot_s3_key, message)
            members.setdefault(message.snapshot_s3_key, []).append(place)
        return [Job(message, tuple(members[uri])) for uri, message in messages.items()]

    def latest(self, job: Job) -> Delivery:
        """The delivery of the job that has been received most often: the one nearest to its last receive."""
        return max((self._deliveries[place] for place in job.members), key=lambda one: (one.is_last, one.receive_count))

    def prepared(self, job: Job) -> object:
        """What was begun ahead of its turn for one of the job's deliveries; None where nothing was."""
        begun = (self._deliveries[place].prepared for place in job.members)
        return next((one for one in begun if one is not None), None)

    def still_ours(self, job: Job) -> bool:
        """Check the lease of each unsettled delivery, settling those that must stop; whether any is left."""
        for place in self._open(job):
            try:
                self._deliveries[place].lease.check()
            except WorkerError as error:
                self._outcomes[place] = error
        return bool(self._open(job))

    def settle(self, job: Job, outcome: WorkerError | None) -> None:
        """Say what has become of the job's deliveries that are not settled yet."""
        for place in self._open(job):
            self._outcomes[place] = outcome

    def outcomes(self) -> list[WorkerError | None]:
        """One for each delivery, in order. KeyError where one was forgotten: it must not pass for finished."""
        return [self._outcomes[place] for place in range(len(self._deliveries))]

    def ids(self, job: Job) -> dict[str, object]:
        """What a log line about the job names."""
        message = job.message
        names = {"video_id": message.video_id, "track_id": message.track_id, "snapshot": message.snapshot_s3_key}
        return {"message_id": self.latest(job).message_id, **names}

    def _open(self, job: Job) -> list[int]:
        return [place for place in job.members if place not in self._outcomes]


def together_or_alone(
    work: Callable[[Sequence[Item]], Sequence[Result]],
    items: Sequence[Item],
    verdict: Callable[[Exception], WorkerError],
) -> list[Result | WorkerError]:
    """`work` on all items, or, where that fails, on each by itself, so that a bad one fails alone.

    The taxonomy's own failures hold for all, except Permanent, which is one item's fault; what anything else
    means, `verdict` says once it has failed alone.
    """
    if not items:
        return []
    try:
        return list(work(items))
    except Exception as error:  # noqa: BLE001  # the taxonomy is applied here
        if isinstance(error, WorkerError) and not isinstance(error, Permanent):
            return [error] * len(items)
        if len(items) == 1:
            return [error if isinstance(error, WorkerError) else verdict(error)]
    return [outcome for item in items for outcome in together_or_alone(work, [item], verdict)]

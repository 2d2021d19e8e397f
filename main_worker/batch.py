"""One micro-batch: which deliveries refer to which snapshot, and the outcome of each delivery."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.retry_policy import classify_exception
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.errors import Permanent, WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SnapshotJob:
    """One snapshot of the batch, and the deliveries that refer to it."""

    message: SnapshotReady
    deliveries: tuple[int, ...]
    """Their indices in the batch; more than one if a message was sent or delivered twice."""


class SnapshotBatch:
    """Settles each delivery once: with its own failure, or with its snapshot's outcome (None: finished)."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries
        self._outcomes: dict[int, WorkerError | None] = {}

    def read(self, parse: Callable[[str], SnapshotReady]) -> list[SnapshotJob]:
        """One job for each distinct snapshot. Deliveries whose body breaks the contract are settled."""
        messages: dict[str, SnapshotReady] = {}
        indices: dict[str, list[int]] = {}
        for index, delivery in enumerate(self._deliveries):
            try:
                message = parse(delivery.body)
            except WorkerError as error:
                self._outcomes[index] = error
                continue
            messages.setdefault(message.snapshot_s3_key, message)
            indices.setdefault(message.snapshot_s3_key, []).append(index)
        return [SnapshotJob(message, tuple(indices[uri])) for uri, message in messages.items()]

    def most_received(self, job: SnapshotJob) -> Delivery:
        """The job's delivery with the highest receive count; a last receive takes precedence."""
        deliveries = (self._deliveries[index] for index in job.deliveries)
        return max(deliveries, key=lambda one: (one.is_last, one.receive_count))

    def prefetched(self, job: SnapshotJob) -> Future[SnapshotImage] | None:
        """The fetch that `prefetch` started for one of the job's deliveries; None if it started none."""
        started = (self._deliveries[index].prefetched for index in job.deliveries)
        return next((one for one in started if isinstance(one, Future)), None)

    def settle_lost_leases(self, jobs: Iterable[SnapshotJob]) -> None:
        """Check the lease of each unsettled delivery of `jobs`; settle those whose work must stop."""
        for job in jobs:
            for index in self._unsettled(job):
                try:
                    self._deliveries[index].lease.check()
                except WorkerError as error:
                    self._outcomes[index] = error

    def is_open(self, job: SnapshotJob) -> bool:
        """Whether at least one delivery of the job is not settled yet."""
        return bool(self._unsettled(job))

    def settle(self, job: SnapshotJob, outcome: WorkerError | None) -> None:
        """Set the outcome of the job's deliveries that are not settled yet."""
        for index in self._unsettled(job):
            self._outcomes[index] = outcome

    def outcomes(self) -> list[WorkerError | None]:
        """One for each delivery, in order. KeyError if one is not settled: it must not count as finished."""
        return [self._outcomes[index] for index in range(len(self._deliveries))]

    def ids(self, job: SnapshotJob) -> dict[str, object]:
        """The ids in the fields of each event about the job."""
        message = job.message
        ids = {"video_id": message.video_id, "track_id": message.track_id, "snapshot": message.snapshot_s3_key}
        return {"message_id": self.most_received(job).message_id, **ids}

    def _unsettled(self, job: SnapshotJob) -> list[int]:
        return [index for index in job.deliveries if index not in self._outcomes]


def classify_by_taxonomy(_item: object, error: Exception) -> WorkerError:
    """Map `error` to the taxonomy, independently of the item."""
    return classify_exception(error)


def run_batch_then_individually(
    work: Callable[[Sequence[Item]], Sequence[Result]],
    items: Sequence[Item],
    classify: Callable[[Item, Exception], WorkerError] = classify_by_taxonomy,
) -> list[Result | WorkerError]:
    """Run `work` on all items; if that fails, run it on each item alone, so that only the bad ones fail.

    A WorkerError other than Permanent applies to all items. A Permanent is the fault of one item. `classify` turns
    any other exception of a single item into its failure.
    """
    if not items:
        return []
    try:
        return list(work(items))
    except Exception as error:  # noqa: BLE001  # the taxonomy is applied here
        if isinstance(error, WorkerError) and not isinstance(error, Permanent):
            return [error] * len(items)
        if len(items) == 1:
            return [error if isinstance(error, WorkerError) else classify(items[0], error)]
    return [outcome for item in items for outcome in run_batch_then_individually(work, [item], classify)]

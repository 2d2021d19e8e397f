"""Stage 2: classifies one micro-batch of snapshots. Its parts are the protocols of ports.py, built by run_poller."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from video_analysis.main_worker import evidence, row_mapping
from video_analysis.main_worker.batch import SnapshotBatch, SnapshotJob, run_batch_then_individually
from video_analysis.main_worker.ports import Analyses, AttributeSource, Model, ProbedStorage
from video_analysis.main_worker.snapshot_fetcher import SnapshotFetcher, fetch_failure
from video_analysis.main_worker.types import Attributes, SnapshotImage
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.retry_policy import classify_exception
from video_analysis.worker_utils.contracts import messages, s3_keys
from video_analysis.worker_utils.db.attempt_status import DIED_EVERY_TIME
from video_analysis.worker_utils.db.row_types import AnalysisState, FinishedAnalysis, Variant, VariantResult
from video_analysis.worker_utils.errors import BadMessage, EnvironmentFault, Permanent, WorkerError
from video_analysis.worker_utils.observability.observer import Event, Observer


@dataclass(frozen=True, slots=True, eq=False)
class _PendingSnapshot:
    """A job whose snapshot has been fetched, with its results so far."""

    job: SnapshotJob
    analysis_id: str
    image: SnapshotImage = field(repr=False)
    attributes: Callable[[], Attributes]
    """Waits for colours and plate."""
    missing_variants: tuple[Variant, ...]
    """The variants to compute."""
    results: tuple[VariantResult, ...] = ()

    def to_finished(self) -> FinishedAnalysis:
        """The rows to write."""
        attributes = self.attributes()
        return FinishedAnalysis(
            self.analysis_id, tuple(row_mapping.with_attributes(result, attributes) for result in self.results)
        )


class SnapshotWorker:
    """Handles SNAPSHOT_READY: one result per variant for each snapshot; a bad one does not affect others."""

    def __init__(  # one argument per part
        self,
        storage: ProbedStorage,
        analyses: Analyses,
        models: Mapping[Variant, Model],
        attributes: AttributeSource,
        bucket: str,
        *,
        observer: Observer,
    ) -> None:
        self._storage = storage
        self._fetcher = SnapshotFetcher(storage)
        self._analyses = analyses
        self._models = models
        self._attributes = attributes
        self._bucket = bucket
        self._observer = observer

    def prefetch(self, delivery: Delivery) -> Future[SnapshotImage] | None:
        """Start to fetch the snapshot of a delivery whose batch has not begun; writes nothing. None for a bad body."""
        try:
            message = messages.parse_snapshot_ready(delivery.body, self._bucket)
        except BadMessage:
            return None
        return self._fetcher.start(message.snapshot.key)

    def handle(self, deliveries: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        """One outcome for each delivery, in order: None once the results of its snapshot are committed."""
        batch = SnapshotBatch(deliveries)
        jobs = batch.read(partial(messages.parse_snapshot_ready, bucket=self._bucket))
        begun = self._begin(batch, jobs)
        suspects = [(job, state) for job, state in begun if _is_crash_suspect(state, batch.most_received(job))]
        self._process(batch, [one for one in begun if one not in suspects])
        for job, state in sorted(suspects, key=lambda one: (one[1].status == "done", one[1].crashed_alone)):
            batch.settle_lost_leases([job])
            if batch.is_open(job):
                self._analyses.mark_isolated_retry(state.id)
                self._process(batch, [(job, state)])
        return batch.outcomes()

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        """Write the failure into the snapshot's row; a body that breaks the contract names no row."""
        try:
            message = messages.parse_snapshot_ready(delivery.body, self._bucket)
        except BadMessage:
            return
        self._analyses.fail_analysis(message.snapshot_s3_key, failure, final)

    def probe(self) -> None:
        """EnvironmentFault while no snapshot could be classified."""
        self._analyses.ping()
        self._storage.probe_read(s3_keys.PROBE_SNAPSHOT_KEY)
        for variant in self._models:
            self._check_inference(variant)

    def _process(self, batch: SnapshotBatch, todo: Sequence[tuple[SnapshotJob, AnalysisState]]) -> None:
        """Fetch, classify, write. If this crashes the process, every job of `todo` becomes a crash suspect."""
        pending = self._fetch(batch, todo)
        for variant in self._models:
            pending = self._classify(batch, pending, variant)
        self._finish(batch, pending)

    def _begin(self, batch: SnapshotBatch, jobs: Sequence[SnapshotJob]) -> list[tuple[SnapshotJob, AnalysisState]]:
        """Record the start of this attempt in the rows. Returns the jobs to process, each with its earlier row."""
        batch.settle_lost_leases(jobs)
        leased = [job for job in jobs if batch.is_open(job)]

        def begin(some: Sequence[SnapshotJob]) -> Sequence[AnalysisState]:
            requests = [row_mapping.request(job.message, batch.most_received(job)) for job in some]
            return self._analyses.begin_analyses(requests)

        todo: list[tuple[SnapshotJob, AnalysisState]] = []
        for job, state in zip(leased, run_batch_then_individually(begin, leased), strict=True):
            if isinstance(state, WorkerError):
                batch.settle(job, state)
            elif state.died_every_time:
                batch.settle(job, Permanent(DIED_EVERY_TIME, code="crashed"))
            elif not self._missing_variants(state):
                self._report_already_done(batch, job)
                batch.settle(job, None)
            else:
                todo.append((job, state))
        return todo

    def _report_already_done(self, batch: SnapshotBatch, job: SnapshotJob) -> None:
        self._observer.notify(
            Event(
                "snapshot.already_done",
                "the snapshot is already classified by the same checkpoints",
                {**batch.ids(job)},
            )
        )

    def _missing_variants(self, state: AnalysisState) -> tuple[Variant, ...]:
        """The variants to compute: all, or for a `done` row those without a result by the loaded checkpoint."""
        existing = state.done_checkpoints if state.status == "done" else {}
        return tuple(variant for variant, model in self._models.items() if existing.get(variant) != model.checkpoint)

    def _fetch(self, batch: SnapshotBatch, todo: Sequence[tuple[SnapshotJob, AnalysisState]]) -> list[_PendingSnapshot]:
        """Fetch all snapshots in parallel; jobs whose snapshot cannot be fetched or fails its check are settled."""
        pending: list[_PendingSnapshot] = []
        fetches = [self._fetcher.reuse_or_start(batch.prefetched(job), job.message.snapshot.key) for job, _ in todo]
        for (job, state), fetched in zip(todo, fetches, strict=True):
            try:
                image = fetched.result()
                attributes = self._attributes.start(image, job.message.yolo_type)
                pending.append(_PendingSnapshot(job, state.id, image, attributes, self._missing_variants(state)))
            except Exception as error:  # noqa: BLE001  # the taxonomy is applied here
                batch.settle(job, fetch_failure(classify_exception(error), done=state.status == "done"))
            batch.settle_lost_leases([job])
        return pending

    def _classify(
        self, batch: SnapshotBatch, pending: Sequence[_PendingSnapshot], variant: Variant
    ) -> list[_PendingSnapshot]:
        """One forward pass over the snapshots that need this variant. Returns all snapshots, with the new results."""
        leased = _with_lease(batch, pending)
        needed = [one for one in leased if variant in one.missing_variants]
        classify_failure = partial(self._inference_failure, batch, variant)
        results = run_batch_then_individually(partial(self._results, variant), needed, classify_failure)
        found = dict(zip(needed, results, strict=True))
        classified: list[_PendingSnapshot] = []
        for one in leased:
            result = found.get(one)
            if isinstance(result, WorkerError):
                batch.settle(one.job, result)
            else:
                classified.append(one if result is None else replace(one, results=(*one.results, result)))
        return classified

    def _results(self, variant: Variant, pending: Sequence[_PendingSnapshot]) -> list[VariantResult]:
        model = self._models[variant]
        forward = model.classify([one.image for one in pending])
        return [
            row_mapping.result(one.job.message, variant, model, forward, logits)
            for one, logits in zip(pending, forward.logits, strict=True)
        ]

    def _inference_failure(
        self, batch: SnapshotBatch, variant: Variant, one: _PendingSnapshot, error: Exception
    ) -> WorkerError:
        """The failure of a forward pass over one snapshot. If a blank image passes, the snapshot is the cause."""
        try:
            self._check_inference(variant)
        except EnvironmentFault as fault:
            return fault
        self._observer.notify(
            Event(
                "inference.failed",
                "inference failed on one snapshot",
                {**batch.ids(one.job), "variant": variant},
                logging.ERROR,
                error,
            )
        )
        return Permanent(f"inference ({variant}) fails on this snapshot: {error}", code="inference_failed")

    def _check_inference(self, variant: Variant) -> None:
        try:
            self._models[variant].warm_up()
        except Exception as error:  # any vendor error here means that no snapshot can be classified
            text = f"inference ({variant}) fails even on a blank image: {error}"
            raise EnvironmentFault(text, code="inference_unavailable") from error

    def _finish(self, batch: SnapshotBatch, pending: Sequence[_PendingSnapshot]) -> None:
        """Write all results in one transaction, except those of jobs whose lease is lost."""
        leased = _with_lease(batch, pending)

        def write(some: Sequence[_PendingSnapshot]) -> list[None]:
            self._analyses.finish_analyses([one.to_finished() for one in some])
            return [None] * len(some)

        for one, outcome in zip(leased, run_batch_then_individually(write, leased), strict=True):
            batch.settle(one.job, outcome)
            if outcome is None:
                self._report_classified(batch, one)

    def _report_classified(self, batch: SnapshotBatch, one: _PendingSnapshot) -> None:
        results = one.to_finished().results
        self._observer.notify(
            Event(
                "snapshot.classified",
                "snapshot classified",
                {
                    **batch.ids(one.job),
                    **_labels(results),
                    "latency_ms": {result.variant: result.latency_ms for result in results},
                    "null_codes": {result.variant: evidence.null_codes(result) for result in results},
                },
            )
        )


def _with_lease(batch: SnapshotBatch, pending: Sequence[_PendingSnapshot]) -> list[_PendingSnapshot]:
    batch.settle_lost_leases(one.job for one in pending)
    return [one for one in pending if batch.is_open(one.job)]


def _is_crash_suspect(state: AnalysisState, delivery: Delivery) -> bool:
    """Whether the snapshot may have crashed a worker: its row records a crash, or it was redelivered after `done`."""
    return state.died_before or (state.status == "done" and delivery.receive_count > 1)


def _labels(results: Sequence[VariantResult]) -> dict[str, object]:
    return {result.variant: [result.type_label, result.make_label, result.model_label] for result in results}

"""The recipe of stage 2: one micro-batch of snapshots, start to end. Its parts are the protocols of parts.py."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from video_analysis.main_worker import row_mapping
from video_analysis.main_worker.batch import SnapshotBatch, SnapshotJob, run_batch_then_individually
from video_analysis.main_worker.ports import Analyses, Aside, Model, SnapshotStorage
from video_analysis.main_worker.snapshot_fetcher import SnapshotFetcher, unfetched
from video_analysis.main_worker.types import Attributes, Picture
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.consumer.retry_policy import classify_exception
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db.attempt_status import DIED_EVERY_TIME
from video_analysis.worker_utils.db.row_types import AnalysisState, FinishedAnalysis, Variant, VariantResult
from video_analysis.worker_utils.errors import BadMessage, EnvironmentFault, Permanent, WorkerError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A job whose picture is in hand, with the results found for it so far."""

    job: SnapshotJob
    analysis_id: str
    picture: Picture = field(repr=False)
    attributes: Callable[[], Attributes]
    """Waits for what is read beside the models."""
    lacking: tuple[Variant, ...]
    """The variants whose result is not there yet."""
    results: tuple[VariantResult, ...] = ()

    def finished(self) -> FinishedAnalysis:
        """What is to be written."""
        attributes = self.attributes()
        return FinishedAnalysis(
            self.analysis_id, tuple(row_mapping.with_attributes(result, attributes) for result in self.results)
        )


class SnapshotWorker:
    """Handles SNAPSHOT_READY: a result of each variant for each snapshot of a micro-batch; a bad member fails alone."""

    def __init__(
        self, storage: SnapshotStorage, analyses: Analyses, models: Mapping[Variant, Model], aside: Aside, bucket: str
    ) -> None:
        self._pictures = SnapshotFetcher(storage)
        self._analyses = analyses
        self._models = models
        self._aside = aside
        self._bucket = bucket

    def prefetch(self, delivery: Delivery) -> Future[Picture] | None:
        """Begin to fetch the picture that a delivery asks for, ahead of its turn; nothing is written anywhere."""
        try:
            message = messages.parse_snapshot_ready(delivery.body, self._bucket)
        except BadMessage:
            return None
        return self._pictures.begin(message.snapshot.key)

    def handle(self, deliveries: Sequence[Delivery]) -> Sequence[WorkerError | None]:
        """One outcome for each delivery, in order: None once its snapshot's results are committed."""
        batch = SnapshotBatch(deliveries)
        jobs = batch.read(partial(messages.parse_snapshot_ready, bucket=self._bucket))
        begun = self._begin(batch, jobs)
        suspects = [(job, state) for job, state in begun if _is_crash_suspect(state, batch.latest(job))]
        self._work(batch, [one for one in begun if one not in suspects])
        for job, state in sorted(suspects, key=lambda one: (one[1].status == "done", one[1].crashed_alone)):
            if batch.check_lease(job):
                self._analyses.mark_isolated_retry(state.id)
                self._work(batch, [(job, state)])
        return batch.outcomes()

    def record(self, delivery: Delivery, failure: WorkerError, final: bool) -> None:
        """Leave the reason in the snapshot's row; a body that breaks the contract names none."""
        try:
            message = messages.parse_snapshot_ready(delivery.body, self._bucket)
        except BadMessage:
            return
        self._analyses.fail_analysis(message.snapshot_s3_key, failure, final)

    def probe(self) -> None:
        """EnvironmentFault while no snapshot could be classified."""
        self._analyses.ping()
        for variant in self._models:
            self._check_inference(variant)

    def _work(self, batch: SnapshotBatch, todo: Sequence[tuple[SnapshotJob, AnalysisState]]) -> None:
        """Pictures, forward passes, results. What kills the process here takes all of `todo` with it."""
        seen = self._fetch(batch, todo)
        for variant in self._models:
            seen = self._classify(batch, seen, variant)
        self._finish(batch, seen)

    def _begin(self, batch: SnapshotBatch, jobs: Sequence[SnapshotJob]) -> list[tuple[SnapshotJob, AnalysisState]]:
        """Commit to the rows that work begins; the jobs that are left to do, with their rows as found."""
        ours = [job for job in jobs if batch.check_lease(job)]

        def begin(some: Sequence[SnapshotJob]) -> Sequence[AnalysisState]:
            return self._analyses.begin_analyses([row_mapping.request(job.message, batch.latest(job)) for job in some])

        todo: list[tuple[SnapshotJob, AnalysisState]] = []
        for job, state in zip(ours, run_batch_then_individually(begin, ours, classify_exception), strict=True):
            if isinstance(state, WorkerError):
                batch.settle(job, state)
            elif state.died_every_time:
                batch.settle(job, Permanent(DIED_EVERY_TIME, code="crashed"))
            elif not self._lacking(state):
                log.info(
                    "the snapshot is already classified by the same checkpoints",
                    extra={"event": "snapshot.already_done", **batch.ids(job)},
                )
                batch.settle(job, None)
            else:
                todo.append((job, state))
        return todo

    def _lacking(self, state: AnalysisState) -> tuple[Variant, ...]:
        """The variants to compute: those of which a row that is done has no result by the same checkpoint."""
        there = state.done_checkpoints if state.status == "done" else {}
        return tuple(variant for variant, model in self._models.items() if there.get(variant) != model.checkpoint)

    def _fetch(self, batch: SnapshotBatch, todo: Sequence[tuple[SnapshotJob, AnalysisState]]) -> list[_Seen]:
        """All pictures at once, each checked; what cannot be fetched or is no snapshot is settled."""
        seen: list[_Seen] = []
        coming = [self._pictures.coming(batch.prefetched(job), job.message.snapshot.key) for job, _ in todo]
        for (job, state), future in zip(todo, coming, strict=True):
            try:
                picture = future.result()
                coming_aside = self._aside.begin(picture, job.message.yolo_type)
                seen.append(_Seen(job, state.id, picture, coming_aside, self._lacking(state)))
            except Exception as error:  # noqa: BLE001  # the taxonomy is applied here
                batch.settle(job, unfetched(classify_exception(error), done=state.status == "done"))
            batch.check_lease(job)
        return seen

    def _classify(self, batch: SnapshotBatch, seen: Sequence[_Seen], variant: Variant) -> list[_Seen]:
        """One forward pass over all that lack it; each picture with this variant's result added."""
        ours = [one for one in seen if batch.check_lease(one.job)]
        asked = [one for one in ours if variant in one.lacking]
        results = run_batch_then_individually(partial(self._results, variant), asked, partial(self._blame, variant))
        found = dict(zip(asked, results, strict=True))
        judged: list[_Seen] = []
        for one in ours:
            result = found.get(one)
            if isinstance(result, WorkerError):
                batch.settle(one.job, result)
            else:
                judged.append(one if result is None else replace(one, results=(*one.results, result)))
        return judged

    def _results(self, variant: Variant, seen: Sequence[_Seen]) -> list[VariantResult]:
        model = self._models[variant]
        forward = model.classify([one.picture for one in seen])
        return [
            row_mapping.result(one.job.message, variant, model, forward, logits)
            for one, logits in zip(seen, forward.logits, strict=True)
        ]

    def _blame(self, variant: Variant, error: Exception) -> WorkerError:
        """Whose fault a failed forward pass over one picture is: the picture's, if a blank one passes."""
        try:
            self._check_inference(variant)
        except EnvironmentFault as fault:
            return fault
        log.error(
            "inference failed on one snapshot",
            exc_info=error,
            extra={"event": "inference.failed", "variant": variant},
        )
        return Permanent(f"inference ({variant}) fails on this picture: {error}", code="inference_failed")

    def _check_inference(self, variant: Variant) -> None:
        try:
            self._models[variant].warm_up()
        except Exception as error:  # whatever the vendor raises, no picture would pass
            text = f"inference ({variant}) fails even on a blank picture: {error}"
            raise EnvironmentFault(text, code="inference_unavailable") from error

    def _finish(self, batch: SnapshotBatch, seen: Sequence[_Seen]) -> None:
        """All results in one transaction, without those whose lease is gone."""
        ours = [one for one in seen if batch.check_lease(one.job)]

        def write(some: Sequence[_Seen]) -> list[None]:
            self._analyses.finish_analyses([one.finished() for one in some])
            return [None] * len(some)

        for one, outcome in zip(ours, run_batch_then_individually(write, ours, classify_exception), strict=True):
            batch.settle(one.job, outcome)
            if outcome is None:
                log.info(
                    "snapshot classified",
                    extra={"event": "snapshot.classified", **batch.ids(one.job), **_labels(one.results)},
                )


def _is_crash_suspect(state: AnalysisState, delivery: Delivery) -> bool:
    """Whether it may have killed a process before. A row that was `done` keeps no trace of it: those come last."""
    return state.died_before or (state.status == "done" and delivery.receive_count > 1)


def _labels(results: Sequence[VariantResult]) -> dict[str, object]:
    return {result.variant: [result.type_label, result.make_label, result.model_label] for result in results}

"""The row of a run from its start to its end. Without the table or its grants the worker works without runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from video_analysis.worker_utils.aws.fetched_file import FetchedFile
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.contracts.messages import ProcessVideo, ReplayVideo
from video_analysis.worker_utils.contracts.s3_keys import is_uuid
from video_analysis.worker_utils.db.run_choice import NoWork, SameRun
from video_analysis.worker_utils.db.run_types import (
    FinishedVideo,
    RunProgress,
    RunStart,
    SourceFile,
    StoredRun,
    missing_run,
)
from video_analysis.worker_utils.errors import Cancelled, ErrorCode, Paused, WorkerError
from video_analysis.worker_utils.execution.run_context import RunContext
from video_analysis.worker_utils.observability.logs import failure_fields
from video_analysis.worker_utils.observability.observer import Event, Observer
from video_analysis.worker_utils.version import VERSION
from video_analysis.yolo_worker.runs.plan import Plan
from video_analysis.yolo_worker.runs.ports import Runs
from video_analysis.yolo_worker.runs.progress import ProgressWriter, stop_of

Result = TypeVar("Result")
UNUSABLE: frozenset[ErrorCode] = frozenset({"schema_outdated", "schema_mismatch", "permission_denied", "data_refused"})
"""Failures of a statement that are the fault of an optional table."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one video."""

    plan: Plan
    context: RunContext
    progress: ProgressWriter
    """That of the context."""
    run: StoredRun | None
    """None if runs are not recorded."""

    @property
    def skips_sent(self) -> bool:
        """Whether a vehicle that main_worker has is not emitted again. A completed run is repeated as a whole."""
        return self.run is not None and self.run.status != "completed"

    @property
    def task(self) -> ProcessVideo:
        """The video."""
        return self.plan.task


class RunLifecycle:
    """The runs of one worker."""

    def __init__(self, runs: Runs | None, worker: str, observer: Observer) -> None:
        """With `runs` None no run is recorded. `worker` names the host and the process."""
        self._runs = runs
        self._worker = worker
        self._observer = observer
        self._is_reported = False
        self._uncompleted: dict[str, RunProgress] = {}
        """The finished runs whose row could not be written, by their ids."""

    def find(self, message: ReplayVideo) -> StoredRun:
        """The run that a message names. Raises Transient if it cannot be read: the sender may not have committed."""
        found = self._optional(lambda runs: runs.find(message.run_id, message.video_id, message.workspace_id))
        if found is None:
            raise missing_run(message.run_id)
        return found

    def start(self, delivery: Delivery, plan: Plan) -> Attempt | None:
        """Begin the run of a message, or its next attempt. None if the message needs no work.

        Raises Paused or Cancelled if that was requested: the rows of the run and the video show it.
        """
        begun_run: StoredRun | None = None
        match self._optional(lambda runs: runs.start(self._begun(delivery, plan))):
            case NoWork(run):
                self._report_no_work(delivery, run)
                return None
            case Paused() | Cancelled() as reason:
                raise reason
            case SameRun(run):
                begun_run = run
        return self._attempt(delivery, plan, begun_run)

    def identify(self, delivery: Delivery, attempt: Attempt, file: FetchedFile) -> Attempt:
        """Keep which file the run processes. If that is another one than before, the attempt is at a new run."""
        run = attempt.run
        if run is None:
            return attempt
        begun, source = self._begun(delivery, attempt.plan), SourceFile(file.etag, file.size_bytes)
        identified = self._optional(lambda runs: runs.identify(run.id, begun, source))
        if identified is None or (identified.id, identified.run_key) == (run.id, run.run_key):
            return attempt
        attempt = self._attempt(delivery, attempt.plan, identified)
        attempt.context.report(
            "run.file_replaced",
            "the raw file of the video was replaced since an earlier attempt: it has a run of its own",
            {"run_id": identified.id, "earlier_run_id": run.id, "run_key": identified.run_key},
            logging.WARNING,
        )
        return attempt

    def _begun(self, delivery: Delivery, plan: Plan) -> RunStart:
        return RunStart(
            video_id=plan.task.video_id,
            workspace_id=plan.task.workspace_id,
            message_id=delivery.message_id,
            run_key=plan.run_key,
            config_snapshot=plan.key_fields,
            code_version=VERSION,
            worker=self._worker,
            is_last=delivery.is_last,
            run_id=None if plan.named_run is None else plan.named_run.id,
        )

    def _attempt(self, delivery: Delivery, plan: Plan, run: StoredRun | None) -> Attempt:
        progress = _unrecorded() if run is None else self._progress(run)
        run_id, run_key = (None, None) if run is None else (run.id, run.run_key)
        context = RunContext(
            run_key or plan.run_key, delivery.lease, self._observer, delivery.log_fields, run_id, progress
        )
        return Attempt(plan, context, progress, run)

    def complete(self, attempt: Attempt, damage: str | None) -> bool:
        """Mark the run `completed` and its video `done`, in one transaction. `damage` is what the file lacks.

        Returns whether that was done. If the table cannot be used now, the run is completed when it can be used again.
        Raises Paused, Cancelled or LeaseLost if another process stopped the run before; then nothing is changed.
        """
        run_id, task, progress = attempt.context.run_id, attempt.task, attempt.progress.current
        if run_id is None:
            return False
        video = FinishedVideo(task.video_id, task.workspace_id, damage) if attempt.plan.changes_video else None
        state = self._optional(lambda runs: (runs.complete(run_id, progress, video),))
        if state is None:
            self._uncompleted[run_id] = progress
            return False
        if state[0] is not None and state[0].is_ended_by_others and (stop := stop_of(state[0])) is not None:
            raise stop
        return True

    def stop(self, attempt: Attempt) -> Paused | Cancelled | None:
        """Do what an operator requested. None if the request was taken back: the work goes on."""
        run_id = attempt.context.run_id
        return None if run_id is None else self._optional(lambda runs: runs.stop(run_id))

    def end_attempt(self, delivery: Delivery, owner: tuple[str, str], failure: WorkerError, *, final: bool) -> bool:
        """Write why the attempt at a message failed into its run. `owner` is (workspace_id, video_id).

        Returns whether the row in `videos` changes with it: not if the run is in other hands, or an operator's replay.
        """
        workspace_id, video_id = owner
        named = messages.extract_replay(delivery.body)
        run_id = named if named is not None and is_uuid(named) else None

        def end(runs: Runs) -> bool:
            return runs.end_attempt(video_id, workspace_id, delivery.message_id, failure, final=final, run_id=run_id)

        changes_video = self._optional(end)
        return named is None if changes_video is None else changes_video

    def _complete_all(self, runs: Runs) -> None:
        for run_id, progress in list(self._uncompleted.items()):
            runs.complete(run_id, progress)
            del self._uncompleted[run_id]

    def _progress(self, run: StoredRun) -> ProgressWriter:
        """That of a completed run is not written: it stays completed."""
        if self._runs is None or run.status == "completed":
            return _unrecorded()
        return ProgressWriter(partial(self._runs.write_progress, run.id), partial(self._report_progress, run.id))

    def _optional(self, work: Callable[[Runs], Result]) -> Result | None:
        """The result of `work`; None, with one warning, while the table cannot be used."""
        if self._runs is None:
            return None
        try:
            missing = self._runs.missing()
            if missing is None:
                self._complete_all(self._runs)
            result = work(self._runs) if missing is None else None
        except WorkerError as failure:
            if failure.code not in UNUSABLE:
                raise
            missing, result = str(failure), None
        if missing is not None and not self._is_reported:
            self._observer.notify(
                Event(
                    "run.unavailable",
                    f"runs are not recorded, and videos are processed without: {missing}",
                    {},
                    logging.WARNING,
                )
            )
        self._is_reported = missing is not None
        return result

    def _report_no_work(self, delivery: Delivery, run: StoredRun) -> None:
        self._observer.notify(
            Event(
                "run.skipped",
                f"the message is acknowledged without work: its run, or the one in its place, is {run.status}",
                {"run_id": run.id, "status": run.status, **delivery.log_fields},
            )
        )

    def _report_progress(self, run_id: str, failure: WorkerError) -> None:
        self._observer.notify(
            Event(
                "run.progress_failed",
                f"the progress of the run could not be written, the video goes on: {failure}",
                {"run_id": run_id, **failure_fields(failure)},
                logging.WARNING,
            )
        )


def _unrecorded() -> ProgressWriter:
    """Progress that is written nowhere."""
    return ProgressWriter(lambda _: None, lambda _: None)

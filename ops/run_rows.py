"""The rows of `video_runs` as operators read and change them. One transaction per method; each method is idempotent."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from video_analysis.ops import run_row
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.run_row import RunRow
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.consumer.backoff import jittered
from video_analysis.worker_utils.db import failure_columns, videos
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_statements import HAS_CHILD
from video_analysis.worker_utils.db.run_types import Overrides, ReplayStage, Request, RunStatus, stopped
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.yolo_worker.runs import overrides

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True, slots=True)
class Adoption:
    """The settings of a camera after `adopt`."""

    camera_code: str
    overrides: Overrides
    kept: frozenset[str]
    """Names of the settings that the camera had before, and the run does not override."""


UNPROCESSED = frozenset({"pending", "paused"})
STOPPED: Mapping[Request, RunStatus] = {"pause": "paused", "cancel": "cancelled"}


def longest_silence_s(config: WorkerConfig) -> float:
    """The longest time for which a run that is being processed is not written to: between two receives."""
    longest_s = max(*config.transient_delays_s, *config.missing_delays_s)
    return config.visibility_timeout_s + jittered(longest_s, 1.0)


class RunRows:
    """The runs, with an operator's own grants."""

    def __init__(self, database: Database, idle_s: float = longest_silence_s(WorkerConfig())) -> None:
        """After `idle_s` without a write, no worker processes a run: a request changes it at once."""
        self._database = self.database = database
        self._idle_s = idle_s

    def listed(
        self, *, video_id: str | None, workspace_id: str | None, status: RunStatus | None, limit: int
    ) -> list[RunRow]:
        """The newest runs first. In its last receive a run is `running`, too, though it has failed in advance."""
        given = {"video_id": video_id, "workspace_id": workspace_id, "status": status, "limit": limit}
        values = {**given, "idle_s": self._idle_s}
        return self._database.transaction(lambda cursor: _rows(cursor, run_row.LIST, values))

    def cameras(self, runs: Sequence[RunRow]) -> Mapping[str, str]:
        """Video → code of its camera, of the videos that have a row."""

        def read(cursor: Cursor) -> dict[str, str]:
            cursor.execute(run_row.CAMERAS, ([run.video_id for run in runs],))
            return dict(cursor.fetchall())

        return self._database.transaction(read)

    def one(self, run_id: str) -> RunRow:
        """One run. CommandError if there is none."""
        return self._database.transaction(lambda cursor: _one(cursor, run_id))

    def tree(self, run_id: str) -> list[RunRow]:
        """All runs that have the root of this one, the oldest first. CommandError if there is no such run."""

        def read(cursor: Cursor) -> list[RunRow]:
            run = _one(cursor, run_id)
            return _rows(cursor, run_row.OF_ROOT, (run.video_id, run.root_run_id))

        return self._database.transaction(read)

    def newest_completed(self, video_id: str) -> RunRow | None:
        """The newest completed run of a video."""
        rows = self._database.transaction(lambda cursor: _rows(cursor, run_row.NEWEST_COMPLETED, (video_id,)))
        return rows[0] if rows else None

    def pause(self, run_id: str) -> RunRow:
        """Pause a run that is pending or running. Returns the run as it is then: paused, if no worker processes it."""

        def pause(cursor: Cursor, run: RunRow) -> None:
            _check_not_cancelling(run)
            if self._may_be_read(cursor, run):
                cursor.execute(run_row.REQUEST, ("pause", run_id))
            elif run.status in ("pending", "running"):
                _stop(cursor, run, "pause")
            elif run.status != "paused":
                raise _ended(run, "only a pending or running run can be paused")

        return self._changed(run_id, pause)

    def cancel(self, run_id: str) -> RunRow:
        """Cancel a run that is pending, running or paused. Returns the run as it is then, as `pause`."""

        def cancel(cursor: Cursor, run: RunRow) -> None:
            if self._may_be_read(cursor, run):
                cursor.execute(run_row.REQUEST, ("cancel", run_id))
            elif run.may_be_worked_on or run.status in UNPROCESSED:
                _stop(cursor, run, "cancel")
            elif run.status != "cancelled":
                raise _ended(run, "only a run that has not ended can be cancelled")

        return self._changed(run_id, cancel)

    def resume(self, run_id: str) -> RunRow:
        """Set a paused run to `pending`, or take back the pause of a running one. Returns the run as it is then.

        CommandError for a run that no worker processes and that is not paused.
        """

        def resume(cursor: Cursor, run: RunRow) -> None:
            _check_not_cancelling(run)
            if run.status in UNPROCESSED:
                _check_video(cursor, run.video_id, run.workspace_id)
                cursor.execute(run_row.RESUME, (run_id,))
            elif self._may_be_read(cursor, run) and (run.status == "running" or run.requested is not None):
                cursor.execute(run_row.REQUEST, (None, run_id))
            elif run.status == "running":
                raise _idle(run)
            else:
                raise _ended(run, "only a paused run can be resumed")

        return self._changed(run_id, resume)

    def insert_replay(self, parent: RunRow, stage: ReplayStage, overrides: Overrides) -> RunRow:
        """Insert a pending replay of `parent`. Its stages before `stage` have the settings of the parent."""
        run_id = str(uuid.uuid4())  # before the transaction, which is repeated if its commit is not answered

        def insert(cursor: Cursor) -> RunRow:
            _check_video(cursor, parent.video_id, parent.workspace_id)
            own = json.dumps(dict(overrides)), json.dumps(dict(parent.config_snapshot or {}))
            ids = run_id, parent.video_id, parent.workspace_id, parent.id, parent.root_run_id
            cursor.execute(run_row.INSERT_REPLAY, (*ids, stage, *own))
            return _one(cursor, run_id)

        return self._database.transaction(insert)

    def adopt(self, run_id: str, *, replace: bool) -> Adoption:
        """Keep the overrides of a completed run for the camera of its video.

        The run was processed with the camera's settings and its own overrides, so that the other settings of the camera
        are kept; with `replace`, they are removed. CommandError if a worker would refuse one of them.
        """

        def adopt(cursor: Cursor) -> Adoption:
            run = _one(cursor, run_id)
            if run.status != "completed":
                raise CommandError(f"run {run_id} is {run.status}: only a completed run can be adopted")
            own = run.config_overrides or {}
            cursor.execute(run_row.ADOPT, (json.dumps(dict(own)), run.video_id, run.workspace_id, replace))
            row = cursor.fetchone()
            if row is None:
                raise CommandError(f"videos has no camera_code for {run.video_id}")
            camera_code, settings = row
            _check_settings(camera_code, settings, frozenset(settings) - frozenset(own))
            return Adoption(camera_code, settings, frozenset(settings) - frozenset(own))

        return self._database.transaction(adopt)

    def camera_overrides(self, video_id: str) -> object:
        """The settings of the camera of a video, as they are stored; none where the optional table cannot be read."""

        def read(cursor: Cursor) -> object:
            cursor.execute(run_row.OF_CAMERA, (video_id,))
            row = cursor.fetchone()
            return {} if row is None else row[0]

        try:
            return self._database.transaction(read)
        except EnvironmentFault:
            return {}

    def _may_be_read(self, cursor: Cursor, run: RunRow) -> bool:
        """Whether a worker may process the run, and read a request. CommandError if a retry has taken its place."""
        if run.status == "failed":
            cursor.execute(HAS_CHILD, (run.id,))
            if cursor.fetchone() == (True,):
                raise CommandError(
                    f"run {run.id} is failed: another run has taken its place: `runs tree {run.id}` shows it"
                )
        if not run.may_be_worked_on:
            return False
        cursor.execute(run_row.IS_IDLE, {"id": run.id, "idle_s": self._idle_s})
        return cursor.fetchone() == (False,)

    def _changed(self, run_id: str, change: Callable[[Cursor, RunRow], None]) -> RunRow:
        def work(cursor: Cursor) -> RunRow:
            change(cursor, _one(cursor, run_id, lock=True))
            return _one(cursor, run_id)

        return self._database.transaction(work)


def _rows(cursor: Cursor, statement: str, values: Any) -> list[RunRow]:
    cursor.execute(statement, values)
    return [RunRow(*row) for row in cursor.fetchall()]


def _one(cursor: Cursor, run_id: str, *, lock: bool = False) -> RunRow:
    rows = _rows(cursor, f"{run_row.ONE} FOR UPDATE" if lock else run_row.ONE, (run_id,))
    if not rows:
        raise CommandError(f"there is no run {run_id}; `runs list --video UUID` shows those of a video")
    return rows[0]


def _stop(cursor: Cursor, run: RunRow, request: Request) -> None:
    """Pause or cancel a run that no worker processes, and its video."""
    reason = stopped(request)
    cursor.execute(run_row.STOP, (STOPPED[request], reason.code, failure_columns.reason(reason), run.id))
    if run.changes_video:
        videos.write_stop(cursor, run.video_id, run.workspace_id, reason)


def _ended(run: RunRow, needed: str) -> CommandError:
    remedy = "; send its video again, which begins a retry" if run.status in ("failed", "cancelled") else ""
    return CommandError(f"run {run.id} is {run.status}: {needed}{remedy}")


def _idle(run: RunRow) -> CommandError:
    return CommandError(
        f"no worker has written to run {run.id} since {run.updated_at.isoformat(' ', 'seconds')}: it continues when its"
        f" message is received again; if the queue no longer has it, `runs pause {run.id}` and then `runs resume"
        f" {run.id}` send a new one"
    )


def _check_not_cancelling(run: RunRow) -> None:
    if run.requested == "cancel":
        remedy = f"if no worker processes it any more, `runs cancel {run.id}` ends it"
        raise CommandError(f"run {run.id} is about to be cancelled; {remedy}")


def _check_settings(camera_code: str, settings: Overrides, kept: frozenset[str]) -> None:
    """CommandError if a setting is refused: by a worker of this version, nothing may be stored that it does not use."""
    _, refusals = overrides.usable(settings)
    if refusals:
        is_kept = bool(overrides.usable({name: settings[name] for name in kept})[1])
        remedy = "; --replace removes the settings that the camera had before" if is_kept else ""
        raise CommandError(f"{camera_code} would have settings that are refused: {'; '.join(refusals)}{remedy}")


def _check_video(cursor: Cursor, video_id: str, workspace_id: str) -> None:
    """CommandError if a REPLAY_VIDEO could not be processed: the worker reads key and codes from `videos`."""
    cursor.execute(run_row.HAS_VIDEO, (video_id, workspace_id))
    if cursor.fetchone() != (True,):
        raise CommandError(
            f"videos has no complete row for {video_id} (s3_key_raw, workspace_code, camera_code): fill it, or send"
            " PROCESS_VIDEO again"
        )

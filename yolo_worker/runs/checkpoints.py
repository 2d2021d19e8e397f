"""Checkpoints of the tracker's input in S3, with their rows. Optional: they save time, and never decide a result."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from video_analysis.worker_utils.aws.fetched_file import FetchedFile
from video_analysis.worker_utils.db.run_types import CheckpointPart
from video_analysis.worker_utils.errors import Interrupted, LeaseLost, WorkerError
from video_analysis.worker_utils.observability.logs import failure_fields
from video_analysis.worker_utils.observability.observer import Event, Observer
from video_analysis.worker_utils.version import VERSION
from video_analysis.yolo_worker.runs import checkpoint_format
from video_analysis.yolo_worker.runs.checkpoint_reader import StoredFrames
from video_analysis.yolo_worker.runs.checkpoint_writer import CheckpointWriter
from video_analysis.yolo_worker.runs.frame_input import FrameInput
from video_analysis.yolo_worker.runs.lifecycle import Attempt
from video_analysis.yolo_worker.runs.ports import CheckpointRows, CheckpointStore
from video_analysis.yolo_worker.runs.tracker_input import TrackerInput

CONTENT_TYPE = "application/octet-stream"
FORMAT = 2
"""Increase it when the meaning of the arrays changes."""
INPUT_FIELDS = ("stride", "detector", "embedder")
"""The fields of the run key that determine boxes and embeddings."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """What the frames of an attempt are computed from."""

    source_etag: str
    source_bytes: int
    traits_hash: str


class Checkpoints:
    """The checkpoints of all runs of one worker."""

    def __init__(self, rows: CheckpointRows, store: CheckpointStore, observer: Observer) -> None:
        self._rows = rows
        self._store = store
        self._observer = observer
        self._is_reported = False

    def input_of(self, attempt: Attempt, source: FetchedFile) -> TrackerInput:
        """The tracker's input of an attempt: with what is stored of its run, or of those that it follows.

        A replay from `detect` that an operator started computes everything again.
        """
        run = attempt.run
        if run is None or not self._are_available():
            return TrackerInput()
        origin = _Origin(source.etag, source.size_bytes, traits_hash(attempt.plan.key_fields))
        recomputes = run.replay_from_stage == "detect" and not run.changes_video
        stored = self._stored_parts(run.id, only_replaced=recomputes)
        usable = [part for part in stored if _Origin(*_origin_of(part)) == origin]
        context = attempt.context
        if len(usable) < len(stored):
            context.report(
                "checkpoint.outdated",
                f"{len(stored) - len(usable)} stored parts are of another file, version, weights or settings",
                {"run_id": run.id, "parts": len(stored) - len(usable)},
            )
        reader = StoredFrames(usable, self._content, partial(self._report_ignored, attempt))
        return TrackerInput(
            reader if usable else None,
            None if run.status == "completed" else self._writer(attempt, run.id, origin, stored),
            partial(_end_stored, attempt, run.id),
        )

    def _content(self, key: str, limit_bytes: int) -> bytes:
        return self._store.fetch_bytes(key, limit_bytes)[0]

    def _are_available(self) -> bool:
        try:
            missing = self._rows.missing()
        except WorkerError as failure:
            missing = str(failure)
        if missing is not None:
            self._report_unavailable(missing)
        return missing is None

    def _stored_parts(self, run_id: str, *, only_replaced: bool) -> Sequence[CheckpointPart]:
        with suppress(WorkerError):
            return self._rows.of_run(run_id, only_replaced=only_replaced)
        return []

    def _writer(
        self, attempt: Attempt, run_id: str, origin: _Origin, stored: Sequence[CheckpointPart]
    ) -> CheckpointWriter:
        task = attempt.plan.task
        folder = f"runs/{task.workspace_id}/{task.video_id}/{run_id}"
        number = max((part.part for part in stored if part.run_id == run_id), default=-1)

        def write(frames: Sequence[FrameInput]) -> None:
            nonlocal number
            content = checkpoint_format.encode(frames)
            with suppress(Interrupted):  # at a shutdown there is time for the last part
                attempt.context.lease.check()
            number = self._add_row(_part(run_id, number + 1, folder, frames, content, origin), folder)
            self._store.put(f"{folder}/{_name(number)}", content, CONTENT_TYPE)
            self._is_reported = False

        return CheckpointWriter(write, self._report_write_failure)

    def _add_row(self, part: CheckpointPart, folder: str) -> int:
        """Insert the row of a part, with the next free number. The row is first, so that no object is overwritten."""
        while not self._rows.add(part):
            part = replace(part, part=part.part + 1, s3_key=f"{folder}/{_name(part.part + 1)}")
        return part.part

    def _report_write_failure(self, failure: Exception) -> None:
        if isinstance(failure, LeaseLost):
            return
        self._report_unavailable(f"{failure}; s3:PutObject and s3:GetObject on runs/* are needed")

    def _report_unavailable(self, why: str) -> None:
        if not self._is_reported:
            self._observer.notify(
                Event(
                    "checkpoint.unavailable",
                    f"no checkpoints are stored, an interrupted video begins at its first frame: {why}",
                    {},
                    logging.WARNING,
                )
            )
        self._is_reported = True

    def _report_ignored(self, attempt: Attempt, part: CheckpointPart, failure: Exception) -> None:
        context = attempt.context
        context.report(
            "checkpoint.ignored",
            f"a stored part is ignored, its frames are computed again: {part.s3_key}: {failure}",
            {"run_id": part.run_id, "part": part.part, **failure_fields(failure)},
            logging.WARNING,
        )


def traits_hash(key_fields: Mapping[str, object]) -> str:
    """The hash of what determines boxes and embeddings of given frames, the version of this code included."""
    traits = {name: key_fields[name] for name in INPUT_FIELDS}
    document = json.dumps({"format": FORMAT, "version": VERSION, **traits}, sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


def _origin_of(part: CheckpointPart) -> tuple[str, int, str]:
    return part.source_etag, part.source_bytes, part.traits_hash


def _end_stored(attempt: Attempt, run_id: str, frames: int, is_live: bool) -> None:
    context = attempt.context
    if is_live:
        attempt.progress.begin_live()
    context.report(
        "run.continued",
        f"{frames} frames were taken from checkpoints, no network ran for them",
        {"run_id": run_id, "frames": frames},
    )


def _part(
    run_id: str, number: int, folder: str, frames: Sequence[FrameInput], content: bytes, origin: _Origin
) -> CheckpointPart:
    return CheckpointPart(
        run_id=run_id,
        part=number,
        first_frame=frames[0].index,
        last_frame=frames[-1].index,
        first_offset_ms=frames[0].offset_ms,
        last_offset_ms=frames[-1].offset_ms,
        s3_key=f"{folder}/{_name(number)}",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        source_etag=origin.source_etag,
        source_bytes=origin.source_bytes,
        traits_hash=origin.traits_hash,
    )


def _name(number: int) -> str:
    return f"detect-{number:06d}.npz"

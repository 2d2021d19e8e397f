"""The worker process, measured on one clip: whole, killed and continued, and replayed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from video_analysis.benchmarks.bench.measured_worker import MeasuredWorker, instant_s
from video_analysis.benchmarks.bench.processes import NotMeasured
from video_analysis.devstack import stored_results, worker_process
from video_analysis.devstack.local_stack import WORKSPACE_ID, Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.worker_utils.contracts.messages import ReplayVideo

POLL_EVERY_S = 0.2
RUNS = "SELECT * FROM video_runs WHERE video_id = %s ORDER BY created_at DESC, id LIMIT 1"
NEW_REPLAY = """
INSERT INTO video_runs (video_id, workspace_id, run_type, parent_run_id, root_run_id, replay_from_stage,
    config_overrides, config_snapshot, status)
SELECT video_id, workspace_id, 'replay', id, root_run_id, 'track', %s, jsonb_build_object('stride', 1), 'pending'
FROM video_runs WHERE video_id = %s AND status = 'completed' ORDER BY created_at LIMIT 1 RETURNING id
"""
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timed:
    """One attempt that finished a run."""

    seconds: float
    """From message.received to message.finished."""
    video_id: str
    frames: int
    vehicles: int
    stored_frames: int
    """Frames from checkpoints."""


class Site:
    """A local stack and the worker's variables."""

    def __init__(self, stack: Stack, environ: Mapping[str, str], folder: Path) -> None:
        self._stack = stack
        self._environ = environ
        self._folder = folder

    @contextmanager
    def worker(self) -> Iterator[tuple[WorkerProcess, MeasuredWorker]]:
        """A process that polls."""
        launched_s = time.time()
        with worker_process.running("yolo_worker", self._environ, self._folder) as process:
            yield process, MeasuredWorker(process, launched_s)

    def send(self, clip: Path) -> str:
        """Upload the clip as a new video and send it. Returns its id."""
        task = self._stack.upload(clip, 1)
        self._stack.send(task)
        return str(task["video_id"])

    def replay(self, video_id: str, overrides: Mapping[str, object]) -> None:
        """Start a replay from `track`, as `ops replay` does."""
        [row] = self._stack.sql(NEW_REPLAY, json.dumps(overrides), video_id)
        message = ReplayVideo(run_id=row["id"], video_id=video_id, workspace_id=WORKSPACE_ID)
        self._stack.send(json.loads(message.to_json()))

    def finished(self, worker: MeasuredWorker, video_id: str, count: int = 1) -> Timed:
        """Wait until `count` messages of the video are finished in this process; the latest one."""
        worker.until(lambda: len(worker.of_video("message.finished", video_id)) >= count)
        received, done, finished = (
            worker.of_video(event, video_id)[-1] for event in ("message.received", "video.done", "message.finished")
        )
        continued = [line["frames"] for line in worker.of_video("run.continued", video_id)[-1:]]
        seconds = instant_s(finished) - instant_s(received)
        return Timed(seconds, video_id, done["frames"], done["vehicles"], continued[0] if continued else 0)

    def until_progress(self, video_id: str, share: float) -> Facts:
        """Wait until the run of the video has this progress. Returns its row."""
        while True:
            rows = self._stack.sql(RUNS, video_id)
            if rows and rows[0]["status"] not in ("pending", "running"):
                raise NotMeasured(f"the run was {rows[0]['status']} before {share:.0%} could be read: a longer clip")
            if rows and (rows[0]["progress"] or 0) >= share:
                return rows[0]
            time.sleep(POLL_EVERY_S)  # a row cannot be waited on

    def facts(self, video_id: str) -> list[tuple[Any, ...]]:
        """Rows and objects of a video, for a comparison with those of another one."""
        found = stored_results.read(self._stack, video_id)
        objects = {key.rsplit("/", 1)[1]: item.content for key, item in found.snapshots.items()}
        return [
            (track_id, row["detected_in_ms"], str(row["detected_box"]), row["yolo_type"], objects[_name(row)])
            for track_id, row in sorted(found.analyses.items())
        ]

    @contextmanager
    def checkpoints(self, *, are_off: bool) -> Iterator[None]:
        """Hide the optional table for the duration of the block."""
        if are_off:
            self._stack.sql("ALTER TABLE stage_checkpoints RENAME TO hidden_checkpoints")
        yield
        if are_off:
            self._stack.sql("ALTER TABLE hidden_checkpoints RENAME TO stage_checkpoints")


def kill(process: WorkerProcess) -> None:
    """kill -9, and wait."""
    process.process.send_signal(signal.SIGKILL)
    process.process.wait()


def _name(row: Mapping[str, Any]) -> str:
    return str(row["snapshot_s3_key"]).rsplit("/", 1)[1]

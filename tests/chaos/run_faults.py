"""Faults of runs: kills around checkpoints, pause and cancel at any time, lost parts, withdrawn grants, settings."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from video_analysis.devstack import stored_results
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.run_row import RunRow
from video_analysis.ops.run_rows import RunRows
from video_analysis.tests.chaos import kills
from video_analysis.tests.chaos.conditions import wait_until
from video_analysis.tests.chaos.environment import CLIP, ChaosEnvironment, Result, Scenario
from video_analysis.tests.chaos.interruptions import extra_workers
from video_analysis.tests.chaos.result_diff import VideoResult
from video_analysis.tests.chaos.steps import ADD_CHECKPOINT, CHECK_LEASE, FETCH, PUT, SEND, Boundary
from video_analysis.tests.chaos.supervisor import SupervisedWorker
from video_analysis.tests.support import synthetic_clips
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.run_types import Request

WORKER = "yolo_worker"
OFTEN = {"CHAOS_CHECKPOINT_S": "0.1", "CHAOS_PROGRESS_S": "0.1"}
"""Short videos have several parts, and requests act at once."""
TWO_PARTS = Boundary(ADD_CHECKPOINT, "after", 2)
"""The first part is stored, the second one has its row."""
STOPS, LONGEST_S = 4, 4.0
"""Requests per scenario, and the longest delay after the begin of a run."""
OTHER_SETTING = {"CVITX_NN_BUDGET": "41"}
"""Another run key, with the same tracks in a short clip."""
ADOPT = """INSERT INTO camera_settings VALUES (%s, %s, '{"track.nn_budget": 41}')"""
OPTIONAL_TABLES = ("video_runs", "stage_checkpoints")
RANDOM_CHAINS = 3


def scenarios(seed: int) -> Iterator[tuple[str, Scenario]]:
    """(name, scenario) pairs."""
    for name, chain in _chains(seed):
        yield f"kill -9 {name}", partial(killed, boundaries=chain)
    requests: tuple[Request, ...] = ("pause", "cancel")
    for request in requests:
        yield f"{request} at random times", partial(stopped, request=request, seed=seed)
    yield "a pause that is taken back at once", partial(stopped, request="pause", seed=seed, takes_back=True)
    for how in ("lost", "damaged"):
        yield f"a checkpoint part is {how}", partial(between_attempts, change=partial(_damage, how), event="ignored")
    yield "the raw file is replaced by another clip between two attempts", replaced
    yield "a redelivery with other settings", superseded
    yield "a paused video is resumed with other settings of its camera, and its worker is killed", resumed_otherwise
    yield "the grants on the optional tables are withdrawn midway", withdrawn
    yield "a replay beside the original", replayed_beside


def _chains(seed: int) -> Iterator[tuple[str, tuple[Boundary, ...]]]:
    yield "at the steps of a checkpoint", (Boundary(ADD_CHECKPOINT, "before"), TWO_PARTS, Boundary(PUT, "before", 2))
    yield "while a part is read", (TWO_PARTS, Boundary(FETCH, "before"), Boundary(FETCH, "after"))
    rng = random.Random(seed)
    for number in range(1, RANDOM_CHAINS + 1):
        calls = rng.sample(range(3, 20), 2)
        yield (
            f"at random while a video is continued, {number} of {RANDOM_CHAINS}",
            (TWO_PARTS, *(Boundary(CHECK_LEASE, "before", call) for call in calls)),
        )


def killed(chaos: ChaosEnvironment, scenario: str, *, boundaries: tuple[Boundary, ...]) -> Result:
    """One video with a kill at each boundary in turn."""
    with chaos.workers[WORKER].with_settings(OFTEN):
        return kills.at_boundaries(chaos, scenario, worker=WORKER, boundaries=boundaries)


def stopped(chaos: ChaosEnvironment, scenario: str, *, request: Request, seed: int, takes_back: bool = False) -> Result:
    """Videos that an operator stops at random times, also as they end, and then lets continue."""
    dead, rng = chaos.dead(), random.Random(seed)
    with chaos.workers[WORKER].with_settings(OFTEN), closing(Database(chaos.stack.database_url, "chaos")) as database:
        rows = RunRows(database)
        for _ in range(STOPS):
            task = chaos.send()
            wait_until(partial(_run, rows, task), "the run")
            time.sleep(rng.uniform(0, LONGEST_S))
            with suppress(CommandError):  # the run has ended
                (rows.pause if request == "pause" else rows.cancel)(_run(rows, task).id)
            if takes_back:
                _resume(chaos, rows, task)
            chaos.faults_done += 1
            chaos.settle()
            _let_continue(chaos, rows, task)
        return chaos.evaluate(scenario, STOPS, dead)


def between_attempts(
    chaos: ChaosEnvironment, scenario: str, *, change: Callable[[ChaosEnvironment, dict[str, Any]], None], event: str
) -> Result:
    """Something is changed after a worker was killed: the next attempt reports that, and computes the frames again."""
    dead, supervised = chaos.dead(), chaos.workers[WORKER]
    with supervised.with_settings(OFTEN):
        chaos.interrupt_at(WORKER, [TWO_PARTS], after_stop=lambda one, _: _after_kill(one, chaos, change))
        assert supervised.has_logged(f"checkpoint.{event}"), supervised.log_tail()
    return chaos.evaluate(scenario, 1, dead)


def replaced(chaos: ChaosEnvironment, scenario: str) -> Result:
    """The file is replaced after a kill: the vehicles are those of an undisturbed run of the other clip."""
    dead, supervised = chaos.dead(), chaos.workers[WORKER]
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-") as name:
        clip = _mirrored(Path(name))
        task = chaos.stack.upload(clip, chaos.stride)
        chaos.stack.send(task)
        chaos.settle()
        expected = VideoResult.of(stored_results.read(chaos.stack, task["video_id"]), has_other_run=True)
        assert expected.vehicles, "no vehicle in the other clip"
        with supervised.with_settings(OFTEN):
            chaos.interrupt_at(
                WORKER,
                [Boundary(SEND, "after")],
                after_stop=lambda one, _: _after_kill(one, chaos, partial(_replace_file, clip)),
            )
            assert supervised.has_logged("run.file_replaced"), supervised.log_tail()
    _check_superseded(chaos)
    return chaos.evaluate(scenario, 1, dead, shown=expected)


def superseded(chaos: ChaosEnvironment, scenario: str) -> Result:
    """A worker with other settings takes over: the first run ends, and a retry has the video's vehicles."""
    dead, supervised = chaos.dead(), chaos.workers[WORKER]

    def change(one: SupervisedWorker, _: Boundary) -> None:
        one.running.wait()
        one.environ = {**one.environ, **OTHER_SETTING}

    with supervised.with_settings(OFTEN):
        chaos.interrupt_at(WORKER, [TWO_PARTS], after_stop=change)
    _check_superseded(chaos)
    return chaos.evaluate(scenario, 1, dead)


def resumed_otherwise(chaos: ChaosEnvironment, scenario: str) -> Result:
    """The run of a resumed video is superseded at once: the message that names it continues the run in its place."""
    dead, supervised = chaos.dead(), chaos.workers[WORKER]
    settings = {**OFTEN, "CHAOS_SLOW_S": "0.1"}
    with supervised.with_settings(settings), closing(Database(chaos.stack.database_url, "chaos")) as database:
        rows = RunRows(database)
        task = chaos.send()
        wait_until(lambda: (run := _run(rows, task)) and run.frames_done, "a frame")
        rows.pause(_run(rows, task).id)
        chaos.settle()
        chaos.stack.sql(ADOPT, task["workspace_id"], task["camera_code"])
        try:
            chaos.interrupt_at(
                WORKER,
                [TWO_PARTS],
                after_stop=lambda one, _: one.running.wait(),
                send=partial(_resume, chaos, rows, task),
            )
        finally:
            chaos.stack.sql("DELETE FROM camera_settings")
    _check_superseded(chaos)
    return chaos.evaluate(scenario, 1, dead)


def _check_superseded(chaos: ChaosEnvironment) -> None:
    """The first run of the latest video was superseded, and a retry in its place is completed."""
    found = chaos.stack.sql(
        "SELECT run_type, status, error_code FROM video_runs WHERE video_id = %s ORDER BY created_at",
        chaos.sent[-1]["video_id"],
    )
    assert [tuple(row.values()) for row in found] == [("initial", "failed", "superseded"), ("retry", "completed", None)]


def withdrawn(chaos: ChaosEnvironment, scenario: str) -> Result:
    """The optional tables cannot be used for some time: the video is finished, and its run is completed afterwards."""
    dead, supervised = chaos.dead(), chaos.workers[WORKER]
    with (
        supervised.with_settings({**OFTEN, "CHAOS_SLOW_S": "0.1"}),
        closing(Database(chaos.stack.database_url, "chaos")) as database,
    ):
        rows = RunRows(database)
        task = chaos.send()
        wait_until(lambda: (run := _run(rows, task)) and run.frames_done, "a frame")
        for name in OPTIONAL_TABLES:
            chaos.stack.sql(f"ALTER TABLE {name} RENAME TO hidden_{name}")
        chaos.faults_done += 1
        try:
            chaos.settle()
        finally:
            for name in OPTIONAL_TABLES:
                chaos.stack.sql(f"ALTER TABLE hidden_{name} RENAME TO {name}")
        chaos.send()
        chaos.settle()
        assert _run(rows, task).status == "completed", _run(rows, task)
    return chaos.evaluate(scenario, 1, dead)


def replayed_beside(chaos: ChaosEnvironment, scenario: str) -> Result:
    """A video is sent again while a replay without a change runs: both have the rows of the first run."""
    dead = chaos.dead()
    with extra_workers(chaos, 1), closing(Database(chaos.stack.database_url, "chaos")) as database:
        rows = RunRows(database)
        task = chaos.send()
        chaos.settle()
        replay = rows.insert_replay(_run(rows, task), "track", {})
        _send_replay(chaos, replay)
        chaos.stack.send(task)
        chaos.faults_done += 1
        chaos.settle()
        assert rows.one(replay.id).status == "completed", rows.one(replay.id)
    return chaos.evaluate(scenario, 1, dead)


def _run(rows: RunRows, task: dict[str, Any]) -> Any:
    """The newest run of a video; None if it has none."""
    found = rows.listed(video_id=task["video_id"], workspace_id=None, status=None, limit=1)
    return found[0] if found else None


def _let_continue(chaos: ChaosEnvironment, rows: RunRows, task: dict[str, Any]) -> None:
    """Resume a paused run, and send the video of a cancelled one again. Run and video show the same state before."""
    run = _run(rows, task)
    [video] = chaos.stack.sql("SELECT status::text, error_code FROM videos WHERE id = %s", task["video_id"])
    expected = {"paused": ("queued", "paused"), "cancelled": ("error", "cancelled"), "completed": ("done", None)}
    assert tuple(video.values()) == expected[run.status], (video, run)
    if run.status == "paused":
        _resume(chaos, rows, task)
    elif run.status == "cancelled":
        chaos.stack.send(task)
    chaos.settle()
    assert _run(rows, task).status == "completed", _run(rows, task)


def _resume(chaos: ChaosEnvironment, rows: RunRows, task: dict[str, Any]) -> None:
    with suppress(CommandError):  # the run has ended
        run = rows.resume(_run(rows, task).id)
        if run.status == "pending":
            _send_replay(chaos, run)


def _send_replay(chaos: ChaosEnvironment, run: RunRow) -> None:
    ids = {"run_id": run.id, "video_id": run.video_id, "workspace_id": run.workspace_id}
    chaos.stack.send({"event": "REPLAY_VIDEO", **ids})


def _after_kill(
    supervised: SupervisedWorker, chaos: ChaosEnvironment, change: Callable[[ChaosEnvironment, dict[str, Any]], None]
) -> None:
    code = supervised.running.wait()
    assert code == -signal.SIGKILL, supervised.log_tail()
    change(chaos, chaos.sent[-1])


def _damage(how: str, chaos: ChaosEnvironment, task: dict[str, Any]) -> None:
    s3, bucket = chaos.stack.s3, chaos.stack.config.s3_bucket
    prefix = f"runs/{task['workspace_id']}/{task['video_id']}/"
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    assert keys, "no part was stored"
    for key in keys:
        if how == "lost":
            s3.delete_object(Bucket=bucket, Key=key)
        else:
            s3.put_object(Bucket=bucket, Key=key, Body=b"damaged")


def _replace_file(clip: Path, chaos: ChaosEnvironment, task: dict[str, Any]) -> None:
    """Wait until main_worker has the first vehicle of the file, then replace the file."""
    query = "SELECT status FROM image_analyses WHERE video_id = %s AND status IN ('processing', 'done')"
    wait_until(lambda: chaos.stack.sql(query, task["video_id"]), "a vehicle of the first file")
    chaos.stack.s3.upload_file(str(clip), chaos.stack.config.s3_bucket, task["s3_key_raw"])


def _mirrored(folder: Path) -> Path:
    """The clip as in a mirror: other vehicles, with the same track ids."""
    with av.open(str(CLIP)) as original:
        pictures = [frame.to_ndarray(format="bgr24")[:, ::-1] for frame in original.decode(video=0)]
    frames = (av.VideoFrame.from_ndarray(np.ascontiguousarray(one), format="bgr24") for one in pictures)
    return synthetic_clips.write_frames(folder / "mirrored.mp4", (one.reformat(format="yuv420p") for one in frames))

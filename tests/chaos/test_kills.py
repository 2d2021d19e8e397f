"""The short part of `make chaos`: kill -9 at the most critical steps, and unit tests of the suite."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from video_analysis.devstack.local_stack import Stack
from video_analysis.tests.chaos import kills, steps
from video_analysis.tests.chaos.environment import ChaosEnvironment, Result
from video_analysis.tests.chaos.parallel import result_of
from video_analysis.tests.chaos.result_diff import ResultDiff, VideoResult, compare
from video_analysis.tests.chaos.steps import (
    ADD_CHECKPOINT,
    COMPLETE_RUN,
    COMPLETED_STEPS,
    DELETE,
    FINISH_ANALYSES,
    MAX_FAULTS_PER_MESSAGE,
    PUT,
    SEND,
    START_RUN,
    STEPS,
    STEPS_OF_A_FIRST_ATTEMPT,
    Boundary,
    boundaries,
    chains,
)
from video_analysis.tests.chaos.supervisor import SupervisedWorker

CAR, VAN = ("car.jpg", "aa"), ("van.jpg", "bb")
WHOLE = VideoResult("done", None, None, False, {1: (CAR,), 2: (VAN,)})


@pytest.mark.parametrize(("wanted", "parts"), [(200, 8), (3, 3), (0, 0)])
def test_the_random_kills_are_shared_out_and_none_is_left_away(wanted: int, parts: int) -> None:
    shares = [run.keywords for name, run in kills.scenarios(wanted, 1) if "random" in name and isinstance(run, partial)]
    assert sum(share["kills"] for share in shares) == wanted
    assert len({share["seed"] for share in shares}) == len(shares) == parts


@pytest.mark.parametrize("completed_steps", [frozenset(), COMPLETED_STEPS])
def test_every_boundary_is_in_one_group_and_a_step_of_a_first_attempt_begins_its_group(
    completed_steps: frozenset[str],
) -> None:
    groups = chains("yolo_worker", completed_steps)
    assert [boundary for group in groups for boundary in group] == boundaries("yolo_worker")
    assert not {boundary.step for group in groups for boundary in group[1:]} & STEPS_OF_A_FIRST_ATTEMPT
    assert {boundary.step for group in groups for boundary in group[:1]} >= STEPS_OF_A_FIRST_ATTEMPT
    assert max(map(len, groups)) == MAX_FAULTS_PER_MESSAGE


def test_kills_between_steps_lose_and_double_nothing(chaos: ChaosEnvironment) -> None:
    chain = (
        Boundary(PUT, "after", 2),
        Boundary(SEND, "after"),
        Boundary(DELETE, "before"),
    )
    result = kills.at_boundaries(chaos, "chain", worker="yolo_worker", boundaries=chain)
    assert result.faults == len(chain)
    assert result.is_clean, result


def test_kills_at_the_steps_of_a_run_lose_and_double_nothing(chaos: ChaosEnvironment) -> None:
    chain = (
        Boundary(START_RUN, "after"),
        Boundary(ADD_CHECKPOINT, "after"),
        Boundary(COMPLETE_RUN, "before"),
    )
    result = kills.at_boundaries(chaos, "chain of a run", worker="yolo_worker", boundaries=chain)
    assert result.faults == len(chain)
    assert result.is_clean, result


def test_a_kill_after_the_results_are_written_writes_them_once(chaos: ChaosEnvironment) -> None:
    boundary = Boundary(FINISH_ANALYSES, "after")
    result = kills.at_boundary(chaos, str(boundary), worker="main_worker", boundary=boundary)
    assert result.faults == 1
    assert result.is_clean, result


def test_a_boundary_that_no_attempt_comes_to_fails_the_scenario_and_keeps_its_faults(
    chaos: ChaosEnvironment,
) -> None:
    chain = (Boundary(DELETE, "after"), Boundary(PUT, "before"))
    scenario = partial(kills.at_boundaries, worker="yolo_worker", boundaries=chain)
    result = result_of(chaos, "chain", scenario)
    assert result.failure is not None
    assert "yolo_worker did not reach: before ObjectStore.put" in result.failure
    assert (result.runs, result.faults, result.is_clean) == (1, 1, False)


@pytest.mark.parametrize("completed_steps", [frozenset(), steps.COMPLETED_STEPS], ids=["kill", "SIGTERM"])
@pytest.mark.parametrize("worker", STEPS)
def test_the_chains_hold_every_boundary_once_and_no_more_than_a_message_bears(
    worker: str, completed_steps: frozenset[str]
) -> None:
    chains = steps.chains(worker, completed_steps)
    assert [boundary for chain in chains for boundary in chain] == steps.boundaries(worker)
    assert max(map(len, chains)) == steps.MAX_FAULTS_PER_MESSAGE
    assert not any(boundary.step in completed_steps for chain in chains for boundary in chain[:-1])


@pytest.mark.parametrize("failure", [AssertionError("lost"), subprocess.TimeoutExpired(["worker"], 45)], ids=repr)
def test_a_scenario_that_fails_is_named_with_the_faults_done_until_then(failure: Exception) -> None:
    restarts = []

    class Bare(ChaosEnvironment):
        def restart(self) -> None:
            restarts.append(self)

    def scenario(chaos: ChaosEnvironment, _name: str) -> Result:
        chaos.sent.append({})
        chaos.faults_done += 2
        raise failure

    bare = Bare(cast(Stack, None), {}, WHOLE, stride=3)
    assert result_of(bare, "named", scenario) == Result("named", 1, 2, 0, 0, 0, 0, 0, str(failure))
    assert restarts == [bare]


@pytest.mark.parametrize(
    ("found", "diff"),
    [
        (WHOLE, ResultDiff()),
        (VideoResult("done", None, None, False, {1: (CAR,)}), ResultDiff(lost=1)),
        (VideoResult("done", None, None, False, {1: (CAR,), 2: (VAN,), 3: (CAR,)}), ResultDiff(duplicated=1)),
        (VideoResult("done", None, None, False, {1: (CAR, CAR), 2: (VAN,)}), ResultDiff(duplicated=1)),
        (VideoResult("done", None, None, False, {1: (CAR,), 2: (("van.jpg", "cc"),)}), ResultDiff(divergent=1)),
        (VideoResult("done", None, None, False, {1: (CAR,), 2: (("van.jpg", None),)}), ResultDiff(lost=1)),
        (VideoResult("error", None, "truncated", True, WHOLE.vehicles), ResultDiff(divergent=1)),
        (VideoResult("done", "last_attempt", None, False, WHOLE.vehicles), ResultDiff(divergent=1)),
        (VideoResult("done", None, None, True, WHOLE.vehicles), ResultDiff(divergent=1)),
    ],
)
def test_every_difference_is_accounted_for(found: VideoResult, diff: ResultDiff) -> None:
    assert compare(WHOLE, found) == diff


@pytest.mark.parametrize("worker", STEPS)
def test_every_step_of_a_worker_exists_and_can_be_armed(worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for boundary in steps.boundaries(worker):
        owner, method = steps.target(boundary.step)
        monkeypatch.setattr(owner, method, getattr(owner, method))  # what `arm` changes comes back
        steps.arm(boundary, lambda: None)
        assert Boundary.parse(str(boundary)) == boundary


@pytest.mark.parametrize(("side", "order"), [("before", ["action", "call"]), ("after", ["call", "action"])])
def test_an_armed_step_runs_its_action_at_its_second_call_only(
    side: steps.Side, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    boundary = Boundary(PUT, side, call=2)
    owner, method = steps.target(boundary.step)
    calls: list[str] = []
    monkeypatch.setattr(owner, method, lambda: calls.append("call"))
    steps.arm(boundary, lambda: calls.append("action"))
    for _ in range(3):
        getattr(owner, method)()
    assert calls == ["call", *order, "call"]


def test_logs_of_a_killed_worker_show_its_in_flight_messages(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text(
        '{"event": "message.received", "message_id": "a"}\n{"event": "message.received", "message_id": "b"}\n'
        '{"event": "message.received", "message_id": "c"}\n{"event": "message.failed", "message_id": "c"}\n'
        '{"event": "message.finished", "message_id": "a"}\n{"event": "message.rece'
    )
    assert SupervisedWorker("yolo_worker", {}, tmp_path, logs=[log]).in_flight() == {"b"}

"""Which run a message belongs to: the rules as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from video_analysis.worker_utils.db.run_choice import Choice, NewRun, NoWork, SameRun, Stop, choose
from video_analysis.worker_utils.db.run_types import Request, RunStatus, RunType, StoredRun

KEY, OTHER_KEY = "key", "another key"
STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)


def run(status: RunStatus, run_key: str | None = KEY, run_type: RunType = "initial") -> StoredRun:
    return StoredRun("1", run_type, status, "root", run_key)


def outcome(choice: Choice) -> str:
    match choice:
        case NewRun(run_type, parent, stage, supersedes=supersedes):
            words = [run_type, *([f"from {stage}"] if stage else []), *(["superseding"] if supersedes else [])]
            assert (parent is None) == (run_type == "initial")
            return " ".join(words)
        case SameRun():
            return "same"
        case NoWork():
            return "none"
        case Stop(run, then):
            return f"{run.requested}, then {outcome(then)}"


TABLE: dict[RunStatus, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    # status: the run's own message, one of an older run, a new one; each with the same key and with another one
    "pending": (("same", "retry superseding"), ("same", "none"), ("same", "retry superseding")),
    "running": (("same", "retry superseding"), ("same", "none"), ("same", "retry superseding")),
    "paused": (("none", "none"), ("none", "none"), ("same", "retry superseding")),
    "completed": (("same", "none"), ("same", "none"), ("same", "replay from detect")),
    "failed": (("same", "retry"), ("same", "retry"), ("retry", "retry")),
    "cancelled": (("none", "none"), ("none", "none"), ("retry", "retry")),
}


def outcomes(found: StoredRun) -> tuple[tuple[str, ...], ...]:
    """One line of the table."""
    messages = [(True, True), (True, False), (False, False)]
    return tuple(
        tuple(outcome(choose(found, key, is_known_message=known, is_own_run=own)) for key in (KEY, OTHER_KEY))
        for known, own in messages
    )


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_its_run(status: RunStatus) -> None:
    assert outcomes(run(status)) == TABLE[status]


STOPPED: dict[Request, RunStatus] = {"pause": "paused", "cancel": "cancelled"}


@pytest.mark.parametrize("requested", STOPPED)
@pytest.mark.parametrize("status", STATUSES)
def test_a_request_that_no_worker_has_read_is_done_before_the_message(status: RunStatus, requested: Request) -> None:
    found = outcomes(replace(run(status), requested=requested))
    if status in ("running", "failed"):
        after = TABLE[STOPPED[requested]]
        assert found == tuple(tuple(f"{requested}, then {then}" for then in pair) for pair in after)
    else:
        assert found == TABLE[status], "nothing is left to stop"


def test_a_video_without_a_run_gets_an_initial_one() -> None:
    assert choose(None, KEY, is_known_message=False, is_own_run=False) == NewRun("initial")


def test_a_pending_run_that_no_worker_has_begun_gets_the_key_of_its_first_attempt() -> None:
    pending = run("pending", run_key=None)
    assert choose(pending, KEY, is_known_message=True, is_own_run=True) == SameRun(pending)


def test_what_supersedes_a_replay_is_the_same_replay() -> None:
    replay = StoredRun("1", "replay", "running", "root", KEY, "track", {"track.max_age_s": 3})
    assert choose(replay, OTHER_KEY, is_known_message=True, is_own_run=True) == NewRun(
        "replay", replay, "track", {"track.max_age_s": 3}, supersedes=True
    )

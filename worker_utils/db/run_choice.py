"""Which run a message belongs to, as one pure function. A run is one way of processing one video."""

from __future__ import annotations

from dataclasses import dataclass, replace

from video_analysis.worker_utils.db.run_types import Overrides, ReplayStage, RunType, StoredRun


@dataclass(frozen=True, slots=True)
class NewRun:
    """Insert a run and process it."""

    run_type: RunType
    parent: StoredRun | None = None
    replay_from_stage: ReplayStage | None = None
    config_overrides: Overrides | None = None
    supersedes: bool = False
    """The parent ends as `failed` with the code `superseded`: this run takes its place."""


@dataclass(frozen=True, slots=True)
class SameRun:
    """Process the run that exists, as its next attempt."""

    run: StoredRun


@dataclass(frozen=True, slots=True)
class NoWork:
    """Acknowledge the message."""

    run: StoredRun


@dataclass(frozen=True, slots=True)
class Stop:
    """Do what an operator requested, and then what follows for the paused or cancelled run."""

    run: StoredRun
    then: NewRun | SameRun | NoWork


Choice = NewRun | SameRun | NoWork | Stop


def choose(found: StoredRun | None, run_key: str, *, is_known_message: bool, is_own_run: bool) -> Choice:
    """The run of a message that would be processed with `run_key`.

    `found` is the run that this message names; else the newest run of the video that a message started, so no replay of
    an operator. `is_known_message`: the message has begun or continued a run of the video before, this one or an older
    one. It is no order to process the video again. `is_own_run`: it has begun or continued `found`, or names it. It
    does not end a run that another message began after it: of two messages with different settings, the newer one
    counts.

    A completed run stays completed: to process it again with the same run key changes nothing. With another key, also
    that of an older run, the video has a new run, so that its rows are the current ones. What an operator
    requested comes first: a run that is superseded, or retried, would lose it.
    """
    if found is None:
        return NewRun("initial")
    if found.awaits_stop:
        stopped = replace(found, status="paused" if found.requested == "pause" else "cancelled", requested=None)
        return Stop(found, _of_run(stopped, run_key, is_known_message, is_own_run))
    return _of_run(found, run_key, is_known_message, is_own_run)


def _of_run(
    found: StoredRun,
    run_key: str,
    is_known_message: bool,
    is_own_run: bool,
) -> NewRun | SameRun | NoWork:
    has_same_key = found.has_key(run_key)
    if is_known_message:
        return _known_message(found, has_same_key, is_own_run)
    return _new_message(found, has_same_key)


def _known_message(found: StoredRun, has_same_key: bool, is_own_run: bool) -> NewRun | SameRun | NoWork:
    """The message is received again."""
    is_done = found.status == "completed" or (found.status in ("pending", "running") and not is_own_run)
    if found.status in ("paused", "cancelled") or (is_done and not has_same_key):
        return NoWork(found)
    return SameRun(found) if has_same_key else _retry(found, supersedes=found.status != "failed")


def _new_message(found: StoredRun, has_same_key: bool) -> NewRun | SameRun | NoWork:
    """The video was sent again."""
    if found.status in ("failed", "cancelled"):
        return NewRun("retry", found)
    if has_same_key:
        return SameRun(found)
    return NewRun("replay", found, "detect") if found.status == "completed" else _retry(found, supersedes=True)


def of_other_file(found: StoredRun) -> NewRun:
    """The run in place of `found`, whose raw file was replaced: its vehicles are others."""
    if found.status == "completed" and found.run_type != "replay":
        return NewRun("replay", found, "detect")
    return _retry(found, supersedes=found.status != "completed")


def _retry(found: StoredRun, *, supersedes: bool) -> NewRun:
    """A run that takes the place of `found`. That of a replay is a replay of the same stage with the same overrides."""
    run_type: RunType = "replay" if found.run_type == "replay" else "retry"
    return NewRun(run_type, found, found.replay_from_stage, found.config_overrides, supersedes)

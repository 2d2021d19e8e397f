"""What beginning an attempt writes into a row: no row stays `processing` indefinitely."""

from __future__ import annotations

from dataclasses import replace

import pytest

from video_analysis.worker_utils.db.attempt_status import (
    BEGUN_ALONE,
    DIED_EVERY_TIME,
    GIVEN_UP,
    ON_LAST_ATTEMPT,
    STARTED,
    STATUS_OF,
    TEXTS,
    TO_RETRY_ALONE,
    AttemptStart,
    AttemptState,
    RowState,
    Status,
    begun_alone,
    row_as_stored,
    start_attempt,
    start_attempt_in_batch,
    state_after,
)
from video_analysis.worker_utils.errors import ErrorCode

QUEUED, DONE = RowState("queued"), RowState("done")
TIMED_OUT = RowState("processing", None, "transient", "a timeout")
MISSING = RowState("error", None, "missing_object", "not there")
STATES = (ON_LAST_ATTEMPT, TO_RETRY_ALONE, GIVEN_UP)


@pytest.mark.parametrize(
    ("row", "receive_count", "is_last", "wanted"),
    [
        (QUEUED, 1, False, AttemptStart(STARTED)),
        (STARTED, 2, False, AttemptStart(STARTED)),
        (TIMED_OUT, 2, False, AttemptStart(TIMED_OUT)),
        (MISSING, 3, False, AttemptStart(replace(MISSING, status="processing"))),
        (MISSING, 1, False, AttemptStart(STARTED)),
        (QUEUED, 1, True, AttemptStart(ON_LAST_ATTEMPT)),
        (STARTED, 1, True, AttemptStart(ON_LAST_ATTEMPT)),
        (QUEUED, 5, True, AttemptStart(ON_LAST_ATTEMPT)),
        (TIMED_OUT, 5, True, AttemptStart(ON_LAST_ATTEMPT)),
        (TO_RETRY_ALONE, 5, True, AttemptStart(ON_LAST_ATTEMPT)),
        (STARTED, 5, True, AttemptStart(GIVEN_UP, died_every_time=True)),
        (ON_LAST_ATTEMPT, 6, True, AttemptStart(ON_LAST_ATTEMPT)),
        (DONE, 1, False, AttemptStart(DONE)),
        (DONE, 5, True, AttemptStart(DONE)),
    ],
)
def test_what_an_attempt_writes_when_it_begins(
    row: RowState, receive_count: int, is_last: bool, wanted: AttemptStart
) -> None:
    assert start_attempt(row, receive_count, is_last) == wanted


def test_the_state_decides_and_its_text_does_not() -> None:
    for state in STATES:
        reworded = replace(state, error_msg="in other words")
        for receive_count, is_last in ((1, False), (2, False), (5, True)):
            for decide in (start_attempt, start_attempt_in_batch):
                as_usual = decide(state, receive_count, is_last)
                other = decide(reworded, receive_count, is_last)
                assert (other.died_every_time, other.died_before) == (as_usual.died_every_time, as_usual.died_before)
                assert other.row.attempt_state == as_usual.row.attempt_state
    assert start_attempt(replace(TIMED_OUT, error_msg=DIED_EVERY_TIME), 5, True) == AttemptStart(ON_LAST_ATTEMPT)


def test_giving_up_twice_gives_up_the_same_way() -> None:
    first = start_attempt(STARTED, 5, True)
    assert start_attempt(first.row, 5, True) == first


def test_a_redriven_message_gets_its_new_try_after_the_row_was_given_up() -> None:
    assert start_attempt(GIVEN_UP, 1, False) == AttemptStart(STARTED)


@pytest.mark.parametrize("first_begun", [1, 2])
@pytest.mark.parametrize("killers", [set(), {0}, {9}, {0, 3}, {8, 9}], ids=lambda killers: f"killers {sorted(killers)}")
def test_snapshots_that_kill_the_process_take_no_other_into_the_dead_letter_queue(
    killers: set[int], first_begun: int
) -> None:
    """Ten are received together five times; the process dies whenever one of the killers is processed.

    With `first_begun` 2 it also dies at the first receive, before it begins any of them.
    """
    rows: dict[int, RowState] = dict.fromkeys(range(10), QUEUED)
    given_up: set[int] = set()
    for receive in range(first_begun, 6):
        waiting = [number for number, row in rows.items() if row.status != "done" and number not in given_up]
        begun = {number: start_attempt_in_batch(rows[number], receive, receive == 5) for number in waiting}
        rows |= {number: one.row for number, one in begun.items()}
        given_up |= {number for number, one in begun.items() if one.died_every_time}
        for batch in _batches(begun):
            if len(batch) == 1 and rows[batch[0]].attempt_state == "retry_alone":
                rows[batch[0]] = BEGUN_ALONE
            if killers & set(batch):
                break
            rows |= dict.fromkeys(batch, DONE)
    assert given_up == killers
    assert {number for number, row in rows.items() if row.status == "done"} == set(range(10)) - killers


def _batches(begun: dict[int, AttemptStart]) -> list[list[int]]:
    """In the order of the main worker: first all that are no suspects together, then each suspect alone."""
    together = [number for number, one in begun.items() if not (one.died_before or one.died_every_time)]
    suspects = [number for number, one in begun.items() if one.died_before]
    return [together, *([number] for number in sorted(suspects, key=lambda number: begun[number].crashed_alone))]


@pytest.mark.parametrize(
    ("row", "receive_count", "wanted"),
    [
        (STARTED, 1, AttemptStart(STARTED)),
        (STARTED, 2, AttemptStart(TO_RETRY_ALONE, died_before=True)),
        (TO_RETRY_ALONE, 1, AttemptStart(STARTED)),
        (TO_RETRY_ALONE, 3, AttemptStart(TO_RETRY_ALONE, died_before=True)),
        (TO_RETRY_ALONE, 5, AttemptStart(ON_LAST_ATTEMPT, died_before=True)),
        (BEGUN_ALONE, 3, AttemptStart(BEGUN_ALONE, died_before=True, crashed_alone=True)),
        (BEGUN_ALONE, 5, AttemptStart(GIVEN_UP, died_every_time=True)),
        (TIMED_OUT, 3, AttemptStart(TIMED_OUT)),
    ],
)
def test_a_row_to_retry_alone_stays_a_suspect_until_its_attempt_alone_has_an_outcome(
    row: RowState, receive_count: int, wanted: AttemptStart
) -> None:
    assert start_attempt_in_batch(row, receive_count, receive_count == 5) == wanted


def test_only_a_crash_leaves_a_state_when_an_attempt_has_failed() -> None:
    codes: tuple[ErrorCode, ...] = ("crashed", "permanent", "transient", "out_of_memory")
    assert [state_after(code) for code in codes] == ["crashed", None, None, None]


def test_the_texts_are_those_that_the_previous_release_decides_from() -> None:
    """After a return to that release its workers must find their own sentences."""
    assert TEXTS == {
        "last_attempt": "last attempt under way; if this stays, the worker died in it",
        "retry_alone": "an attempt at it, or at others in one batch with it, died; it is tried alone",
        "crashed": "the worker died in every attempt, and left no other reason",
    }
    assert {row.attempt_state: row.error_msg for row in STATES} == TEXTS


@pytest.mark.parametrize("row", [QUEUED, STARTED, TIMED_OUT, MISSING, DONE, BEGUN_ALONE, *STATES])
def test_what_this_release_writes_is_read_as_it_is(row: RowState) -> None:
    assert row_as_stored(row.status, row.attempt_state, row.error_code, row.error_msg) == row


@pytest.mark.parametrize("row", STATES)
def test_a_row_without_a_state_is_read_by_the_text_of_the_previous_release(row: RowState) -> None:
    assert row_as_stored(row.status, None, None, row.error_msg) == replace(row, error_code=None)


@pytest.mark.parametrize("state", TEXTS)
@pytest.mark.parametrize("text", [None, "in other words", "a timeout", *TEXTS.values()])
def test_the_column_decides_and_not_the_text(state: AttemptState, text: str | None) -> None:
    assert row_as_stored(STATUS_OF[state], state, None, text).attempt_state == state


def test_the_text_of_a_failure_outlives_the_beginning_of_an_attempt_alone() -> None:
    """The previous release replaces the text and leaves the state."""
    failed = replace(TO_RETRY_ALONE, error_msg="a timeout")
    assert begun_alone(failed) == failed
    assert begun_alone(TO_RETRY_ALONE) == BEGUN_ALONE
    assert start_attempt_in_batch(failed, 5, True) == AttemptStart(ON_LAST_ATTEMPT, died_before=True)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("processing", "crashed"),
        ("processing", "last_attempt"),
        ("error", "retry_alone"),
        ("done", "crashed"),
        ("processing", "a later release's"),
    ],
)
def test_a_state_that_does_not_go_with_the_status_is_out_of_date(status: Status, state: AttemptState) -> None:
    assert row_as_stored(status, state, None, "a timeout") == RowState(status, None, None, "a timeout")


def test_a_code_without_a_text_is_left_over_from_an_earlier_failure() -> None:
    assert row_as_stored("processing", None, "bad_video", None) == STARTED


@pytest.mark.parametrize("older", [{1, 3, 5}, {2, 4}, {1, 2, 3, 4}, {5}, {2}, {4, 5}])
@pytest.mark.parametrize("reasons", [{1}, {2}, {3}, {4}, {1, 4}, {2, 3}])
@pytest.mark.parametrize("before", [QUEUED, *STATES, MISSING])
def test_in_a_mixed_fleet_no_message_that_left_a_reason_is_given_up(
    older: set[int], reasons: set[int], before: RowState
) -> None:
    """Five receives, some by workers that write the text alone; some end with a reason, the others in a crash."""
    stored = before
    for receive in range(1, 6):
        opened = start_attempt_in_batch(row_as_stored(*_columns(stored)), receive, receive == 5)
        stored = _stored(stored, opened.row, by_older=receive in older)
        assert not opened.died_every_time
        if opened.died_before:
            stored = _stored(stored, begun_alone(stored), by_older=receive in older)
        if receive in reasons:
            stored = _stored(stored, TIMED_OUT, by_older=receive in older)


def _columns(row: RowState) -> tuple[Status, AttemptState | None, ErrorCode | None, str | None]:
    return row.status, row.attempt_state, row.error_code, row.error_msg


def _stored(before: RowState, written: RowState, *, by_older: bool) -> RowState:
    """The row after a write: the previous release leaves the two columns as they are."""
    return replace(before, status=written.status, error_msg=written.error_msg) if by_older else written

"""What beginning an attempt writes into a row: nothing stays `processing` for ever."""

from __future__ import annotations

import pytest

from video_analysis.worker_utils.attempts import (
    DIED_EVERY_TIME,
    DIED_IN_A_BATCH,
    LAST_ATTEMPT,
    Opening,
    Status,
    opening,
    opening_in_batch,
)


@pytest.mark.parametrize(
    ("status", "error_msg", "receive_count", "is_last", "wanted"),
    [
        ("queued", None, 1, False, Opening("processing", None)),
        ("processing", None, 2, False, Opening("processing", None)),
        ("processing", "a timeout", 2, False, Opening("processing", "a timeout")),
        ("error", "not there", 3, False, Opening("processing", "not there")),
        ("error", "an earlier life", 1, False, Opening("processing", None)),
        ("queued", None, 1, True, Opening("error", LAST_ATTEMPT)),
        ("processing", None, 1, True, Opening("error", LAST_ATTEMPT)),
        ("queued", None, 5, True, Opening("error", LAST_ATTEMPT)),
        ("processing", "a timeout", 5, True, Opening("error", LAST_ATTEMPT)),
        ("processing", None, 5, True, Opening("error", DIED_EVERY_TIME, died_every_time=True)),
        ("error", LAST_ATTEMPT, 6, True, Opening("error", LAST_ATTEMPT)),
        ("done", None, 1, False, Opening("done", None)),
        ("done", None, 5, True, Opening("done", None)),
    ],
)
def test_what_an_attempt_writes_when_it_begins(
    status: Status, error_msg: str | None, receive_count: int, is_last: bool, wanted: Opening
) -> None:
    assert opening(status, error_msg, receive_count, is_last) == wanted


def test_giving_up_twice_gives_up_the_same_way() -> None:
    first = opening("processing", None, 5, True)
    assert opening(first.status, first.error_msg, 5, True) == first


def test_a_redriven_message_gets_its_new_try_after_the_row_was_given_up() -> None:
    assert opening("error", DIED_EVERY_TIME, 1, False) == Opening("processing", None)


def test_one_that_kills_the_process_takes_none_of_its_batch_into_the_dead_letter_queue() -> None:
    """Ten are received together five times; the first of them kills the process whenever it is worked on."""
    rows: dict[int, tuple[Status, str | None]] = dict.fromkeys(range(10), ("queued", None))
    given_up: set[int] = set()
    for receive in range(1, 6):
        waiting = [number for number, (status, _) in rows.items() if status != "done" and number not in given_up]
        opened = {number: opening_in_batch(*rows[number], receive, receive == 5) for number in waiting}
        rows |= {number: (one.status, one.error_msg) for number, one in opened.items()}
        given_up |= {number for number, one in opened.items() if one.died_every_time}
        together = [number for number, one in opened.items() if not (one.died_before or one.died_every_time)]
        for batch in [together, *([number] for number, one in opened.items() if one.died_before)]:
            if len(batch) == 1 and rows[batch[0]][1] == DIED_IN_A_BATCH:
                rows[batch[0]] = ("processing", None)
            if 0 in batch:
                break
            rows |= dict.fromkeys(batch, ("done", None))
    assert given_up == {0}
    assert {number for number, (status, _) in rows.items() if status == "done"} == set(range(1, 10))

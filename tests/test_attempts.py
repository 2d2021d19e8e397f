"""What beginning an attempt writes into a row: nothing stays `processing` for ever."""

from __future__ import annotations

import pytest

from video_analysis.worker_utils.attempts import DIED_EVERY_TIME, LAST_ATTEMPT, Opening, Status, opening


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

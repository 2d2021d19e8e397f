"""The policy as a table, and what is remembered between messages."""

from __future__ import annotations

import errno
import gc
import weakref
from typing import Any

import numpy as np
import pytest

from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.consumer.backoff import Backoff, jittered
from video_analysis.worker_utils.consumer.failure_cache import DeniedKeys, FailureCache
from video_analysis.worker_utils.consumer.retry_policy import Outcome, RetryPolicy, classify_exception, decide
from video_analysis.worker_utils.errors import (
    BadMessage,
    BadSnapshot,
    BadVideo,
    Cancelled,
    EnvironmentFault,
    Interrupted,
    LeaseLost,
    MissingObject,
    Paused,
    Permanent,
    Transient,
    WorkerError,
)

POLICY = RetryPolicy(transient_delays_s=(30, 90, 270, 810), missing_delays_s=(5, 10, 20, 40))
NO_JITTER = 0.5


def missing(key: str) -> MissingObject:
    return MissingObject("not there", key)


def outcome(failure: WorkerError | None, receive_count: int, jitter: float = NO_JITTER) -> Outcome:
    return decide(failure, receive_count=receive_count, max_receive_count=5, policy=POLICY, jitter=jitter)


FINISHED = Outcome(delete=True)
NOTHING = Outcome()
REFUSED = Outcome(release_after_s=0, record="error", remember=True)


def tried_again(after_s: int) -> Outcome:
    return Outcome(release_after_s=after_s, record="reason")


def looked_for_again(after_s: int) -> Outcome:
    return Outcome(release_after_s=after_s, record="error")


def paused(after_s: int) -> Outcome:
    return Outcome(release_after_s=after_s, record="reason", pause=True)


@pytest.mark.parametrize(
    ("failure", "receive_count", "expected"),
    [
        (None, 1, FINISHED),
        (None, 5, FINISHED),
        (Permanent("x"), 1, REFUSED),
        (BadMessage("x"), 3, REFUSED),
        (BadVideo("x"), 5, REFUSED),
        (BadSnapshot("x"), 2, REFUSED),
        (missing("k"), 1, looked_for_again(5)),
        (missing("k"), 2, looked_for_again(10)),
        (missing("k"), 3, looked_for_again(20)),
        (missing("k"), 4, looked_for_again(40)),
        (missing("k"), 5, looked_for_again(0)),
        (Transient("x"), 1, tried_again(30)),
        (Transient("x"), 2, tried_again(90)),
        (Transient("x"), 3, tried_again(270)),
        (Transient("x"), 4, tried_again(810)),
        (Transient("x"), 5, Outcome(release_after_s=0, record="error")),
        (EnvironmentFault("x"), 1, paused(30)),
        (EnvironmentFault("x"), 4, paused(810)),
        (EnvironmentFault("x"), 5, Outcome(release_after_s=0, record="error", pause=True)),
        (Interrupted("x"), 1, Outcome(release_after_s=0, record="reason")),
        (Interrupted("x"), 5, Outcome(release_after_s=0, record="error")),
        (Paused("x"), 1, Outcome(delete=True, record="reason")),
        (Paused("x"), 5, Outcome(delete=True, record="reason")),
        (Cancelled("x"), 1, Outcome(delete=True, record="error")),
        (Cancelled("x"), 5, Outcome(delete=True, record="error")),
        (LeaseLost("x"), 1, NOTHING),
        (LeaseLost("x"), 5, NOTHING),
        (WorkerError("x"), 1, tried_again(30)),
    ],
)
def test_each_failure_has_its_outcome(failure: WorkerError | None, receive_count: int, expected: Outcome) -> None:
    assert outcome(failure, receive_count) == expected


def test_only_finished_and_stopped_work_is_deleted() -> None:
    failures = [Permanent("x"), missing("k"), Transient("x"), EnvironmentFault("x"), Interrupted("x"), LeaseLost("x")]
    assert not any(outcome(failure, count).delete for failure in failures for count in range(1, 8))


def test_jitter_moves_a_transient_wait_by_a_quarter_and_a_missing_one_not_at_all() -> None:
    assert outcome(Transient("x"), 1, jitter=0.0).release_after_s == 22
    assert outcome(Transient("x"), 1, jitter=0.999).release_after_s == 37
    assert {outcome(missing("k"), 1, jitter).release_after_s for jitter in (0.0, 0.999)} == {5}


def test_four_waits_outlast_a_quarter_of_an_hour_at_the_worst_of_luck() -> None:
    waits = [outcome(Transient("x"), count, jitter=0.0).release_after_s or 0 for count in (1, 2, 3, 4)]
    assert sum(waits) >= 15 * 60


def test_without_a_dead_letter_queue_a_message_is_not_received_again_immediately() -> None:
    for failure in (Permanent("x"), missing("k"), Transient("x"), EnvironmentFault("x")):
        assert outcome(failure, 6).release_after_s == 810


def test_the_outcome_follows_the_configured_delays() -> None:
    config = WorkerConfig()
    assert RetryPolicy(config.transient_delays_s, config.missing_delays_s) == POLICY


def test_an_unexpected_exception_is_transient_and_named() -> None:
    verdict = classify_exception(KeyError("colour"))
    assert (type(verdict), verdict.code) == (Transient, "unexpected")
    assert "KeyError" in str(verdict)
    assert "colour" in str(verdict)


def test_a_full_disk_is_the_environments_fault_wherever_it_shows() -> None:
    full = classify_exception(OSError(errno.ENOSPC, "No space left on device"))
    assert (type(full), full.code) == (EnvironmentFault, "disk_full")
    assert isinstance(classify_exception(OSError(errno.EIO, "Input/output error")), Transient)


def test_a_failure_of_the_taxonomy_is_not_changed() -> None:
    failure = BadVideo("truncated")
    assert classify_exception(failure) is failure


def test_a_failure_is_remembered_until_newer_ones_replace_it() -> None:
    verdicts = FailureCache(limit=2)
    first, second, third = Permanent("1"), Permanent("2"), Permanent("3")
    verdicts.remember("first", first)
    verdicts.remember("second", second)
    assert verdicts.recall("first") is first
    verdicts.remember("third", third)
    assert verdicts.recall("second") is None
    assert (verdicts.recall("first"), verdicts.recall("third")) == (first, third)


def test_a_remembered_failure_keeps_no_picture_in_memory() -> None:
    verdicts = FailureCache(limit=2)

    def refuse() -> weakref.ref[np.ndarray[Any, Any]]:
        picture = np.zeros((640, 640, 3), np.uint8)
        try:
            raise BadSnapshot("no JPEG")
        except BadSnapshot as failure:
            verdicts.remember("bad", failure)
        return weakref.ref(picture)

    picture = refuse()
    gc.collect()
    assert picture() is None
    assert isinstance(verdicts.recall("bad"), BadSnapshot)


def kinds(failures: list[WorkerError | None]) -> list[type | None]:
    return [None if failure is None else type(failure) for failure in failures]


def test_three_different_keys_denied_in_a_row_are_the_environments_fault() -> None:
    denied = DeniedKeys(3)
    assert kinds(denied.apply([missing("a")])) == [MissingObject]
    assert kinds(denied.apply([missing("b")])) == [MissingObject]
    (blamed,) = denied.apply([missing("c")])
    assert isinstance(blamed, EnvironmentFault)
    assert "s3:GetObject" in str(blamed)
    assert blamed.code == "permission_denied"


def test_one_key_denied_over_and_over_is_its_messages_own_failure() -> None:
    denied = DeniedKeys(3)
    assert all(kinds(denied.apply([missing("a")])) == [MissingObject] for _ in range(5))


def test_any_success_ends_a_row_of_denied_keys() -> None:
    denied = DeniedKeys(3)
    denied.apply([missing("a")])
    denied.apply([missing("b")])
    denied.apply([None])
    assert kinds(denied.apply([missing("c")])) == [MissingObject]


def test_a_batch_with_a_success_in_it_shows_that_keys_can_be_read() -> None:
    denied = DeniedKeys(3)
    failures = [missing("a"), missing("b"), missing("c"), None]
    assert kinds(denied.apply(failures)) == [MissingObject, MissingObject, MissingObject, None]


def test_while_the_role_reads_nothing_even_known_keys_are_not_condemned() -> None:
    denied = DeniedKeys(3)
    assert kinds(denied.apply([missing("a"), missing("b"), missing("c")])) == [EnvironmentFault] * 3
    assert kinds(denied.apply([missing("a")])) == [EnvironmentFault]
    assert kinds(denied.apply([BadMessage("x")])) == [BadMessage]
    denied.apply([None])
    assert kinds(denied.apply([missing("a")])) == [MissingObject]


def test_a_backoff_doubles_up_to_its_longest_and_begins_again_after_a_reset() -> None:
    backoff = Backoff(2, 10, jitter=lambda: NO_JITTER)
    assert [backoff.next_s() for _ in range(5)] == [2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next_s() == 2


def test_jitter_is_centred_on_the_wait() -> None:
    assert [jittered(100, jitter) for jitter in (0.0, 0.5, 1.0)] == [75, 100, 125]

"""`ops dlq redrive`: what is moved, what is left, and that it ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from video_analysis.ops.dead_letters import command as dlq
from video_analysis.ops.dead_letters import redrive
from video_analysis.ops.dead_letters.queue import DeadLetter, DeadLetterQueue
from video_analysis.ops.exit_status import CommandError
from video_analysis.tests.support.dead_letter_site import BROKEN, DENIED, RUN, TRUNCATED, Site, replay, task


def test_what_would_fail_again_is_left(letters: Site) -> None:
    dry = letters.dlq("redrive", "--queue", "video", "--dry-run", status=1)
    assert dry.startswith("1 would be moved, 2 left\n")
    assert letters.bodies(letters.live) == []

    printed = letters.dlq("redrive", "--queue", "video", status=1)

    assert printed.startswith("1 moved, 2 left\n")
    assert "1 would fail again with bad_message" in printed
    assert "1 would fail again with truncated" in printed
    assert letters.bodies(letters.live) == [task(DENIED)]
    assert letters.bodies(letters.dead) == sorted([BROKEN, task(TRUNCATED)])


def test_messages_of_another_code_are_not_left(letters: Site) -> None:
    """Status 0: every message that was chosen is moved."""
    printed = letters.dlq("redrive", "--queue", "video", "--code", "truncated", "--force", "--json")
    assert json.loads(printed) == {"moved": 1, "left": {}, "not_chosen": 2, "came_later": 0, "dry_run": False}
    assert letters.bodies(letters.live) == [task(TRUNCATED)]
    printed = letters.dlq("redrive", "--queue", "video", "--code", "bad_message", status=1)
    assert printed.splitlines() == [
        "0 moved, 1 left",
        "      1 would fail again with bad_message",
        "1 not of --code bad_message",
    ]


def test_a_video_that_is_done_is_no_obstacle(letters: Site) -> None:
    letters.sql("UPDATE videos SET status = 'done', error_code = 'damaged'")
    letters.put_raw(TRUNCATED)
    letters.put_raw(DENIED)
    letters.dlq("redrive", "--queue", "video", "--code", "damaged")
    assert letters.bodies(letters.live) == sorted([task(TRUNCATED), task(DENIED)])


@pytest.mark.parametrize(
    ("video", "code"), [("error", "cancelled"), ("queued", "paused"), ("done", "cancelled"), ("done", "paused")]
)
def test_what_an_operator_stopped_is_started_again_only_if_forced(letters: Site, video: str, code: str) -> None:
    """A video that is `done` and was sent again stays `done`."""
    letters.empty()
    letters.insert_video(TRUNCATED, video, None if video == "done" else code)
    letters.insert_run(RUN, code, code, run_type="initial")
    for body in (task(TRUNCATED), replay(RUN, TRUNCATED)):
        letters.send(body)
    printed = letters.dlq("redrive", "--queue", "video", status=1)
    assert printed.splitlines() == ["0 moved, 2 left", f"      2 was {code} by an operator"]
    assert letters.dlq("redrive", "--queue", "video", "--force").startswith("2 moved, 0 left\n")


@pytest.mark.parametrize("clock_is_ahead", [False, True])
def test_messages_that_fail_again_at_once_are_moved_once(
    letters: Site, monkeypatch: pytest.MonkeyPatch, clock_is_ahead: bool
) -> None:
    """As with a running worker, which refuses them: each comes back under a new id. The clocks may differ."""
    move = DeadLetterQueue.move

    def move_and_fail(one: DeadLetterQueue, letter: DeadLetter) -> None:
        move(one, letter)
        letters.send(letter.body)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Ahead:
            return cls.fromtimestamp((datetime.now(UTC) + timedelta(hours=1)).timestamp(), UTC)

    monkeypatch.setattr(DeadLetterQueue, "move", move_and_fail)
    if clock_is_ahead:
        monkeypatch.setattr(redrive, "datetime", Ahead)
    printed = letters.dlq("redrive", "--queue", "video", "--force", "--per-second", "1000", "--json")
    assert json.loads(printed)["moved"] == 3
    assert len(letters.bodies(letters.live)) == len(letters.bodies(letters.dead)) == 3


@pytest.mark.parametrize(
    ("raised", "status", "text"),
    [(KeyboardInterrupt(), 130, "visible within 5 minutes"), (CommandError("sqs:SendMessage"), 2, "sqs:SendMessage")],
)
def test_an_interrupted_redrive_says_how_many_were_moved(
    letters: Site, monkeypatch: pytest.MonkeyPatch, raised: BaseException, status: int, text: str
) -> None:
    move, moved = DeadLetterQueue.move, list[str]()

    def move_one(one: DeadLetterQueue, letter: DeadLetter) -> None:
        if moved:
            raise raised
        moved.append(letter.message_id)
        move(one, letter)

    monkeypatch.setattr(DeadLetterQueue, "move", move_one)
    assert dlq.main(["redrive", "--queue", "video", "--force"]) == status
    printed = letters.capsys.readouterr()
    assert printed.out == "1 moved, 0 left\n"
    assert text in printed.err
    assert len(letters.bodies(letters.dead)) == 2


@pytest.mark.slow
def test_more_messages_than_one_batch_are_moved(letters: Site) -> None:
    for number in range(25):
        letters.send(task(f"33333333-3333-3333-3333-{number:012}"))
    found = json.loads(letters.dlq("redrive", "--queue", "video", "--per-second", "1000", "--json", status=1))
    assert found["moved"] == 26
    assert len(letters.bodies(letters.dead)) == 2

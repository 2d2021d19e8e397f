"""`ops dlq`: dead letters by their causes, and what it needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from video_analysis.ops import aws_clients
from video_analysis.ops.dead_letters import command as dlq
from video_analysis.tests.support import iam
from video_analysis.tests.support.dead_letter_site import DENIED, RUN, TRUNCATED, Site, replay, task
from video_analysis.tests.support.iam import Role
from video_analysis.worker_config import WorkerConfig

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

OF_DLQ = {
    "list": ("GetQueueUrl", "GetQueueAttributes"),
    "show": ("GetQueueUrl", "ReceiveMessage", "ChangeMessageVisibility"),
    "redrive": ("GetQueueUrl", "GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"),
    "purge": ("GetQueueUrl", "PurgeQueue"),
}
"""The permissions on a dead-letter queue, as the help lists them."""


def test_dead_letters_of_three_kinds_are_named_with_their_remedies_without_a_receive(letters: Site) -> None:
    printed = letters.dlq("list", "--queue", "video")
    assert printed.splitlines()[:2] == [
        f"{letters.name}: 3 messages in the queue; `ops dlq show --queue {'video'}` reads them",
        "  2 rows in the database failed, with or without a message in the queue:",
    ]
    assert "      1 truncated: truncated: 4 of 9 bytes (newest " in printed
    assert "fix: Upload the file again, as a new video." in printed
    assert "      1 permission_denied: s3:PutObject on s3://b/k is denied (newest " in printed
    assert "fix: Grant the permission that the text names to the role of the worker." in printed
    answer = letters.sqs.receive_message(QueueUrl=letters.dead, AttributeNames=["All"])
    assert answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_the_messages_of_a_queue_and_the_rows_that_failed_are_two_numbers(letters: Site) -> None:
    letters.empty()
    letters.insert_video(DENIED, "done")
    letters.insert_video(TRUNCATED, "error", "truncated", "truncated: 4 of 9 bytes")
    letters.send(task(DENIED))
    first, second, *_ = letters.dlq("list", "--queue", "video").splitlines()
    assert ": 1 message in the queue" in first
    assert "1 row in the database failed" in second
    found = json.loads(letters.dlq("list", "--queue", "video", "--json"))
    assert (found["messages"], [group["code"] for group in found["failed"]]) == (1, ["truncated"])
    letters.sql("DELETE FROM videos")
    assert len(letters.dlq("list", "--queue", "video").splitlines()) == 1


def test_each_message_is_shown_with_its_cause_and_stays(letters: Site) -> None:
    assert {one["code"]: one["would_fail_again"] for one in letters.shown()} == {
        "bad_message": True,
        "truncated": True,
        "permission_denied": False,
    }
    assert len(letters.bodies(letters.dead)) == 3
    printed = letters.dlq("show", "--queue", "video", "--limit", "3")
    assert "row: none; would fail again with bad_message" in printed
    assert "row: error; may be redriven" in printed


def test_a_shown_message_has_its_remedy_and_an_empty_body_is_named(letters: Site) -> None:
    remedies = {one["code"]: one["remedy"] for one in letters.shown()}
    assert remedies["truncated"] == "Upload the file again, as a new video."
    letters.empty()
    letters.send(" ")
    assert letters.dlq("show", "--queue", "video").splitlines()[4] == "  (the body is empty)"


def test_a_message_whose_work_is_done_says_so(letters: Site) -> None:
    letters.sql("UPDATE videos SET status = 'done', error_code = NULL, error_msg = NULL")
    letters.put_raw(TRUNCATED)
    letters.put_raw(DENIED)
    done = [one for one in letters.shown() if one["status"] == "done"]
    assert [(one["code"], one["refusal"]) for one in done] == [(None, None)] * 2
    assert "After `ops dlq redrive` a worker repeats the work and deletes the message" in done[0]["remedy"]
    assert "`ops dlq purge` deletes it" in done[0]["remedy"]
    printed = letters.dlq("show", "--queue", "video")
    assert "already done: the video is done, and no run of it has failed since" in printed
    assert "no code" not in printed


def test_a_message_whose_work_goes_on_does_not_claim_a_failure(letters: Site) -> None:
    letters.sql("UPDATE videos SET status = 'processing', error_code = NULL, error_msg = NULL")
    assert "no code: its row has no failure: the work is processing" in letters.dlq("show", "--queue", "video")


def test_a_video_without_a_row_has_the_code_of_its_run(letters: Site) -> None:
    letters.sql("DELETE FROM videos")
    letters.insert_run(RUN, "failed", "empty_file", run_type="initial")
    assert "1 empty_file: why empty_file" in letters.dlq("list", "--queue", "video")
    assert {one["code"] for one in letters.shown()} == {"bad_message", "empty_file", None}


@pytest.mark.parametrize("overrides", [None, "{}"])
def test_a_replay_that_failed_has_the_code_of_its_run_though_the_video_is_done(
    letters: Site, overrides: str | None
) -> None:
    """Overrides are those of an operator's replay; a worker begins one for a video that is sent again."""
    letters.empty()
    letters.insert_video(TRUNCATED, "done")
    letters.insert_run(RUN, "failed", "inference_failed", overrides=overrides)
    letters.send(task(TRUNCATED) if overrides is None else replay(RUN, TRUNCATED))
    (shown,) = letters.shown()
    assert (shown["status"], shown["code"], shown["would_fail_again"]) == ("failed", "inference_failed", True)
    assert "1 inference_failed: why inference_failed" in letters.dlq("list", "--queue", "video")
    letters.dlq("redrive", "--queue", "video", status=1)
    assert letters.bodies(letters.live) == []


def test_a_replay_that_failed_is_not_the_cause_of_another_message_of_its_video(letters: Site) -> None:
    letters.insert_run(RUN, "failed", "inference_failed", overrides="{}")
    assert {one["code"] for one in letters.shown()} == {"bad_message", "truncated", "permission_denied"}


def test_a_replay_without_a_row_says_so(letters: Site) -> None:
    letters.empty()
    letters.send(replay(RUN, TRUNCATED))
    (shown,) = letters.shown()
    assert (shown["code"], shown["refusal"]) == ("no_run_row", None)
    assert RUN in shown["text"]


def test_a_failed_replay_is_no_longer_listed_once_a_newer_run_is_completed(letters: Site) -> None:
    letters.sql("DELETE FROM videos")
    letters.insert_run(RUN, "failed", "inference_failed", overrides="{}")
    letters.insert_run(RUN.replace("4", "5"), "completed", overrides="{}")
    assert "inference_failed" not in letters.dlq("list", "--queue", "video")


def test_a_snapshot_has_the_code_of_its_row(letters: Site) -> None:
    letters.empty()
    letters.insert_snapshot("error", "wrong_size", "is 2×2")
    assert "1 wrong_size: is 2" in letters.dlq("list", "--queue", "snapshot")
    (shown,) = letters.shown("snapshot")
    assert (shown["code"], shown["status"], shown["would_fail_again"]) == ("wrong_size", "error", True)


def test_a_classified_snapshot_whose_object_expired_would_fail_again(letters: Site) -> None:
    letters.empty()
    uri = letters.insert_snapshot("done")
    (shown,) = letters.shown("snapshot")
    assert (shown["code"], shown["would_fail_again"]) == ("snapshot_expired", True)
    assert f"{uri} does not exist" in shown["text"]
    assert "no longer needed" in shown["remedy"]
    assert "would fail again with snapshot_expired" in letters.dlq("redrive", "--queue", "snapshot", status=1)
    letters.put(uri.key)
    (shown,) = letters.shown("snapshot")
    assert (shown["code"], shown["refusal"]) == (None, None)
    assert letters.dlq("redrive", "--queue", "snapshot").startswith("1 moved, 0 left\n")


def test_a_video_that_is_done_and_whose_file_was_deleted_would_fail_again(letters: Site) -> None:
    letters.sql("UPDATE videos SET status = 'done', error_code = NULL, error_msg = NULL")
    letters.put_raw(DENIED)
    assert {one["code"] for one in letters.shown()} == {"bad_message", "missing_object", None}
    letters.dlq("redrive", "--queue", "video", status=1)
    assert letters.bodies(letters.live) == [task(DENIED)]


def test_an_object_that_may_not_be_read_counts_as_deleted(letters: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    letters.empty()
    uri = letters.insert_snapshot("done")
    letters.put(uri.key)
    role = Role([{"Sid": "Queue", "Action": [f"sqs:{name}" for name in OF_DLQ["show"]], "Resource": "*"}])
    monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    (shown,) = letters.shown("snapshot")
    assert "does not exist, or s3:GetObject on it is denied to you" in shown["text"]
    assert shown["would_fail_again"]


@pytest.mark.parametrize("command", OF_DLQ)
def test_each_command_needs_the_permissions_of_the_help(
    letters: Site, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    dead, live = f"arn:aws:sqs:*:{letters.name}", f"arn:aws:sqs:*:{letters.name.removesuffix('-dlq')}"
    letters.sql("UPDATE videos SET status = 'done' WHERE id = %s", DENIED)
    letters.put_raw(DENIED)
    statements = [{"Sid": "Dead", "Action": [f"sqs:{name}" for name in OF_DLQ[command]], "Resource": dead}]
    if command in ("show", "redrive"):  # the emulated IAM names the operation; on AWS it is s3:GetObject
        statements.append({"Sid": "Objects", "Action": ["s3:HeadObject"], "Resource": "*"})
    if command == "redrive":
        statements.append({"Sid": "Live", "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"], "Resource": live})
    role = Role(statements)
    monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    arguments = (letters.name, "--yes", letters.name) if command == "purge" else ("--queue", "video")
    letters.dlq(command, *arguments, status=1 if command == "redrive" else 0)
    assert role.refused == set()
    assert role.used == {(one["Sid"], action) for one in statements for action in iam.actions(one)}


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue"])
def test_a_message_that_became_visible_by_itself_needs_no_release(
    letters: Site, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """As after a redrive that took longer than messages are hidden."""
    connect = aws_clients.sqs

    def refuse(**_: object) -> None:
        raise iam.refusal("ChangeMessageVisibility", code)

    def connected(config: WorkerConfig) -> SQSClient:
        client = connect(config)
        client.meta.events.register("provide-client-params.sqs.ChangeMessageVisibility", refuse)
        return client

    monkeypatch.setattr(aws_clients, "sqs", connected)
    assert letters.dlq("redrive", "--queue", "video", status=1).startswith("1 moved, 2 left\n")


def test_a_purge_needs_the_name_of_the_queue(letters: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no dead-letter queue" in letters.dlq("purge", letters.name.removesuffix("-dlq"), "--yes", "x", status=2)
    assert f"--yes {letters.name}" in letters.dlq("purge", letters.name, status=2)
    assert "is not" in letters.dlq("purge", letters.name, "--yes", "yes", status=2)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    assert "nothing was deleted" in letters.dlq("purge", letters.name, status=2)
    assert "Delete 3 messages" in asked[0]
    assert len(letters.bodies(letters.dead)) == 3
    monkeypatch.setattr("builtins.input", lambda _: letters.name)
    assert "all messages are deleted" in letters.dlq("purge", letters.name)
    assert letters.bodies(letters.dead) == []


@pytest.mark.parametrize(("raised", "status"), [(EOFError, 2), (KeyboardInterrupt, 130)])
def test_a_purge_that_is_not_confirmed_deletes_nothing_and_says_so(
    letters: Site, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], status: int
) -> None:
    def ended(_: str) -> str:
        raise raised

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", ended)
    assert dlq.main(["purge", letters.name]) == status
    assert "nothing was deleted" in letters.capsys.readouterr().err
    assert len(letters.bodies(letters.dead)) == 3

"""`ops dlq`: dead letters by their causes, and what may be sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from video_analysis.ops.dead_letters import command as dlq
from video_analysis.ops.dead_letters import queue
from video_analysis.tests.support.video_bench import TASK, WORKSPACE
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

TRUNCATED = "11111111-1111-1111-1111-111111111111"
DENIED = "22222222-2222-2222-2222-222222222222"
BROKEN = json.dumps({"event": "PROCESS_VIDEO", "video_id": TRUNCATED})


def task(video_id: str) -> str:
    return json.dumps(TASK).replace(str(TASK["video_id"]), video_id)


@dataclass
class Site:
    """Three dead letters of three kinds: one that breaks the contract, a truncated file, and a missing permission."""

    sqs: SQSClient
    live: str
    dead: str
    name: str
    bucket: str
    sql: Callable[..., list[dict[str, object]]]
    capsys: pytest.CaptureFixture[str]

    def dlq(self, *arguments: str, status: int = 0) -> str:
        """What the command prints; its error with status 2."""
        assert dlq.main(arguments) == status
        found = self.capsys.readouterr()
        return found.err if status == 2 else found.out

    def bodies(self, url: str) -> list[str]:
        """The visible messages, which stay visible."""
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return sorted(one["Body"] for one in answer.get("Messages", []))


@pytest.fixture
def site(
    sqs: SQSClient,
    ops_queue_url: str,
    queue_name: str,
    bucket: str,
    sql: Callable[..., list[dict[str, object]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Site:
    monkeypatch.setattr(queue, "WAIT_S", 0)  # the emulator has one server: an empty answer is an empty queue
    dead = sqs.get_queue_url(QueueName=f"{queue_name}-dlq")["QueueUrl"]
    for body in (BROKEN, task(TRUNCATED), task(DENIED)):
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    for video_id, code, text in (
        (TRUNCATED, "truncated", "truncated: 4 of 9 bytes"),
        (DENIED, "permission_denied", "s3:PutObject on s3://b/k is denied"),
    ):
        sql(
            "INSERT INTO videos (id, workspace_id, status, error_code, error_msg) VALUES (%s, %s, 'error', %s, %s)",
            *(video_id, WORKSPACE, code, text),
        )
    return Site(sqs, ops_queue_url, dead, f"{queue_name}-dlq", bucket, sql, capsys)


def test_dead_letters_of_three_kinds_are_named_with_their_remedies_without_a_receive(site: Site) -> None:
    printed = site.dlq("list", "--queue", "video")
    assert printed.splitlines()[0] == f"{site.name}: 3 messages"
    assert "      1 truncated: truncated: 4 of 9 bytes (newest " in printed
    assert "fix: Upload the file again, as a new video." in printed
    assert "      1 permission_denied: s3:PutObject on s3://b/k is denied (newest " in printed
    assert "fix: Grant the permission that the text names to the role of the worker." in printed
    assert f"      1 without a row that failed: `ops dlq show --queue {'video'}` names the cause" in printed
    answer = site.sqs.receive_message(QueueUrl=site.dead, AttributeNames=["All"])
    assert answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_each_message_is_shown_with_its_cause_and_stays(site: Site) -> None:
    shown = [json.loads(line) for line in site.dlq("show", "--queue", "video", "--json").splitlines()]
    assert {one["code"]: one["would_fail_again"] for one in shown} == {
        "bad_message": True,
        "truncated": True,
        "permission_denied": False,
    }
    assert len(site.bodies(site.dead)) == 3
    printed = site.dlq("show", "--queue", "video", "--limit", "3")
    assert "row: none; would fail again" in printed
    assert "row: error; may be redriven" in printed


def test_what_would_fail_again_is_left(site: Site) -> None:
    dry = site.dlq("redrive", "--queue", "video", "--dry-run", status=1)
    assert dry.startswith("1 would be moved, 2 left\n")
    assert site.bodies(site.live) == []

    printed = site.dlq("redrive", "--queue", "video", status=1)

    assert printed.startswith("1 moved, 2 left\n")
    assert "1 would fail again with bad_message" in printed
    assert "1 would fail again with truncated" in printed
    assert site.bodies(site.live) == [task(DENIED)]
    assert site.bodies(site.dead) == sorted([BROKEN, task(TRUNCATED)])


def test_force_and_a_code_choose_the_messages(site: Site) -> None:
    printed = site.dlq("redrive", "--queue", "video", "--code", "truncated", "--force", "--json", status=1)
    assert json.loads(printed) == {"moved": 1, "left": {"not of --code truncated": 2}, "dry_run": False}
    assert site.bodies(site.live) == [task(TRUNCATED)]


def test_a_row_that_is_done_is_no_obstacle(site: Site) -> None:
    site.sql("UPDATE videos SET status = 'done', error_code = 'damaged'")
    site.dlq("redrive", "--queue", "video", "--code", "damaged", status=1)
    assert site.bodies(site.live) == sorted([task(TRUNCATED), task(DENIED)])


@pytest.mark.slow
def test_more_messages_than_one_batch_are_moved(site: Site) -> None:
    for number in range(25):
        site.sqs.send_message(QueueUrl=site.dead, MessageBody=task(f"33333333-3333-3333-3333-{number:012}"))
    found = json.loads(site.dlq("redrive", "--queue", "video", "--per-second", "1000", "--json", status=1))
    assert found["moved"] == 26
    assert len(site.bodies(site.dead)) == 2


def test_a_video_without_a_row_has_the_code_of_its_run(site: Site) -> None:
    site.sql("DELETE FROM videos")
    site.sql(
        "INSERT INTO video_runs (video_id, workspace_id, run_type, root_run_id, status, error_code, error_msg)"
        " VALUES (%s, %s, 'initial', %s, 'failed', 'empty_file', 'empty file')",
        *(TRUNCATED, WORKSPACE, TRUNCATED),
    )
    assert "1 empty_file: empty file" in site.dlq("list", "--queue", "video")
    shown = [json.loads(line) for line in site.dlq("show", "--queue", "video", "--json").splitlines()]
    assert {one["code"] for one in shown} == {"bad_message", "empty_file", None}


def test_a_snapshot_has_the_code_of_its_row(site: Site) -> None:
    site.sqs.purge_queue(QueueUrl=site.dead)
    uri = SnapshotUri(site.bucket, WORKSPACE, DENIED, "CTX1005", "CAM1", 1, 40)
    site.sql(
        "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id, snapshot_s3_key,"
        " detected_in_ms, yolo_type, status, error_code, error_msg)"
        " VALUES (%s, %s, 'CTX1005', 'CAM1', 1, %s, 40, 'Car', 'error', 'wrong_size', 'is 2×2')",
        *(WORKSPACE, DENIED, str(uri)),
    )
    site.sqs.send_message(QueueUrl=site.dead, MessageBody=snapshot_ready(uri, None, "Car").to_json())
    assert "1 wrong_size: is 2" in site.dlq("list", "--queue", "snapshot")
    (shown,) = [json.loads(line) for line in site.dlq("show", "--queue", "snapshot", "--json").splitlines()]
    assert (shown["code"], shown["status"], shown["would_fail_again"]) == ("wrong_size", "error", True)


def test_a_purge_needs_the_name_of_the_queue(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no dead-letter queue" in site.dlq("purge", site.name.removesuffix("-dlq"), "--yes", "x", status=2)
    assert f"--yes {site.name}" in site.dlq("purge", site.name, status=2)
    assert "is not" in site.dlq("purge", site.name, "--yes", "yes", status=2)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    assert "nothing was deleted" in site.dlq("purge", site.name, status=2)
    assert "Delete 3 messages" in asked[0]
    assert len(site.bodies(site.dead)) == 3
    monkeypatch.setattr("builtins.input", lambda _: site.name)
    assert "all messages are deleted" in site.dlq("purge", site.name)
    assert site.bodies(site.dead) == []

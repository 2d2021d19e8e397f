"""`ops queues` shows how much work waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
import pytest

from video_analysis.ops import queues
from video_analysis.tests.support import iam, queue_age
from video_analysis.tests.support.iam import Role
from video_analysis.tests.support.video_bench import VIDEO, WORKSPACE

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.slow

Sql = Callable[..., list[dict[str, object]]]


def states(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert queues.main(["--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_work_is_in_minutes_by_recent_runs(
    sqs: SQSClient, ops_queue_url: str, queue_name: str, sql: Sql, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        sqs.send_message(QueueUrl=ops_queue_url, MessageBody="{}")
    sqs.receive_message(QueueUrl=ops_queue_url)
    assert states(capsys)[0] == {
        "queue": queue_name, "waiting": 2, "in_flight": 1, "oldest_s": None, "minutes": None
    }  # fmt: skip
    for minutes in (2, 4):
        sql(
            "INSERT INTO video_runs (video_id, workspace_id, run_type, root_run_id, status, attempts, started_at,"
            " completed_at) VALUES (%s, %s, 'initial', %s, 'completed', 1, now() - make_interval(mins => %s), now())",
            *(VIDEO, WORKSPACE, VIDEO, minutes),
        )
    assert queues.main([]) == 0
    heading, first, dead, *_ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["queue", "waiting", "in", "flight", "oldest", "minutes", "of", "work"]
    assert first.split()[:3] == [queue_name, "2", "1"]
    assert dead.split() == [f"{queue_name}-dlq", "0", "0", "-", "-"]


def test_the_age_of_the_oldest_message_is_that_of_cloudwatch(
    ops_queue_url: str, queue_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    queue_age.store(queue_name, 90)
    assert states(capsys)[0]["oldest_s"] == 90
    assert queues.main([]) == 0
    assert "0:01:30" in capsys.readouterr().out


def test_without_the_permission_of_cloudwatch_the_rest_is_shown(
    ops_queue_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    role = Role([{"Sid": "Read", "Action": ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], "Resource": "*"}])
    monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    monkeypatch.setattr(iam, "resource", lambda params: "any")
    assert queues.main([]) == 0
    found = capsys.readouterr()
    assert found.err.startswith("queues: no ages: cloudwatch:GetMetricStatistics on ")
    assert found.err.count("\n") == 1
    assert found.out.splitlines()[1].split()[1:4] == ["0", "0", "-"]


@pytest.mark.parametrize("as_json", [True, False])
def test_while_the_database_is_down_the_messages_are_counted(
    as_json: bool, sqs: SQSClient, ops_queue_url: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    sqs.send_message(QueueUrl=ops_queue_url, MessageBody="{}")
    monkeypatch.setenv("CVITX_DATABASE_URL", "postgresql://cvitx:secret@127.0.0.1:1/cvitx")
    assert queues.main(["--json"] if as_json else []) == 0
    found = capsys.readouterr()
    (last,) = found.err.splitlines()
    assert last.startswith("queues: no minutes: database cannot be reached")
    assert "secret" not in found.err
    if as_json:
        first = json.loads(found.out.splitlines()[0])
        assert (first["waiting"], first["minutes"]) == (1, None)
    else:
        assert found.out.splitlines()[1].split()[1:] == ["1", "0", "-", "-"]


def test_while_cloudwatch_does_not_answer_the_messages_are_counted(
    ops_queue_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:1")
    assert queues.main(["--json"]) == 0
    found = capsys.readouterr()
    assert [json.loads(line)["oldest_s"] for line in found.out.splitlines()] == [None] * 4
    assert found.err.startswith("queues: no ages: cloudwatch:GetMetricStatistics")


def test_a_missing_queue_is_named_with_the_remedy(
    ops_queue_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CVITX_VIDEO_QUEUE", "there-is-no-such-queue")
    assert queues.main([]) == 2
    assert "`ops setup --only queues`" in capsys.readouterr().err

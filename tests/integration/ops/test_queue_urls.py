"""A queue setting that is a URL is used as it is by every command, as by the workers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from video_analysis.ops import __main__ as ops
from video_analysis.ops import queues
from video_analysis.ops.setup import queues as queue_setup
from video_analysis.tests.support import queue_age

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ELSEWHERE = "https://sqs.us-east-1.amazonaws.com/999999999999/"


class Calls(list[str]):
    """The URLs and names of queues in the calls of SQS."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        session = boto3.Session

        def recorded(*arguments: Any, **named: Any) -> boto3.Session:
            created = session(*arguments, **named)
            created.events.register("provide-client-params.sqs", self._record)
            return created

        monkeypatch.setattr(boto3, "Session", recorded)

    def _record(self, params: Any, **_: Any) -> None:
        self.append(params.get("QueueUrl") or params["QueueName"])


@pytest.fixture
def url(ops_queue_url: str, queue_name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both queues are a URL of another account and region. moto serves every URL by its name."""
    monkeypatch.setenv("CVITX_VIDEO_QUEUE", f"{ELSEWHERE}{queue_name}")
    monkeypatch.setenv("CVITX_SNAPSHOT_QUEUE", f"{ELSEWHERE}{queue_name}")
    return f"{ELSEWHERE}{queue_name}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["dlq", "list"], 0),
        (["dlq", "show"], 0),
        (["dlq", "redrive"], 0),
        (["doctor", "--only", "permissions"], 0),
        (["doctor", "--only", "aws"], 1),
        (["setup", "--only", "queues", "--dry-run"], 1),
    ],
)
def test_every_command_uses_the_url(
    arguments: list[str], status: int, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    assert ops.main(arguments) == status
    assert set(calls) <= {url, f"{url}-dlq"}
    assert url in calls or f"{url}-dlq" in calls


def test_depths_are_those_of_the_url_and_ages_are_not_those_of_another_queue(
    url: str, queue_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue_age.store(queue_name, 90)
    calls = Calls(monkeypatch)
    assert queues.main(["--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["oldest_s"] for one in found] == [None] * 4
    assert [one["queue"] for one in found] == [queue_name, f"{queue_name}-dlq"] * 2
    assert {url, f"{url}-dlq"} <= set(calls)


def test_setup_changes_no_queue_of_another_account(
    url: str, sqs: SQSClient, ops_queue_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs.set_queue_attributes(QueueUrl=ops_queue_url, Attributes={"VisibilityTimeout": "30"})
    assert ops.main(["setup", "--only", "queues"]) == 2
    refused = capsys.readouterr().err
    assert (
        f"{url} is a queue of us-east-1, and setup changes those of ap-southeast-2; run it with CVITX_REGION" in refused
    )
    assert "to names" in refused
    found = sqs.get_queue_attributes(QueueUrl=ops_queue_url, AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"]["VisibilityTimeout"] == "30"


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
@pytest.mark.parametrize("place", [ELSEWHERE, "https://sqs.ap-southeast-2.amazonaws.com/999999999999/"])
def test_setup_creates_no_queue_for_a_url_of_another_account(
    place: str, dry_run: list[str], url: str, sqs: SQSClient, queue_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVITX_VIDEO_QUEUE", f"{place}{queue_name}-new")
    assert ops.main(["setup", "--only", "queues", *dry_run]) == 2
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=f"{queue_name}-new")


def test_setup_creates_the_queue_of_a_url_of_its_own_account(
    ops_queue_url: str, sqs: SQSClient, queue_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = f"{ops_queue_url}-new"
    monkeypatch.setenv("CVITX_VIDEO_QUEUE", new)
    assert ops.main(["setup", "--only", "queues"]) == 0
    assert set(sqs.list_queues(QueueNamePrefix=f"{queue_name}-new")["QueueUrls"]) == {new, f"{new}-dlq"}


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://sqs.us-east-1.amazonaws.com/999999999999/q", ("us-east-1", "999999999999")),
        ("https://us-east-1.queue.amazonaws.com/999999999999/q", ("us-east-1", "999999999999")),
        ("https://vpce-1-a.sqs.ap-southeast-2.vpce.amazonaws.com/123456789012/q", ("ap-southeast-2", "123456789012")),
        ("http://127.0.0.1:4566/123456789012/q", (None, "123456789012")),
        ("http://localhost:4566/q", (None, None)),
    ],
)
def test_region_and_account_are_those_of_the_url(url: str, home: tuple[str | None, str | None]) -> None:
    assert queue_setup._home_of(url) == home

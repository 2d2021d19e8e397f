"""The SQS adapter over the wire protocol; what the server cannot do is injected by botocore's own event hooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from video_analysis.devstack import provision, services
from video_analysis.tests.support.queue_harness import CONFIG, answer, connect
from video_analysis.worker_utils.aws.errors import Denied, NoSuchQueue
from video_analysis.worker_utils.aws.sqs import Publisher
from video_analysis.worker_utils.errors import EnvironmentFault, LeaseLost, Permanent, Transient, WorkerError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def url(sqs: SQSClient, queue_name: str) -> str:
    live, _ = provision.queue(sqs, queue_name, CONFIG)
    return live


def test_a_message_is_received_with_its_count_and_hidden_while_it_is_worked_on(sqs: SQSClient, url: str) -> None:
    body = json.dumps({"plate": "NBC 1234 – Ñ", "lines": "a\nb\tc"})
    message_id = sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"]
    queue = connect(url)
    (received,) = queue.receive(10)
    assert (received.message_id, received.body, received.receive_count) == (message_id, body, 1)
    assert queue.receive(10) == []
    queue.release(received.receipt_handle, 0)
    (again,) = queue.receive(10)
    assert again.receive_count == 2


def test_no_more_is_received_than_asked_for(sqs: SQSClient, url: str) -> None:
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    queue = connect(url)
    assert len(queue.receive(1)) == 1
    assert len(queue.receive(10)) == 2


def test_a_deleted_message_does_not_come_back(sqs: SQSClient, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x")
    queue = connect(url)
    (received,) = queue.receive(1)
    queue.delete(received.receipt_handle)
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert answer["ApproximateNumberOfMessages"] == answer["ApproximateNumberOfMessagesNotVisible"] == "0"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDeniedException", Denied),
        (403, "ExpiredTokenException", EnvironmentFault),
        (403, "InvalidClientTokenId", EnvironmentFault),
        (400, "AWS.SimpleQueueService.NonExistentQueue", NoSuchQueue),
        (400, "RequestThrottled", Transient),
        (403, "ThrottlingException", Transient),
        (400, "OverLimit", Transient),
        (500, "InternalError", Transient),
        (503, "ServiceUnavailable", Transient),
        (400, "InvalidAddress", EnvironmentFault),
    ],
)
def test_each_answer_of_sqs_is_a_fault_of_the_taxonomy(
    url: str, status: int, code: str, expected: type[WorkerError]
) -> None:
    queue = connect(url)
    attempts = answer(queue.receiver, "ReceiveMessage", status, code)
    with pytest.raises(expected) as caught:
        queue.receive(1)
    assert type(caught.value) is expected
    assert "sqs:ReceiveMessage" in str(caught.value) or expected is NoSuchQueue
    assert len(attempts) == 1, "a repeated receive could hide what the first one had got"


def test_a_hiccup_is_tried_again_before_it_is_a_failure(sqs: SQSClient, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x")
    queue = connect(url)
    (received,) = queue.receive(1)
    attempts = answer(queue.client, "DeleteMessage", 503, "ServiceUnavailable")
    with pytest.raises(Transient):
        queue.delete(received.receipt_handle)
    assert len(attempts) == 3


def test_no_credentials_are_the_environments_fault(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(EnvironmentFault, match="credentials"):
        connect(url).receive(1)


def test_a_server_that_is_not_there_is_transient(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{services.free_port()}")
    with pytest.raises(Transient, match="Could not connect"):
        connect("http://127.0.0.1/queue").receive(1)


def test_a_handle_sqs_does_not_know_is_a_lost_lease(url: str) -> None:
    queue = connect(url)
    with pytest.raises(LeaseLost):
        queue.delete("stale")
    with pytest.raises(LeaseLost):
        queue.release("stale", 0)


def test_extensions_are_answered_one_by_one(sqs: SQSClient, url: str) -> None:
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    queue = connect(url)
    handles = [message.receipt_handle for _ in range(2) for message in queue.receive(10)]
    answers = queue.extend({**dict.fromkeys(handles, 30), "stale": 30})
    assert len(handles) == 12
    assert answers == {**dict.fromkeys(handles, "extended"), "stale": "lost"}


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("MessageNotInflight", "", "lost"),
        ("InvalidParameterValue", "Reason: Message does not exist or is not available", "lost"),
        ("InvalidParameterValue", "Reason: Total VisibilityTimeout for the message is beyond the limit", "failed"),
        ("InternalError", "", "failed"),
    ],
)
def test_only_a_refused_handle_is_a_lost_one(url: str, code: str, text: str, expected: str) -> None:
    queue = connect(url)

    def refuse(parsed: dict[str, Any], **_: Any) -> None:
        failure = {"Id": "0", "SenderFault": True, "Code": f"AWS.SimpleQueueService.{code}", "Message": text}
        parsed.update(Successful=[], Failed=[failure])

    queue.client.meta.events.register("after-call.sqs.ChangeMessageVisibilityBatch", refuse)
    assert queue.extend({"handle": 30}) == {"handle": expected}


def test_what_is_published_is_received_whole(sqs: SQSClient, url: str, queue_name: str) -> None:
    body = json.dumps({"text": "Ñ – 車" * 1000}, ensure_ascii=False)
    Publisher(boto3.Session(), queue_name, region=CONFIG.region).send(body)
    (received,) = connect(url).receive(1)
    assert received.body == body


def test_a_body_sqs_does_not_take_is_the_messages_own_failure(url: str) -> None:
    publisher = Publisher(boto3.Session(), url, region=CONFIG.region)
    answer(publisher.client, "SendMessage", 400, "InvalidMessageContents")
    with pytest.raises(Permanent):
        publisher.send("x")


def test_a_send_that_is_denied_names_the_permission(url: str) -> None:
    publisher = Publisher(boto3.Session(), url, region=CONFIG.region)
    answer(publisher.client, "SendMessage", 403, "AccessDenied")
    with pytest.raises(Denied, match="sqs:SendMessage"):
        publisher.send("x")

"""The emulated SQS under concurrent calls, as main_worker makes them, and the emulated S3."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.sqs import models

from video_analysis.devstack import aws_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PATIENCE_S = 10


def test_two_deletions_at_the_same_time_do_not_lose_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.Queue, "delete_message", models.Queue.delete_message)  # restored after the test
    aws_server.serialise_deletions()
    entered, proceed = threading.Event(), threading.Event()

    class SlowMessage(models.Message):  # type: ignore[misc]  # moto is not typed here
        """Its deletion is in progress from `entered` to `proceed`."""

        def had_receipt_handle(self, receipt_handle: str) -> bool:
            entered.set()
            assert proceed.wait(PATIENCE_S)
            return bool(super().had_receipt_handle(receipt_handle))

    queue = models.Queue("tasks", "ap-southeast-2", "123456789012")
    for message in (models.Message("1", "first"), SlowMessage("2", "second")):
        message.mark_received(30)
        queue.add_message(message)
    first, second = queue._messages
    deletions = [
        threading.Thread(target=queue.delete_message, args=[one.receipt_handle], daemon=True) for one in (second, first)
    ]
    deletions[0].start()
    assert entered.wait(PATIENCE_S)
    deletions[1].start()
    deletions[1].join(0.2)  # without the lock it would end here, and the other deletion would undo it
    proceed.set()
    for deletion in deletions:
        deletion.join(PATIENCE_S)
    assert queue._messages == []


def test_lifecycle_rules_are_returned_as_they_were_stored(s3: S3Client, bucket: str) -> None:
    chosen = {"And": {"Prefix": "a/", "ObjectSizeLessThan": 5}}
    rules: Any = {"Rules": [{"ID": "small", "Status": "Enabled", "Expiration": {"Days": 3}, "Filter": chosen}]}
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules["Rules"]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)

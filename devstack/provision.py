"""Create what the workers need before they start: bucket, queues with dead-letter queues, tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg2

from video_analysis.ops.setup import queues
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


def bucket(s3: S3Client, config: WorkerConfig) -> None:
    """Create the bucket in the configured region."""
    s3.create_bucket(
        Bucket=config.s3_bucket,
        CreateBucketConfiguration={"LocationConstraint": config.region},  # type: ignore[typeddict-item]
    )


def queue(sqs: SQSClient, name: str, config: WorkerConfig) -> tuple[str, str]:
    """Create a queue and its dead-letter queue with the contract's attributes; returns both URLs."""
    kept: Any = queues.dead_letter_attributes(config)
    dead = sqs.create_queue(QueueName=queues.dead_letter_queue(name), Attributes=kept)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": config.max_receive_count})
    attributes: Any = {**queues.attributes(config), queues.REDRIVE: redrive}
    live = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return live, dead


def tables(database_url: str) -> None:
    """Create the tables; existing ones are not changed."""
    statements = (PACKAGE_FOLDER / "schemas" / "database.sql").read_text("utf-8")
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statements)
    finally:
        connection.close()

"""The age of the oldest message of a queue, as SQS reports it to CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3

from video_analysis.ops import queues


def store(queue_name: str, age_s: float) -> None:
    """Store the age as CloudWatch's newest value of this queue."""
    metric = {
        "MetricName": queues.AGE,
        "Dimensions": [{"Name": "QueueName", "Value": queue_name}],
        "Timestamp": datetime.now(UTC),
        "Value": age_s,
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[metric])

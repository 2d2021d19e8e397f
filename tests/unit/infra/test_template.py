"""infra/template.yaml: clean, equal to the documented set-up, and its policies allow nothing else."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest

from video_analysis.tests.support import doc_examples, iam
from video_analysis.tests.support.cloudformation import PSEUDO, Stack
from video_analysis.worker_config import WorkerConfig

CONFIG = WorkerConfig()
REGION, ACCOUNT = PSEUDO["AWS::Region"], PSEUDO["AWS::AccountId"]
WITHOUT_OPTIONS = Stack(WithCheckpoints="false")
HOSTS = {"YoloImageId": "ami-1", "MainImageId": "ami-2", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
COMPLETE = Stack(
    ModelStoreBucket="models", DatabasePasswordParameter="/cvitx/password", ReleaseUri="s3://models/cvitx/r", **HOSTS
)
OPTIONAL = {
    "YoloWorkerRole": ["KeepCheckpoints", "ReadModels", "ReadDatabasePassword"],
    "MainWorkerRole": ["ReadModels", "ReadDatabasePassword"],
}
DOCUMENTED = dict(
    zip(("YoloWorkerRole", "MainWorkerRole", "ApiPolicy"), doc_examples.documents("Version"), strict=True)
)
SERVICES = ("s3", "sqs", "ssm", "iam", "sts", "ec2", "autoscaling", "secretsmanager", "kms", "logs", "cloudformation")
BUCKET = f"arn:aws:s3:::{CONFIG.s3_bucket}"
QUEUES = f"arn:aws:sqs:{REGION}:{ACCOUNT}"
RESOURCES = {
    "raw": f"{BUCKET}/demo_user/w/v/raw/a.mp4",
    "snapshot": f"{BUCKET}/demo_user/w/v/snapshots/a.jpg",
    "output": f"{BUCKET}/demo_user/w/v/outputs/a.mp4",
    "checkpoint": f"{BUCKET}/runs/w/v/r/detect-000001.npz",
    "other object": f"{BUCKET}/demo_user/raw.mp4",
    "bucket": BUCKET,
    "other bucket": "arn:aws:s3:::another/demo_user/w/v/raw/a.mp4",
    "model": "arn:aws:s3:::models/cvitx/models/main.pt",
    "other object of the model bucket": "arn:aws:s3:::models/secrets/a",
    "videos": f"{QUEUES}:{CONFIG.video_queue}",
    "snapshots": f"{QUEUES}:{CONFIG.snapshot_queue}",
    "dead videos": f"{QUEUES}:{CONFIG.video_queue}-dlq",
    "dead snapshots": f"{QUEUES}:{CONFIG.snapshot_queue}-dlq",
    "other queue": f"{QUEUES}:another",
    "password": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/cvitx/password",
    "other parameter": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/cvitx/other",
    "other account's queue": f"arn:aws:sqs:{REGION}:999999999999:{CONFIG.video_queue}",
    "everything": "*",
}
TAKE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}
HOST = {("s3:GetObject", "model"), ("ssm:GetParameter", "password")}
ALLOWED = {
    "YoloWorkerRole": HOST
    | {(action, "videos") for action in TAKE}
    | {("s3:GetObject", "raw"), ("s3:PutObject", "snapshot"), ("sqs:SendMessage", "snapshots")}
    | {("s3:GetObject", "checkpoint"), ("s3:PutObject", "checkpoint")},
    "MainWorkerRole": HOST | {(action, "snapshots") for action in TAKE} | {("s3:GetObject", "snapshot")},
    "ApiPolicy": {("s3:PutObject", "raw"), ("sqs:SendMessage", "videos"), ("s3:GetObject", "snapshot")},
}


@pytest.mark.parametrize("resource", DOCUMENTED)
def test_without_options_the_policies_are_those_of_the_documentation(resource: str) -> None:
    assert WITHOUT_OPTIONS.statements(resource) == DOCUMENTED[resource]["Statement"]


@pytest.mark.parametrize("resource", OPTIONAL)
def test_each_option_adds_one_named_statement(resource: str) -> None:
    added = COMPLETE.statements(resource)[len(WITHOUT_OPTIONS.statements(resource)) :]
    assert [statement["Sid"] for statement in added] == OPTIONAL[resource]


def actions() -> list[str]:
    """Every operation of the services, under its IAM name where botocore has the same."""
    session = botocore.session.get_session()
    return [f"{one}:{name}" for one in SERVICES for name in session.get_service_model(one).operation_names]


ACTIONS = actions()


@pytest.mark.parametrize("resource", ALLOWED)
def test_every_call_outside_the_list_is_refused(resource: str) -> None:
    statements = COMPLETE.statements(resource)
    assert len(ACTIONS) > 1000
    allowed = {
        (action, name) for action in ACTIONS for name, arn in RESOURCES.items() if iam.allows(statements, action, arn)
    }
    assert allowed == ALLOWED[resource]
    assert not iam.allows(statements, "s3:ListBucket", BUCKET)


@pytest.mark.parametrize("resource", ALLOWED)
def test_no_statement_uses_a_wildcard_for_an_action_or_a_whole_service(resource: str) -> None:
    for statement in COMPLETE.statements(resource):
        assert statement["Effect"] == "Allow"
        assert all("*" not in action for action in iam.actions(statement))
        assert statement["Resource"] != "*"


def test_the_queues_have_the_configured_attributes() -> None:
    for name, queue in (("Video", CONFIG.video_queue), ("Snapshot", CONFIG.snapshot_queue)):
        properties = WITHOUT_OPTIONS.resources[f"{name}Queue"]
        assert properties["QueueName"] == queue
        assert properties["VisibilityTimeout"] == CONFIG.visibility_timeout_s
        assert properties["ReceiveMessageWaitTimeSeconds"] == CONFIG.wait_time_s
        assert properties["MessageRetentionPeriod"] == CONFIG.retention_s
        assert properties["RedrivePolicy"]["maxReceiveCount"] == CONFIG.max_receive_count
        assert WITHOUT_OPTIONS.resources[f"{name}DeadLetterQueue"]["QueueName"] == f"{queue}-dlq"


def test_the_lifecycle_is_that_of_the_documentation() -> None:
    (block,) = [one for one in doc_examples.blocks("bash") if "put-bucket-lifecycle-configuration" in one]
    documented = json.loads(block.partition("--lifecycle-configuration '")[2].partition("'")[0])["Rules"]
    rules = WITHOUT_OPTIONS.resources["Bucket"]["LifecycleConfiguration"]["Rules"]
    assert [(one["ID"], one.get("Expiration", {}).get("Days")) for one in documented] == [
        (one["Id"], one.get("ExpirationInDays")) for one in rules
    ]
    assert documented[0]["Filter"]["And"] == {
        "Prefix": rules[0]["Prefix"],
        "ObjectSizeLessThan": int(rules[0]["ObjectSizeLessThan"]),
    }
    assert documented[1]["Filter"]["Prefix"] == rules[1]["Prefix"]


def test_without_an_image_there_are_no_hosts_and_without_storage_no_bucket() -> None:
    kinds = {name for name in COMPLETE.resources if name not in WITHOUT_OPTIONS.resources}
    assert kinds == {
        f"{worker}{part}"
        for worker in ("Yolo", "Main")
        for part in ("LaunchTemplate", "Group", "Termination", "Scaling")
    }
    bare = Stack(CreateStorage="false").resources
    assert not {"Bucket", "VideoQueue", "SnapshotDeadLetterQueue"} & set(bare)
    assert {"YoloWorkerRole", "VideoDeadLetters", "ApiPolicy"} <= set(bare)


@pytest.mark.parametrize(
    ("worker", "queue", "minutes"),
    [("Yolo", CONFIG.video_queue, "5"), ("Main", CONFIG.snapshot_queue, "0.002")],
)
def test_a_group_scales_on_the_visible_messages_per_host(worker: str, queue: str, minutes: str) -> None:
    tracking = COMPLETE.resources[f"{worker}Scaling"]["TargetTrackingConfiguration"]
    metrics = {metric["Id"]: metric for metric in tracking["CustomizedMetricSpecification"]["Metrics"]}
    visible, hosts, wait = metrics["visible"], metrics["hosts"], metrics["wait"]
    assert visible["MetricStat"]["Metric"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert visible["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "QueueName", "Value": queue}]
    assert hosts["MetricStat"]["Metric"]["MetricName"] == "GroupInServiceInstances"
    collected = COMPLETE.resources[f"{worker}Group"]["MetricsCollection"]
    assert collected == [{"Granularity": "1Minute", "Metrics": ["GroupInServiceInstances"]}]
    assert [name for name, metric in metrics.items() if metric["ReturnData"]] == [list(metrics)[-1]]
    assert wait["Expression"] == f"IF(hosts > 0, visible / hosts, visible) * {minutes}"


def test_the_group_of_yolo_worker_keeps_its_size_while_every_host_has_a_video() -> None:
    tracking = COMPLETE.resources["YoloScaling"]["TargetTrackingConfiguration"]
    *_, in_flight, _, held = tracking["CustomizedMetricSpecification"]["Metrics"]
    assert in_flight["Id"] == "in_flight"
    assert in_flight["MetricStat"]["Metric"]["MetricName"] == "ApproximateNumberOfMessagesNotVisible"
    assert in_flight["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "QueueName", "Value": CONFIG.video_queue}]
    target = tracking["TargetValue"]
    assert held["Expression"] == f"IF(hosts > 0 AND in_flight >= hosts AND wait < {target}, {target}, wait)"


@pytest.mark.parametrize("worker", ["Yolo", "Main"])
def test_a_host_that_is_terminated_has_the_time_to_stop(worker: str) -> None:
    hook: dict[str, Any] = COMPLETE.resources[f"{worker}Termination"]
    assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert hook["DefaultResult"] == "CONTINUE"
    timeout_stop_s = 45  # TimeoutStopSec of the units
    assert hook["HeartbeatTimeout"] > timeout_stop_s + CONFIG.shutdown_grace_s

"""infra/template.yaml applied to an emulated account: what it creates has the attributes that the workers need.

The emulator creates no alarms, bucket policies, lifecycle rules and hooks, and scaling policies. Unit tests read those.
"""

from __future__ import annotations

import json

import boto3
import pytest
import yaml

from video_analysis.tests.support import cloudformation
from video_analysis.tests.support.cloudformation import Stack
from video_analysis.worker_config import WorkerConfig

pytestmark = pytest.mark.slow
NAMES = {"BucketName": "cvitx-stack-bucket", "VideoQueueName": "stack-videos", "SnapshotQueueName": "stack-snapshots"}
CONFIG = WorkerConfig()


@pytest.fixture(scope="module")
def stack(aws_endpoint: str) -> dict[str, str]:
    """Logical name → physical name of a stack with hosts and all options."""
    formation, ec2 = boto3.client("cloudformation"), boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    subnets = ",".join(subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"])
    parameters = NAMES | {"YoloImageId": image, "MainImageId": image, "SubnetIds": subnets, "YoloMaximum": "4"}
    parameters |= {"ModelStoreBucket": "models", "DatabasePasswordParameter": "/cvitx/password"}
    formation.create_stack(
        StackName="cvitx",
        TemplateBody=cloudformation.TEMPLATE.read_text("utf-8"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    found = formation.list_stack_resources(StackName="cvitx")["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if "LogicalResourceId" in one}


def test_the_bucket_is_in_the_region_and_encrypted(stack: dict[str, str]) -> None:
    s3, name = boto3.client("s3"), NAMES["BucketName"]
    assert stack["Bucket"] == name
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == CONFIG.region
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_queues_have_the_attributes_of_the_contract(stack: dict[str, str]) -> None:
    sqs = boto3.client("sqs")
    for name in (NAMES["VideoQueueName"], NAMES["SnapshotQueueName"]):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert attributes["VisibilityTimeout"] == str(CONFIG.visibility_timeout_s)
        assert attributes["MessageRetentionPeriod"] == str(CONFIG.retention_s)
        redrive = json.loads(attributes["RedrivePolicy"])
        assert int(redrive["maxReceiveCount"]) == CONFIG.max_receive_count
        assert redrive["deadLetterTargetArn"].endswith(f":{name}-dlq")


@pytest.mark.parametrize(("role", "policy"), [("YoloWorkerRole", "yolo_worker"), ("MainWorkerRole", "main_worker")])
def test_the_policies_of_the_roles_are_those_that_the_tests_evaluate(
    stack: dict[str, str], role: str, policy: str
) -> None:
    iam = boto3.client("iam")
    found = iam.get_role_policy(RoleName=stack[role], PolicyName=policy)["PolicyDocument"]
    document = yaml.safe_load(str(found))  # the emulator returns text that is not quite JSON
    expected = Stack(ModelStoreBucket="models", DatabasePasswordParameter="/cvitx/password", **NAMES).statements(role)
    assert document["Statement"] == expected
    assert iam.get_instance_profile(InstanceProfileName=stack[role.replace("WorkerRole", "InstanceProfile")])


def test_the_groups_have_their_sizes_and_launch_templates(stack: dict[str, str]) -> None:
    groups = boto3.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    sizes = {one["AutoScalingGroupName"]: (one["MinSize"], one["MaxSize"]) for one in groups}
    assert sizes == {stack["YoloGroup"]: (1, 4), stack["MainGroup"]: (1, 1)}

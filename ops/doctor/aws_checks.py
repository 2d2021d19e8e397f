"""Clock, credentials, bucket, queues and dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from video_analysis.ops import aws_clients
from video_analysis.ops.aws_clients import calling
from video_analysis.ops.doctor.finding import Check, Fault, MissingOption, NotChecked
from video_analysis.ops.setup import queues
from video_analysis.ops.setup.bucket import Bucket
from video_analysis.ops.setup.difference import Difference
from video_analysis.ops.setup.queues import QueueResource
from video_analysis.worker_config import WorkerConfig

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

CREDENTIALS = "aws credentials"
REGION = "bucket region"
LARGEST_SKEW_S = 60
"""AWS refuses signatures that are more than 5 minutes off."""
SETUP_BUCKET = "run `ops setup --only bucket`"
SETUP_QUEUES = "run `ops setup --only queues`"


def checks(config: WorkerConfig) -> Iterable[Check]:
    """All checks of AWS but for the permissions."""
    session = aws_clients.session(config)
    sts, sqs = aws_clients.sts(config, session), aws_clients.sqs(config, session)
    yield Check("clock", partial(_clock, sts))
    yield Check(CREDENTIALS, partial(_credentials, sts))
    yield from _bucket_checks(Bucket(aws_clients.s3(config, session), config.s3_bucket, config.region))
    names = (config.video_queue, config.snapshot_queue)
    for name in names:
        yield from _queue_checks(sqs, config, name)
    for name in map(queues.dead_letter_queue, names):
        yield Check(f"dead letters {queues.name_of(name)}", partial(_dead_letters, sqs, name), CREDENTIALS)


def _clock(sts: STSClient) -> str:
    """The Date header of AWS, which also comes with a refusal, against this host's clock."""
    with calling("sts:GetCallerIdentity", "STS"):
        try:
            headers = sts.get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
    if "date" not in headers:
        raise NotChecked("the answer of AWS has no Date header")
    skew_s = now() - parsedate_to_datetime(headers["date"]).timestamp()
    if abs(skew_s) > LARGEST_SKEW_S:
        text = f"this host is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} AWS"
        raise Fault(text, "set the clock: `timedatectl set-ntp true`, `chronyc tracking`")
    return f"within {LARGEST_SKEW_S} s of AWS"


def now() -> float:
    """Seconds since the epoch by this host's clock."""
    return time.time()


def _credentials(sts: STSClient) -> str:
    with calling("sts:GetCallerIdentity", "STS"):
        return sts.get_caller_identity()["Arn"]


def _bucket_checks(bucket: Bucket) -> Iterable[Check]:
    def region() -> str:
        found = bucket.region()
        if found is None:
            raise Fault(f"there is no {bucket.name}", f"{SETUP_BUCKET}, or correct CVITX_S3_BUCKET")
        bucket.check_region(found)
        return found

    yield Check(REGION, region, CREDENTIALS)
    yield Check("bucket encryption", partial(_equal, bucket.encryption, SETUP_BUCKET), REGION)
    yield Check("bucket public access", partial(_equal, bucket.public_access, SETUP_BUCKET), REGION)
    yield Check("bucket lifecycle", partial(_equal, bucket.lifecycle, SETUP_BUCKET), REGION)


def _queue_checks(sqs: SQSClient, config: WorkerConfig, name: str) -> Iterable[Check]:
    for one in queues.resources(sqs, name, config):
        yield Check(one.name, partial(_exists, one), CREDENTIALS)
        yield Check(f"{one.name} attributes", partial(_equal, one.differences, SETUP_QUEUES), one.name)


def _exists(queue: QueueResource) -> str:
    url = queue.url()
    if url is None:
        raise Fault("there is no such queue", f"{SETUP_QUEUES}, or correct CVITX_VIDEO_QUEUE and CVITX_SNAPSHOT_QUEUE")
    if url.endswith(".fifo"):
        raise Fault("is a FIFO queue", "use a standard queue: docs/aws.md, Queues")
    return url


def _equal(differences: Callable[[], Sequence[Difference]], fix: str) -> str:
    found = differences()
    if not found:
        return "as needed"
    text = "; ".join(f"{one.property}: found {one.found}, needed {one.needed}" for one in found)
    remedies = dict.fromkeys(fix if one.remedy is None else one.remedy for one in found)
    kind = MissingOption if all(one.is_choice for one in found) else Fault
    raise kind(text, "; ".join(remedies))


def _dead_letters(sqs: SQSClient, name: str) -> str:
    url = queues.url_of(sqs, name)
    if url is None:
        raise NotChecked("there is no such queue")
    with calling("sqs:GetQueueAttributes", name):
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if count:
        raise Fault(f"{count} {'message' if count == 1 else 'messages'}", "`ops dlq list` groups them by their cause")
    return "none"

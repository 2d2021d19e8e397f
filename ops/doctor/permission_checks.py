"""The permissions of both workers, by the probes with which they start, with the credentials that boto3 finds here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from video_analysis.ops import aws_clients
from video_analysis.ops.doctor.aws_checks import CREDENTIALS, REGION
from video_analysis.ops.doctor.finding import Check, Fault, MissingOption
from video_analysis.ops.setup import queues
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.errors import Denied, expect_refusal
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import BATCH_LIMIT, Publisher, Queue
from video_analysis.worker_utils.aws.sqs_address import map_errors
from video_analysis.worker_utils.contracts import s3_keys
from video_analysis.worker_utils.models import stored_model
from video_analysis.worker_utils.models.model_store import ModelStore, Unavailable

if TYPE_CHECKING:
    import boto3

PROBE_RUN_KEY = "runs/probe"
"""Covered by the statement KeepCheckpoints; there is no such object."""
POLICY = "add the statement {} of docs/{}.md to the policy of {}"


def checks(config: WorkerConfig) -> Iterable[Check]:
    """One check per permission of a worker. They need the queue or the bucket, if that was checked before."""
    session = aws_clients.session(config)
    read, write = partial(_probe_read, session, config), partial(_probe_write, session, config)
    announced = Publisher(session, config.snapshot_queue, region=config.region)
    snapshots = _queue(config.snapshot_queue)
    yield from _receiver("yolo_worker", "TakeVideoTasks", Queue.connect(session, config.video_queue, config))
    for permission, statement, probe, needs in (
        ("s3:GetObject raw/*", "ReadRawVideos", partial(read, s3_keys.PROBE_RAW_KEY), REGION),
        ("s3:PutObject snapshots/*", "WriteSnapshots", partial(write, s3_keys.PROBE_SNAPSHOT_KEY), REGION),
        ("sqs:SendMessage", "AnnounceSnapshots", announced.probe, snapshots),
    ):
        yield Check(f"yolo_worker {permission}", partial(_probe, "yolo_worker", statement, probe), needs)
    yield Check("yolo_worker s3 runs/*", partial(_keep_checkpoints, read, write), REGION)
    yield from _receiver("main_worker", "TakeSnapshotTasks", Queue.connect(session, config.snapshot_queue, config))
    read_snapshot = partial(_probe, "main_worker", "ReadSnapshots", partial(read, s3_keys.PROBE_SNAPSHOT_KEY))
    yield Check("main_worker s3:GetObject snapshots/*", read_snapshot, REGION)
    if (store := stored_model.store_of(config)) is not None:
        yield Check("both workers s3:GetObject model store", partial(_read_models, store), CREDENTIALS)


def _receiver(worker: str, statement: str, queue: Queue) -> Iterable[Check]:
    for permission, probe in (
        ("sqs:ReceiveMessage", partial(_probe_receive, queue)),
        ("sqs:DeleteMessage", queue.probe_delete),
        ("sqs:ChangeMessageVisibility", queue.probe_release),
        ("sqs:GetQueueAttributes", partial(_probe_attributes, queue)),
    ):
        yield Check(f"{worker} {permission}", partial(_probe, worker, statement, probe), _queue(str(queue)))


def _queue(name_or_url: str) -> str:
    """The check of the queue's existence."""
    return f"queue {queues.name_of(name_or_url)}"


def _probe(worker: str, statement: str, probe: Callable[[], None]) -> str:
    try:
        probe()
    except Denied as denied:
        raise Fault(str(denied), POLICY.format(statement, "aws", worker)) from None
    return statement


def _probe_read(session: boto3.Session, config: WorkerConfig, key: str) -> None:
    """With a store of its own: a store repeats the key that was refused last."""
    ObjectStore.connect(session, config).probe_read(key)


def _probe_write(session: boto3.Session, config: WorkerConfig, key: str) -> None:
    ObjectStore.connect(session, config).probe_write(key)


def _keep_checkpoints(read: Callable[[str], None], write: Callable[[str], None]) -> str:
    try:
        read(PROBE_RUN_KEY)
        write(PROBE_RUN_KEY)
    except Denied as denied:
        text = f"without it an interrupted video begins at its first frame: {denied}"
        raise MissingOption(text, POLICY.format("KeepCheckpoints", "aws", "yolo_worker")) from None
    return "KeepCheckpoints"


def _read_models(store: ModelStore) -> str:
    """A store that cannot be read is hidden by the last good files until a new host needs it."""
    try:
        return f"ReadModels; the manifest lists {', '.join(store.names()) or 'nothing'}"
    except Unavailable as failure:
        is_denied = isinstance(failure.__cause__, Denied)
        fix = (
            POLICY.format("ReadModels", "models", "both workers")
            if is_denied
            else "correct CVITX_MODEL_STORE or its manifest"
        )
        raise Fault(str(failure), fix) from None


def _probe_receive(queue: Queue) -> None:
    """Request more messages than SQS allows: it refuses that, and counts no receive."""
    url = queue.url()
    with expect_refusal(), map_errors("sqs:ReceiveMessage", url):
        queue.client.receive_message(QueueUrl=url, MaxNumberOfMessages=BATCH_LIMIT + 1)


def _probe_attributes(queue: Queue) -> None:
    url = queue.url()
    with map_errors("sqs:GetQueueAttributes", url):
        queue.client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])

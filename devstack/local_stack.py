"""A local environment: PostgreSQL, SQS and S3 with bucket, queues and tables, and clients for them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2
from psycopg2.extras import RealDictCursor

from video_analysis.devstack import provision, queue_depth, services
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

WORKSPACE_ID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
WORKSPACE_CODE = "CTX1005"
CAMERA_CODE = "CAM1"


@dataclass(frozen=True)
class Stack:
    """A running local environment. `environ` holds the variables that a worker process needs to use it."""

    config: WorkerConfig
    database_url: str
    environ: Mapping[str, str]
    s3: S3Client
    sqs: SQSClient
    video_queue_url: str
    video_dlq_url: str
    snapshot_queue_url: str
    snapshot_dlq_url: str

    def upload(self, clip: Path, stride: int, recorded_at: str | None = None) -> dict[str, Any]:
        """Do the API's part for one clip: the object and the `videos` row; returns the PROCESS_VIDEO to send."""
        video_id = str(uuid.uuid4())
        key = f"demo_user/{WORKSPACE_ID}/{video_id}/raw/{clip.stem}.mp4"
        self.s3.upload_file(str(clip), self.config.s3_bucket, key)
        self.sql(
            "INSERT INTO videos (id, workspace_id, workspace_code, file_name, camera_label, camera_code, s3_key_raw,"
            " recorded_at, frame_stride, status) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'queued')",
            *(video_id, WORKSPACE_ID, WORKSPACE_CODE, clip.name, "Demo camera", CAMERA_CODE, key),
            *(recorded_at, stride),
        )
        return {
            "event": "PROCESS_VIDEO",
            "video_id": video_id,
            "workspace_id": WORKSPACE_ID,
            "workspace_code": WORKSPACE_CODE,
            "camera_code": CAMERA_CODE,
            "s3_key_raw": key,
            "frame_stride": stride,
            "recordedAt": recorded_at,
        }

    def put_snapshot(self, video_id: str, track_id: int, picture: bytes) -> SnapshotReady:
        """Do stage 1's part for one snapshot: store the object; returns the message. Tracks are 40 ms apart."""
        bucket = self.config.s3_bucket
        uri = SnapshotUri(bucket, WORKSPACE_ID, video_id, WORKSPACE_CODE, CAMERA_CODE, track_id, 40 * track_id)
        self.s3.put_object(Bucket=bucket, Key=uri.key, Body=picture, ContentType=CONTENT_TYPE)
        return snapshot_ready(uri, None, "Car")

    def send_snapshot(self, snapshot: SnapshotReady) -> None:
        """Send a SNAPSHOT_READY as stage 1 would."""
        self.sqs.send_message(QueueUrl=self.snapshot_queue_url, MessageBody=snapshot.to_json())

    def send(self, task: Mapping[str, Any]) -> None:
        """Send a PROCESS_VIDEO as an operator would: a raw SQS message."""
        self.sqs.send_message(QueueUrl=self.video_queue_url, MessageBody=json.dumps(task))

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Run one statement; returns its rows, if any."""
        connection = psycopg2.connect(self.database_url)
        try:
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, values or None)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()

    def depth(self, queue_url: str) -> int:
        """Messages in a queue, visible and in flight."""
        return queue_depth.depth(self.sqs, queue_url)


@contextmanager
def started(folder: Path, config: WorkerConfig, settings: Mapping[str, str]) -> Iterator[Stack]:
    """Run everything except the workers, under `folder`, for the duration of the block.

    `settings` are additional CVITX_ variables for the worker processes.
    """
    with services.postgres(folder / "postgres") as database_url, services.aws(folder) as endpoint:
        credentials = services.credentials(endpoint, config.region)
        session = boto3.Session("local", "local", region_name=config.region)
        s3, sqs = session.client("s3", endpoint_url=endpoint), session.client("sqs", endpoint_url=endpoint)
        provision.tables(database_url)
        provision.bucket(s3, config)
        video, video_dlq = provision.queue(sqs, config.video_queue, config)
        snapshot, snapshot_dlq = provision.queue(sqs, config.snapshot_queue, config)
        environ = {**credentials, "CVITX_ENV_OVERRIDES": "1", "CVITX_DATABASE_URL": database_url, **settings}
        yield Stack(config, database_url, environ, s3, sqs, video, video_dlq, snapshot, snapshot_dlq)

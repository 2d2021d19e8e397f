"""Both workers' consumers on a real PostgreSQL, SQS and S3, under a database role and an AWS role that a test changes.

The networks are scripted. Each worker has exactly the grants and the permissions of the documentation.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg2.extensions import make_dsn

from video_analysis.devstack import provision, queue_depth
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.ports import Model
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.tests.support import doc_examples, iam
from video_analysis.tests.support.consumer_harness import FAST, running
from video_analysis.tests.support.fake_pipeline import FakePipeline
from video_analysis.tests.support.iam import Role
from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.worker_config import BestSettings, SnapshotSettings, WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher, Queue
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.consumer.delivery import Handler
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.execution.held_calls import RELEASE_MARGIN_S, HeldCalls
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.worker import VideoWorker

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

Sql = Callable[..., list[dict[str, Any]]]
WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
LINES = {"probe.failed", "snapshot.held"}
"""The events of which one must name the fault."""
POLICIES = dict(zip(("yolo_worker", "main_worker"), doc_examples.documents("Version"), strict=False))
GRANTS = (
    "GRANT SELECT, UPDATE ON videos TO {role};"
    "GRANT SELECT, INSERT, UPDATE ON image_analyses, image_analysis_results TO {role}"
)


@dataclass
class Environment:
    """One worker's surroundings: its queues, bucket, tables and roles."""

    worker: str
    sql: Sql
    database_url: str
    s3: S3Client
    sqs: SQSClient
    config: WorkerConfig
    model: Model
    hold_margin_s: float = RELEASE_MARGIN_S
    db_role: str = field(default_factory=lambda: f"worker_{uuid.uuid4().hex[:8]}")
    observer: RecordingObserver = field(default_factory=RecordingObserver)

    def __post_init__(self) -> None:
        self.sql(f"CREATE ROLE {self.db_role} LOGIN")
        self.sql(GRANTS.format(role=self.db_role))
        self.queues = {
            name: provision.queue(self.sqs, name, self.config)
            for name in (self.config.video_queue, self.config.snapshot_queue)
        }
        self.statements: Sequence[dict[str, Any]] = json.loads(
            json.dumps(POLICIES[self.worker]["Statement"])
            .replace("cvitx-uploads-dev-jdfirme", self.config.s3_bucket)
            .replace("cvitx-video-tasks", self.config.video_queue)
            .replace("cvitx-snapshot-tasks", self.config.snapshot_queue)
        )
        self.role = Role(self.statements)

    @property
    def source(self) -> str:
        """The name of the queue that the worker reads."""
        return self.config.video_queue if self.worker == "yolo_worker" else self.config.snapshot_queue

    def deny(self, action: str) -> None:
        """Take one permission from the AWS role."""
        self.role.statements = iam.without(self.statements, action)

    def permit(self) -> None:
        """Give the AWS role all its permissions back."""
        self.role.statements = self.statements

    def send(self, video_id: str | None = None) -> str:
        """Send one good message, whose object exists. Returns the id of its video."""
        video_id = video_id or str(uuid.uuid4())
        body = self._video(video_id) if self.worker == "yolo_worker" else self._snapshot(video_id)
        self.sqs.send_message(QueueUrl=self.queues[self.source][0], MessageBody=body)
        return video_id

    def _video(self, video_id: str) -> str:
        key = f"demo_user/{WORKSPACE}/{video_id}/raw/clip.mp4"
        self.s3.put_object(Bucket=self.config.s3_bucket, Key=key, Body=b"bytes of a video")
        self.sql("INSERT INTO videos (id, workspace_id) VALUES (%s, %s)", video_id, WORKSPACE)
        ids = {"video_id": video_id, "workspace_id": WORKSPACE, "workspace_code": "CTX1005", "camera_code": "CAM1"}
        return json.dumps({"event": "PROCESS_VIDEO", **ids, "s3_key_raw": key, "frame_stride": 1, "recordedAt": None})

    def _snapshot(self, video_id: str) -> str:
        uri = SnapshotUri(self.config.s3_bucket, WORKSPACE, video_id, "CTX1005", "CAM1", 1, 80)
        content = encode_jpeg(np.full((640, 640, 3), (0, 255, 0), np.uint8), 92)
        self.s3.put_object(Bucket=self.config.s3_bucket, Key=uri.key, Body=content, ContentType="image/jpeg")
        return snapshot_ready(uri, None, "Car").to_json()

    def archive_objects(self) -> None:
        """Move every object of the bucket into an archive, as a lifecycle rule does."""
        bucket = self.config.s3_bucket
        for found in self.s3.list_objects_v2(Bucket=bucket)["Contents"]:
            self.s3.copy_object(
                Bucket=bucket, Key=found["Key"], CopySource=f"{bucket}/{found['Key']}", StorageClass="GLACIER"
            )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the worker for the duration of the block."""
        shutdown = threading.Event()
        session = iam.session_of(self.role)(region_name=self.config.region)
        queue = Queue.connect(session, self.queues[self.source][0], self.config)
        handler, database = self._handler(session)
        consumer = Consumer(queue, handler, self.config, shutdown, observer=self.observer, exit_process=lambda _: None)
        with closing(database), running(consumer, shutdown):
            yield

    def _handler(self, session: Any) -> tuple[Handler, Database]:
        url, store = make_dsn(self.database_url, user=self.db_role), ObjectStore.connect(session, self.config)
        if self.worker == "main_worker":
            database = Database(url, "test", write_probe.stage_two)
            analyses = ImageAnalysisRepository(database)
            models: dict[Variant, Model] = {"baseline": self.model}
            parts = (store, analyses, models, AttributeReader(5), self.config.s3_bucket)
            return SnapshotWorker(*parts, observer=self.observer), database
        database = Database(url, "test", write_probe.stage_one)
        pause = self.config.pause
        worker = VideoWorker(
            store,
            VideoRepository(database),
            ImageAnalysisRepository(database),
            Publisher(session, self.queues[self.config.snapshot_queue][0], region=self.config.region),
            FakePipeline(),
            OutputSettings(self.config.s3_bucket, BestSettings(), SnapshotSettings()),
            observer=self.observer,
            held_calls=HeldCalls(pause.first_s, pause.longest_s, self.hold_margin_s),
        )
        return worker, database

    def await_line(self, text: str) -> float:
        """Wait for a line of LINES that contains `text`. Returns the seconds that passed."""
        begun_s = time.monotonic()
        self._await(lambda: any(event.code in LINES and text in event.message for event in tuple(self.observer.events)))
        return time.monotonic() - begun_s

    def await_empty_queue(self) -> None:
        """Wait until every message of the worker's queue is deleted."""
        self._await(lambda: queue_depth.depth(self.sqs, self.queues[self.source][0]) == 0)

    def await_rows(self, condition: str, count: int) -> None:
        """Wait for so many rows of image_analyses."""
        self._await(lambda: len(self.sql(f"SELECT 1 FROM image_analyses WHERE {condition}")) == count)

    def await_video(self, video_id: str, error_code: str, text: str) -> None:
        """Wait until the video's row has this error code, and this text in its error_msg."""
        found = "SELECT 1 FROM videos WHERE id = %s AND error_code = %s AND strpos(error_msg, %s) > 0"
        self._await(lambda: bool(self.sql(found, video_id, error_code, text)))

    def await_dead_letter(self) -> None:
        """Wait for a message in the dead-letter queue of the worker's queue."""
        self._await(lambda: self.in_dead_letter_queue() == 1)

    def redrive(self) -> None:
        """Send the messages of the dead-letter queue again, as an operator's redrive does."""
        queue, dead_letters = self.queues[self.source]
        for message in self.sqs.receive_message(QueueUrl=dead_letters)["Messages"]:
            self.sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
            self.sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])

    def receives(self) -> int:
        """The receives so far."""
        return self.observer.codes().count("message.received")

    def in_dead_letter_queue(self) -> int:
        """Messages in the dead-letter queue of the worker's queue."""
        return queue_depth.depth(self.sqs, self.queues[self.source][1])

    def _await(self, condition: Callable[[], bool], timeout_s: float = 60) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, [f"{event.code}: {event.message}" for event in self.observer.events]
            time.sleep(0.02)


def settings(bucket: str) -> WorkerConfig:
    """Short times, and names of the test's own."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    queues = {"video_queue": f"{name}-video", "snapshot_queue": f"{name}-snapshot"}
    return FAST.model_copy(update={"s3_bucket": bucket, "min_free_disk_mb": 0, **queues})

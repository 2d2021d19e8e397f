"""The video worker with a scripted pipeline, a real PostgreSQL and S3 over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from video_analysis.tests.support.fake_pipeline import FakePipeline
from video_analysis.tests.support.recording_observer import RecordingObserver
from video_analysis.worker_config import BestSettings, SnapshotSettings
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.camera_settings import CameraSettingsRepository
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.stage_checkpoints import StageCheckpointRepository
from video_analysis.worker_utils.db.video_runs import VideoRunRepository
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import EnvironmentFault, LeaseLost, WorkerError
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.runs.cameras import Cameras
from video_analysis.yolo_worker.runs.checkpoints import Checkpoints
from video_analysis.yolo_worker.runs.lifecycle import RunLifecycle
from video_analysis.yolo_worker.worker import VideoWorker

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
KEY = f"demo_user/{WORKSPACE}/{VIDEO}/raw/clip.mp4"
TASK = {
    "event": "PROCESS_VIDEO",
    "video_id": VIDEO,
    "workspace_id": WORKSPACE,
    "workspace_code": "CTX1005",
    "camera_code": "CAM1",
    "s3_key_raw": KEY,
    "frame_stride": 1,
    "recordedAt": "2026-03-01T08:00:00+08:00",
}
Sql = Callable[..., list[dict[str, Any]]]


@dataclass
class FakeLease:
    """The lease is lost from the `lost_at`-th check on; or another failure is raised."""

    lost_at: int | None = None
    checks: int = 0
    failure: WorkerError = field(default_factory=lambda: LeaseLost("lost"))

    def check(self) -> None:
        self.checks += 1
        if self.lost_at is not None and self.checks >= self.lost_at:
            raise self.failure

    def left_s(self) -> float:
        return 43_200


@dataclass
class Outbox:
    """The snapshot queue; `on_send` can check what was written before each message."""

    bucket: str
    on_send: Callable[[messages.SnapshotReady], None] = lambda message: None
    closed: bool = False
    sent: list[messages.SnapshotReady] = field(default_factory=list)

    def probe(self) -> None:
        if self.closed:
            raise EnvironmentFault("there is no queue")

    def send(self, body: str) -> None:
        message = messages.parse_snapshot_ready(body, self.bucket)
        self.on_send(message)
        self.sent.append(message)

    def by_track(self, *, since: int = 0) -> list[messages.SnapshotReady]:
        """The messages after the first `since`, by track; they are sent concurrently, in no fixed order."""
        return sorted(self.sent[since:], key=lambda message: message.track_id)


@dataclass
class Bench:
    """The worker under test with its parts."""

    worker: VideoWorker
    outbox: Outbox
    pipeline: FakePipeline
    observer: RecordingObserver
    sql: Sql
    s3: S3Client
    bucket: str
    pulls: list[tuple[str, float, int]]
    """(stage, own seconds, items) of each pull."""

    def deliver(
        self,
        task: dict[str, object] = TASK,
        receive: int = 1,
        lease: FakeLease | None = None,
        message_id: str = "m-1",
    ) -> None:
        """Process a message. Its failure is raised, and not recorded."""
        delivery = Delivery(message_id, json.dumps(task), receive, receive == 5, lease or FakeLease())
        assert self.worker.handle([delivery]) == [None]

    def fail(
        self, task: dict[str, object] = TASK, receive: int = 1, message_id: str = "m-1", *, final: bool = False
    ) -> WorkerError:
        """Process a message that must fail, and record the failure as the consumer does. Returns it."""
        delivery = Delivery(message_id, json.dumps(task), receive, receive == 5, FakeLease())
        try:
            self.worker.handle([delivery])
        except WorkerError as failure:
            self.worker.record(delivery, failure, final)
            return failure
        raise AssertionError("the message was processed")

    def video(self) -> dict[str, Any]:
        return self.sql("SELECT * FROM videos")[0]

    def rows(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM image_analyses ORDER BY track_id")

    def runs(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM video_runs ORDER BY created_at")

    def parts(self) -> list[dict[str, Any]]:
        return self.sql("SELECT * FROM stage_checkpoints ORDER BY created_at, part")

    def objects(self) -> dict[str, bytes]:
        """The snapshots by key."""
        prefix = f"demo_user/{WORKSPACE}/{VIDEO}/snapshots/"
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {item["Key"]: self.s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read() for item in listed}


@contextmanager
def opened(
    database_url: str, sql: Sql, s3: S3Client, bucket: str, upload_workers: int, *, worker_url: str | None = None
) -> Iterator[Bench]:
    """The worker and a queued video. With `worker_url` its database role is another one."""
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"bytes of a video")
    sql(
        "INSERT INTO videos (id, workspace_id, workspace_code, camera_code, s3_key_raw, recorded_at, status)"
        " VALUES (%s, %s, 'CTX1005', 'CAM1', %s, '2026-03-01T00:00:00Z', 'queued')",
        *(VIDEO, WORKSPACE, KEY),
    )
    with closing(Database(worker_url or database_url, "test", write_probe.stage_one)) as database:
        outbox, pipeline, observer = Outbox(bucket), FakePipeline(), RecordingObserver()
        pulls: list[tuple[str, float, int]] = []
        snapshot = SnapshotSettings(jpeg_quality=90, upload_workers=upload_workers)
        worker = VideoWorker(
            ObjectStore(s3, bucket),
            VideoRepository(database),
            ImageAnalysisRepository(database),
            outbox,
            pipeline,
            OutputSettings(bucket, BestSettings(), snapshot),
            observer=observer,
            checkpoints=Checkpoints(StageCheckpointRepository(database), ObjectStore(s3, bucket), observer),
            cameras=Cameras(CameraSettingsRepository(database), observer),
            runs=RunLifecycle(VideoRunRepository(database), "test:1", observer),
            on_stage=lambda *pull: pulls.append(pull),
        )
        yield Bench(worker, outbox, pipeline, observer, sql, s3, bucket, pulls)

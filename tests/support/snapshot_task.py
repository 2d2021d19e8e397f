"""SNAPSHOT_READY messages of one video, and deliveries of them, for tests that need any."""

from __future__ import annotations

from dataclasses import dataclass, field

from video_analysis.tests.support.video_task import VIDEO, WORKSPACE
from video_analysis.worker_utils.consumer.delivery import Delivery
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.errors import LeaseLost, WorkerError

BUCKET = "cvitx-uploads-dev-jdfirme"


@dataclass
class Lease:
    """Valid without limit, or for `checks_left` checks."""

    checks_left: int | None = None
    ends_with: WorkerError = field(default_factory=lambda: LeaseLost("given to somebody else"))

    def check(self) -> None:
        if self.checks_left is not None:
            self.checks_left -= 1
            if self.checks_left < 0:
                raise self.ends_with

    def left_s(self) -> float:
        return 43_200


def message(track_id: int, yolo_type: messages.YoloType = "Car", offset_ms: int = 2272) -> messages.SnapshotReady:
    name = f"CTX1005_CAM1_{track_id:06d}_{offset_ms:06d}.jpg"
    return messages.SnapshotReady(
        video_id=VIDEO,
        workspace_id=WORKSPACE,
        workspace_code="CTX1005",
        camera_code="CAM1",
        track_id=track_id,
        snapshot_s3_key=f"s3://{BUCKET}/demo_user/{WORKSPACE}/{VIDEO}/snapshots/{name}",
        recordedAt="2026-01-31T08:30:00+08:00",
        detectedIn=offset_ms,
        detectedAt="2026-01-31T08:30:02.272+08:00",
        yolo_type=yolo_type,
    )


def delivery(body: messages.SnapshotReady | str, receive_count: int = 1, lease: Lease | None = None) -> Delivery:
    return Delivery(
        message_id=f"m{id(body)}",
        body=body if isinstance(body, str) else body.to_json(),
        receive_count=receive_count,
        is_last=receive_count >= 5,
        lease=lease or Lease(),
    )

"""A dead-letter queue with messages of several causes, and the rows behind them, for `ops dlq`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.ops.dead_letters import command as dlq
from video_analysis.tests.support.video_bench import TASK, WORKSPACE
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri
from video_analysis.worker_utils.contracts.snapshot_message import snapshot_ready

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

TRUNCATED = "11111111-1111-1111-1111-111111111111"
DENIED = "22222222-2222-2222-2222-222222222222"
RUN = "44444444-4444-4444-4444-444444444444"
BROKEN = json.dumps({"event": "PROCESS_VIDEO", "video_id": TRUNCATED})


def task(video_id: str) -> str:
    """A PROCESS_VIDEO."""
    return json.dumps(TASK).replace(str(TASK["video_id"]), video_id)


def replay(run_id: str, video_id: str) -> str:
    """A REPLAY_VIDEO."""
    return json.dumps({"event": "REPLAY_VIDEO", "run_id": run_id, "video_id": video_id, "workspace_id": WORKSPACE})


@dataclass
class Site:
    """Three dead letters of three kinds: one that breaks the contract, a truncated file, and a missing permission."""

    sqs: SQSClient
    s3: S3Client
    live: str
    dead: str
    name: str
    bucket: str
    sql: Callable[..., list[dict[str, object]]]
    capsys: pytest.CaptureFixture[str]

    def plant(self) -> None:
        """Send the three messages, and insert the rows of the two videos."""
        for body in (BROKEN, task(TRUNCATED), task(DENIED)):
            self.send(body)
        self.insert_video(TRUNCATED, "error", "truncated", "truncated: 4 of 9 bytes")
        self.insert_video(DENIED, "error", "permission_denied", "s3:PutObject on s3://b/k is denied")

    def empty(self) -> None:
        """Remove the messages and the rows of `plant`."""
        self.sqs.purge_queue(QueueUrl=self.dead)
        self.sql("DELETE FROM videos")

    def dlq(self, *arguments: str, status: int = 0) -> str:
        """What the command prints; its error with status 2."""
        assert dlq.main(arguments) == status
        found = self.capsys.readouterr()
        return found.err if status == 2 else found.out

    def shown(self, kind: str = "video") -> list[dict[str, Any]]:
        """What `show --json` prints."""
        return [json.loads(line) for line in self.dlq("show", "--queue", kind, "--json").splitlines()]

    def send(self, body: str) -> None:
        """One more dead letter."""
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=body)

    def bodies(self, url: str) -> list[str]:
        """The visible messages, which stay visible."""
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return sorted(one["Body"] for one in answer.get("Messages", []))

    def insert_video(self, video_id: str, status: str, code: str | None = None, text: str | None = None) -> None:
        """A row in `videos`."""
        self.sql(
            "INSERT INTO videos (id, workspace_id, status, error_code, error_msg) VALUES (%s, %s, %s, %s, %s)",
            *(video_id, WORKSPACE, status, code, text),
        )

    def insert_run(
        self,
        run_id: str,
        status: str,
        code: str | None = None,
        *,
        run_type: str = "replay",
        overrides: str | None = None,
    ) -> None:
        """A run of the video TRUNCATED."""
        self.sql(
            "INSERT INTO video_runs (id, video_id, workspace_id, run_type, root_run_id, status, error_code, error_msg,"
            " config_overrides) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            *(run_id, TRUNCATED, WORKSPACE, run_type, run_id, status, code, code and f"why {code}", overrides),
        )

    def insert_snapshot(self, status: str, code: str | None = None, text: str | None = None) -> SnapshotUri:
        """A row in `image_analyses`, and its dead letter."""
        uri = SnapshotUri(self.bucket, WORKSPACE, DENIED, "CTX1005", "CAM1", 1, 40)
        self.sql(
            "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id,"
            " snapshot_s3_key, detected_in_ms, yolo_type, status, error_code, error_msg)"
            " VALUES (%s, %s, 'CTX1005', 'CAM1', 1, %s, 40, 'Car', %s, %s, %s)",
            *(WORKSPACE, DENIED, str(uri), status, code, text),
        )
        self.send(snapshot_ready(uri, None, "Car").to_json())
        return uri

    def put(self, key: str) -> None:
        """An object."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"content")

    def put_raw(self, video_id: str) -> None:
        """The file of a video."""
        self.put(json.loads(task(video_id))["s3_key_raw"])

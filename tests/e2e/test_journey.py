"""The journey: both pollers as processes, real weights, a real clip, and everything that is not one."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import local_stack, stored_results, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.tests.support import synthetic_clips
from video_analysis.worker_config import WorkerConfig

pytestmark = pytest.mark.slow  # test_demo.py is the journey of `make test`; this one needs real data
PATIENCE_S = 300
LOOK_EVERY_S = 0.2


@pytest.fixture(scope="module")
def environment(shared_data: Path, model_cache: Path) -> Iterator[Stack]:
    weights = shared_data / "models" / "yolov8n_coco.pt"
    if not weights.is_file():
        pytest.skip(f"no detector weights at {weights}")
    with tempfile.TemporaryDirectory(prefix="cvitx-journey-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = with_untrained(weights, folder) | {
            "CVITX_MISSING_DELAYS_S": "1,1,1,1",
            "CVITX_CACHE_DIR": str(model_cache),
        }
        with local_stack.started(folder, WorkerConfig(), settings) as environment:
            yield environment


@pytest.fixture(scope="module")
def workers(environment: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[WorkerProcess]]:
    with worker_process.both(environment.environ, tmp_path_factory.mktemp("logs")) as workers:
        yield workers
        assert [worker.stop() for worker in workers] == [0, 0]


@pytest.fixture(scope="module")
def clip(shared_data: Path) -> Path:
    return shared_data / "video" / "otvision_cars_truck_800x600_60f.mp4"


def wait_for(workers: list[WorkerProcess], condition: Callable[[], Any]) -> Any:
    """What `condition` gives as soon as it gives anything; fails when a worker ends or patience does."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if outcome := condition():
            return outcome
        for worker in workers:
            assert worker.process.poll() is None, worker.log_tail(30)
        time.sleep(LOOK_EVERY_S)
    raise AssertionError(f"no result; ends of the logs: {[worker.log_tail() for worker in workers]}")


def settled(environment: Stack) -> bool:
    return not any(environment.depth(url) for url in (environment.video_queue_url, environment.snapshot_queue_url))


def status_of(environment: Stack, video_id: str) -> dict[str, Any]:
    return environment.sql("SELECT status, error_code, error_msg FROM videos WHERE id = %s", video_id)[0]


def test_a_clip_becomes_pictures_and_finished_rows_and_a_second_message_changes_nothing(
    environment: Stack, workers: list[WorkerProcess], clip: Path
) -> None:
    task = environment.upload(clip, stride=1, recorded_at="2026-03-01T08:00:00+08:00")
    environment.send(task)
    wait_for(workers, lambda: settled(environment))
    found = stored_results.read(environment, task["video_id"])
    assert found.faults() == []
    assert found.analyses, "there are cars in this clip"
    assert list(found.analyses) == list(range(1, len(found.analyses) + 1))
    announced = workers[0].events("snapshot.ready")
    assert len(announced) == len(found.analyses) == len(found.snapshots)

    environment.send(task)
    wait_for(workers, lambda: settled(environment))
    assert len(workers[0].events("snapshot.ready")) == 2 * len(announced)
    assert stored_results.read(environment, task["video_id"]).digest() == found.digest()


def empty(path: Path, clip: Path) -> None:
    path.touch()


def text(path: Path, clip: Path) -> None:
    path.write_text("this is no video")


def playlist(path: Path, clip: Path) -> None:
    secret = path.with_name("other.mp4")
    shutil.copy(clip, secret)
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{secret}\n#EXT-X-ENDLIST\n")


def jpeg(path: Path, clip: Path) -> None:
    path.write_bytes(cv2.imencode(".jpg", np.full((480, 640, 3), 90, np.uint8))[1].tobytes())


def truncated(path: Path, clip: Path, share: float = 0.6) -> None:
    synthetic_clips.write(path, synthetic_clips.every(40, 200), format_options={"movflags": "faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])


def cut_by_a_second(path: Path, clip: Path) -> None:
    truncated(path, clip, 0.9)


def audio_only(path: Path, clip: Path) -> None:
    synthetic_clips.write_audio_only(path)


def one_frame(path: Path, clip: Path) -> None:
    synthetic_clips.write(path, [0])


def no_vehicles(path: Path, clip: Path) -> None:
    synthetic_clips.write(path, synthetic_clips.every(40, 30), size=(640, 360))


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (empty, "error", "empty_file"),
        (text, "error", "not_a_video"),
        (playlist, "error", "not_a_video"),
        (jpeg, "error", "not_a_video"),
        (truncated, "error", "truncated"),
        (cut_by_a_second, "done", "damaged"),
        (audio_only, "error", "no_video_stream"),
        (one_frame, "done", None),
        (no_vehicles, "done", None),
    ],
)
def test_what_is_uploaded_instead_of_a_good_clip_gets_what_it_deserves(
    environment: Stack,
    workers: list[WorkerProcess],
    clip: Path,
    tmp_path: Path,
    make: Callable[[Path, Path], None],
    status: str,
    code: str | None,
) -> None:
    path = tmp_path / "upload.mp4"
    make(path, clip)
    task = environment.upload(path, stride=1)
    dead_before = environment.depth(environment.video_dlq_url)
    environment.send(task)
    wait_for(workers, lambda: settled(environment))
    row = status_of(environment, task["video_id"])
    assert (row["status"], row["error_code"]) == (status, code)
    assert (row["error_msg"] is None) == (code is None)
    assert (
        environment.sql("SELECT count(*) AS n FROM image_analyses WHERE video_id = %s", task["video_id"])[0]["n"] == 0
    )
    assert environment.depth(environment.video_dlq_url) - dead_before == (status == "error")


def test_a_missing_object_is_an_error_that_names_the_key(
    environment: Stack, workers: list[WorkerProcess], clip: Path
) -> None:
    task = environment.upload(clip, stride=1)
    environment.s3.delete_object(Bucket=environment.config.s3_bucket, Key=task["s3_key_raw"])
    environment.send(task)
    wait_for(workers, lambda: settled(environment))
    row = status_of(environment, task["video_id"])
    assert (row["status"], row["error_code"]) == ("error", "missing_object")
    assert task["s3_key_raw"] in row["error_msg"]


def test_a_video_that_comes_after_its_message_is_done_all_the_same(
    environment: Stack, workers: list[WorkerProcess], tmp_path: Path
) -> None:
    path = synthetic_clips.write(tmp_path / "late.mp4", synthetic_clips.every(40, 5))
    task = environment.upload(path, stride=1)
    environment.s3.delete_object(Bucket=environment.config.s3_bucket, Key=task["s3_key_raw"])
    environment.send(task)
    wait_for(workers, lambda: status_of(environment, task["video_id"])["status"] == "error")
    environment.s3.upload_file(str(path), environment.config.s3_bucket, task["s3_key_raw"])
    wait_for(workers, lambda: settled(environment))
    assert status_of(environment, task["video_id"]) == {
        "status": "done",
        "error_code": None,
        "error_msg": None,
    }


def test_a_raw_snapshot_message_is_classified_without_any_row_before(
    environment: Stack, workers: list[WorkerProcess]
) -> None:
    video_id = str(uuid.uuid4())
    key = f"demo_user/{local_stack.WORKSPACE_ID}/{video_id}/snapshots/CTX1005_CAM1_000001_000040.jpg"
    content = cv2.imencode(".jpg", np.full((640, 640, 3), 120, np.uint8))[1].tobytes()
    bucket = environment.config.s3_bucket
    environment.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="image/jpeg")
    environment.sqs.send_message(
        QueueUrl=environment.snapshot_queue_url,
        MessageBody=(
            f'{{"event": "SNAPSHOT_READY", "video_id": "{video_id}", "workspace_id": "{local_stack.WORKSPACE_ID}",'
            ' "workspace_code": "CTX1005", "camera_code": "CAM1", "track_id": 1,'
            f' "snapshot_s3_key": "s3://{bucket}/{key}", "recordedAt": null, "detectedIn": 40, "detectedAt": null,'
            ' "yolo_type": "Car"}'
        ),
    )
    rows = wait_for(
        workers,
        lambda: environment.sql("SELECT * FROM image_analyses WHERE video_id = %s AND status = 'done'", video_id),
    )
    assert rows[0]["run_key"] is None

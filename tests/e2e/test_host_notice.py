"""A host that EC2 takes back in the middle of a video: another host continues it, and nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import local_stack, stored_results, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.tests.support import instance_metadata
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

pytestmark = pytest.mark.slow
SCRIPT = PACKAGE_FOLDER / "infra" / "host" / "stop_on_notice.sh"
PATIENCE_S = 240
LAUNCHER = ("video_analysis.tests.chaos.launcher", "yolo_worker")
NOT_SOON_DONE = {"CHAOS_CHECKPOINT_S": "0.5", "CHAOS_SLOW_S": "0.1"}
"""The first checkpoint comes early, and the rest of the video takes a while on any machine."""


@pytest.fixture(scope="module")
def stack(shared_data: Path, model_cache: Path) -> Iterator[Stack]:
    weights = shared_data / "models" / "yolov8n_coco.pt"
    if not weights.is_file():
        pytest.skip(f"no detector weights at {weights}")
    with tempfile.TemporaryDirectory(prefix="cvitx-notice-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = with_untrained(weights, folder) | {"CVITX_CACHE_DIR": str(model_cache)}
        with local_stack.started(folder, WorkerConfig(), settings) as stack:
            yield stack


@pytest.fixture
def clip(shared_data: Path) -> Path:
    return shared_data / "video" / "residential_road_640x352_905f.mp4"


def wait_for(worker: WorkerProcess, condition: Callable[[], Any], name: str) -> Any:
    """What `condition` returns as soon as that is true."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert worker.process.poll() is None, worker.log_tail(20)
        assert time.monotonic() < deadline_s, f"{name}: {worker.log_tail()}"
        time.sleep(0.1)
    return found


def systemctl_of(process: subprocess.Popen[bytes], folder: Path) -> Path:
    """A folder with a stand-in for systemctl that stops this process, as `systemctl stop` does."""
    path = folder / "bin" / "systemctl"
    path.parent.mkdir()
    path.write_text(f"#!/bin/bash\nkill -TERM {process.pid}\n", "utf-8")
    path.chmod(0o755)
    return path.parent


def test_a_video_whose_host_is_taken_back_is_continued_by_another_one(stack: Stack, clip: Path, tmp_path: Path) -> None:
    task = stack.upload(clip, stride=1)
    stack.send(task)
    (tmp_path / "second").mkdir()
    environ = {**stack.environ, **NOT_SOON_DONE}
    with (
        worker_process.running("yolo_worker", environ, tmp_path, *LAUNCHER) as first,
        instance_metadata.served() as metadata,
    ):
        script_environ = {
            "PATH": f"{systemctl_of(first.process, tmp_path)}:{os.environ['PATH']}",
            "CVITX_METADATA_URL": metadata.url,
            "CVITX_NOTICE_EVERY_S": "0.1",
        }
        with subprocess.Popen(["bash", str(SCRIPT)], env=script_environ, stdout=subprocess.DEVNULL) as script:
            wait_for(first, lambda: stack.sql("SELECT 1 FROM stage_checkpoints"), "a checkpoint")
            metadata.values |= instance_metadata.NOTICES
            assert script.wait(PATIENCE_S) == 0
        assert first.process.wait(PATIENCE_S) == 0
        assert not first.events("video.done")
    (status,) = stack.sql("SELECT status, error_code FROM videos WHERE id = %s", task["video_id"])
    assert status["status"] == "processing"
    with worker_process.running("yolo_worker", stack.environ, tmp_path / "second") as second:
        (done,) = wait_for(second, lambda: second.events("video.done"), "the end of the video")
        (continued,) = second.events("run.continued")
        assert continued["frames"] > 0
        assert done["damage"] is None
        wait_for(second, lambda: stack.depth(stack.video_queue_url) == 0, "the acknowledgement")
        assert second.stop() == 0
    received = [line["receive_count"] for worker in (first, second) for line in worker.events("message.received")]
    assert received == [1, 2]
    found = stored_results.read(stack, task["video_id"])
    assert len(found.analyses) == len(found.rows) == len(found.snapshots) == done["vehicles"] > 0

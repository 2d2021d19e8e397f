"""What a killed worker leaves on the disk goes with the next start, and nothing else does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.errors import EnvironmentFault
from video_analysis.worker_utils.execution import temp_dirs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FETCHING = """
import sys
from pathlib import Path
import boto3
from video_analysis.worker_utils.aws.s3 import ObjectStore
store = ObjectStore(boto3.client("s3"), sys.argv[1], Path(sys.argv[2]))
with store.fetch("clip.mp4", lambda: None) as file:
    print(file.path, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def fetching(s3: S3Client, bucket: str, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker with a video on the disk, until it is killed."""
    s3.put_object(Bucket=bucket, Key="clip.mp4", Body=b"video", ContentType="video/mp4")
    command = [sys.executable, "-c", FETCHING, bucket, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_killed_worker_s_video_goes_with_the_next_start_and_a_living_one_s_stays(
    fetching: subprocess.Popen[str], bucket: str, tmp_path: Path
) -> None:
    assert fetching.stdout is not None
    video = Path(fetching.stdout.readline().strip())
    config = WorkerConfig(s3_bucket=bucket, temp_dir=tmp_path)
    ObjectStore.connect(boto3.Session(), config)
    assert video.read_bytes() == b"video"
    fetching.kill()
    fetching.wait()
    assert video.exists()
    ObjectStore.connect(boto3.Session(), config)
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_worker_s_own_stays(tmp_path: Path) -> None:
    (tmp_path / f"{temp_dirs.PREFIX}being-made").mkdir()
    (tmp_path / "cvitx-else").mkdir()
    (tmp_path / "cvitx-else" / temp_dirs.LOCK).touch()
    (tmp_path / "abandoned").mkdir()
    (tmp_path / "abandoned" / temp_dirs.LOCK).touch()
    (tmp_path / f"{temp_dirs.PREFIX}link").symlink_to(tmp_path / "abandoned")
    before = sorted(tmp_path.rglob("*"))
    temp_dirs.sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_temporary_folder_that_is_not_there_stops_no_start(tmp_path: Path) -> None:
    temp_dirs.sweep(tmp_path / "absent")
    absent = tmp_path / "absent"
    with (
        pytest.raises(EnvironmentFault, match="see CVITX_CACHE_DIR"),
        temp_dirs.private_folder(absent, "CVITX_CACHE_DIR"),
    ):
        pytest.fail("made in a folder that is not there")

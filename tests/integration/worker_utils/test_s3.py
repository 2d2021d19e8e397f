"""Objects in and out over the real wire protocol, and the disk they lie on for a while."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from video_analysis.tests.support.faulty_s3 import nothing, reading
from video_analysis.worker_utils.aws.s3 import CHUNK_BYTES, ObjectStore
from video_analysis.worker_utils.errors import (
    EnvironmentFault,
    LeaseLost,
    MissingObject,
    Permanent,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "demo_user/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/50651c85-90ab-471b-8707-adc0ef16f91f/raw/CCTV 日本 a+b%20.mp4"
CLIP = bytes(range(256)) * (CHUNK_BYTES // 100)


@pytest.fixture
def store(s3: S3Client, bucket: str, tmp_path: Path) -> ObjectStore:
    s3.put_object(Bucket=bucket, Key=KEY, Body=CLIP, ContentType="video/mp4")
    return ObjectStore(s3, bucket, tmp_path)


def test_a_fetched_object_is_whole_and_gone_when_the_block_ends(store: ObjectStore, tmp_path: Path) -> None:
    progress: list[int] = []
    with store.fetch(KEY, lambda: progress.append(1)) as file:
        path = file.path
        assert (file.etag, file.size_bytes) == (f'"{hashlib.md5(CLIP).hexdigest()}"', len(CLIP))  # as S3
        assert path.read_bytes() == CLIP
        assert path.is_relative_to(tmp_path)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(progress) == 3
    assert not list(tmp_path.iterdir())


def test_a_fetched_object_is_gone_when_the_block_fails(store: ObjectStore, tmp_path: Path) -> None:
    def decode(path: Path) -> None:
        path.with_name("left-behind").write_bytes(b"by a decoder")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.fetch(KEY, nothing) as file:
        decode(file.path)
    assert not list(tmp_path.iterdir())


def test_a_fault_of_the_caller_s_is_not_taken_for_one_of_s3_s(store: ObjectStore) -> None:
    with pytest.raises(FileNotFoundError), store.fetch(KEY, nothing) as file:
        file.path.with_name("absent").read_bytes()


def test_progress_that_raises_ends_the_fetch_at_that_chunk(store: ObjectStore, tmp_path: Path) -> None:
    seen: list[int] = []

    def lost() -> None:
        seen.append(1)
        raise LeaseLost("somebody else's")

    with pytest.raises(LeaseLost, match="somebody else's"):
        reading(store, "fetch", KEY, lost)
    assert seen == [1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("read", ["fetch", "fetch_bytes"])
def test_an_object_that_is_not_there_is_missing_and_named(store: ObjectStore, bucket: str, read: str) -> None:
    with pytest.raises(MissingObject, match=f"s3://{bucket}/absent.mp4 not found") as caught:
        reading(store, read, "absent.mp4")
    assert caught.value.key == "absent.mp4"


def test_a_small_object_comes_with_its_type_and_a_large_one_is_refused_unread(store: ObjectStore) -> None:
    store.put("small.jpg", b"12345", "image/jpeg")
    assert store.fetch_bytes("small.jpg", 5) == (b"12345", "image/jpeg")
    with pytest.raises(Permanent, match="5 bytes, more than the 4 allowed"):
        store.fetch_bytes("small.jpg", 4)


def test_putting_the_same_content_again_changes_nothing(store: ObjectStore, s3: S3Client, bucket: str) -> None:
    def state() -> tuple[bytes, str, str]:
        answer = s3.get_object(Bucket=bucket, Key="again.jpg")
        with answer["Body"] as body:
            return body.read(), answer["ContentType"], answer["ETag"]

    store.put("again.jpg", b"jpeg", "image/jpeg")
    before = state()
    store.put("again.jpg", b"jpeg", "image/jpeg")
    assert state() == before
    assert before[:2] == (b"jpeg", "image/jpeg")


def test_a_disk_without_room_is_the_environment_s_fault_before_a_byte_is_written(
    store: ObjectStore, s3: S3Client, bucket: str, tmp_path: Path
) -> None:
    store.check_disk()
    greedy = ObjectStore(s3, bucket, tmp_path, min_free_bytes=1 << 60)
    with pytest.raises(EnvironmentFault, match=r"disk full: .* MB free, .* set CVITX_TEMP_DIR"):
        greedy.check_disk()
    with pytest.raises(EnvironmentFault, match="disk full"):
        reading(greedy, "fetch", KEY)
    assert not list(tmp_path.iterdir())


def test_a_temporary_folder_that_is_not_there_is_the_environment_s_fault(
    store: ObjectStore, s3: S3Client, bucket: str, tmp_path: Path
) -> None:
    lost = ObjectStore(s3, bucket, tmp_path / "absent")
    with pytest.raises(EnvironmentFault, match="CVITX_TEMP_DIR"):
        lost.check_disk()
    with pytest.raises(EnvironmentFault, match="CVITX_TEMP_DIR"):
        reading(lost, "fetch", KEY)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={len(CLIP) + (2 << 20)}", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk of a size of its own can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_during_the_fetch_is_the_environment_s_fault(
    store: ObjectStore, s3: S3Client, bucket: str, small_disk: Path
) -> None:
    def fill() -> None:
        with pytest.raises(OSError, match="No space"):
            (small_disk / "somebody-else").write_bytes(bytes(16 << 20))

    with pytest.raises(EnvironmentFault, match="disk full while fetching"):
        reading(ObjectStore(s3, bucket, small_disk), "fetch", KEY, fill)
    assert [path.name for path in small_disk.iterdir()] == ["somebody-else"]


def test_a_conditional_put_leaves_an_object_that_exists_and_writes_one_that_does_not(
    store: ObjectStore, s3: S3Client, bucket: str
) -> None:
    store.put("a/snapshots/1.jpg", b"first", "image/jpeg")
    store.put("a/snapshots/1.jpg", b"second", "image/jpeg", only_if_absent=True)
    store.put("a/snapshots/2.jpg", b"third", "image/jpeg", only_if_absent=True)
    store.put("a/snapshots/2.jpg", b"fourth", "image/jpeg")
    contents = [s3.get_object(Bucket=bucket, Key=f"a/snapshots/{name}.jpg")["Body"].read() for name in (1, 2)]
    assert contents == [b"first", b"fourth"]

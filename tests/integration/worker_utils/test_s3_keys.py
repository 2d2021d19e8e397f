from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.worker_utils.contracts import s3_keys
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri, parse_snapshot_uri, raw_key_owner

WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
RAW = f"demo_user/{WORKSPACE}/{VIDEO}/raw"
SNAPSHOTS = f"s3://cvitx-uploads-dev-jdfirme/demo_user/{WORKSPACE}/{VIDEO}/snapshots"

uris = st.builds(
    SnapshotUri,
    bucket=st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True),
    workspace_id=st.uuids().map(str),
    video_id=st.uuids().map(str),
    workspace_code=st.integers(0, 10**20 - 1).map("CTX{:04}".format),
    camera_code=st.integers(0, 10**20 - 1).map("CAM{}".format),
    track_id=st.integers(1, 2**31 - 1),
    offset_ms=st.integers(0, 2**63 - 1),
)


@given(uris)
def test_a_snapshot_uri_is_taken_apart_into_what_it_was_built_of(uri: SnapshotUri) -> None:
    assert parse_snapshot_uri(str(uri)) == uri


def test_the_contract_s_own_snapshot_uri_is_built_digit_for_digit() -> None:
    uri = SnapshotUri("cvitx-uploads-dev-jdfirme", WORKSPACE, VIDEO, "CTX1005", "CAM1", 305, 2272)
    assert str(uri) == f"{SNAPSHOTS}/CTX1005_CAM1_000305_002272.jpg"
    assert uri.key == str(uri).removeprefix("s3://cvitx-uploads-dev-jdfirme/")


def test_an_offset_past_sixteen_minutes_has_seven_digits_and_comes_back() -> None:
    uri = SnapshotUri("bucket", WORKSPACE, VIDEO, "CTX1005", "CAM1", 1, 1_000_001)
    assert str(uri).endswith("_000001_1000001.jpg")
    assert parse_snapshot_uri(str(uri)).offset_ms == 1_000_001


@pytest.mark.parametrize(
    "name",
    [
        "CTX1005_CAM1_0000305_002272.jpg",  # a leading zero past six digits: two names for one track
        "CTX1005_CAM1_000305_0002272.jpg",
        "CTX1005_CAM1_00305_002272.jpg",
        "CTX1005_CAM1_000305_2272.jpg",
        "CTX105_CAM1_000305_002272.jpg",
        f"CTX{'1' * 21}_CAM1_000305_002272.jpg",
        f"CTX1005_CAM{'1' * 21}_000305_002272.jpg",
        "CTX1005_CAM_000305_002272.jpg",
        "CTX1005_CAM1_000305_002272.jpeg",
        "CTX1005_CAM1_000305_002272.JPG",
        "CTX1005_CAM1_000305_002272.jpg\n",
        "CTX1005_CAM1_000305_002272.jpg?versionId=1",
        "CTX1005_CAM1_00030\u0665_002272.jpg",  # an Arabic five is a digit to \d
        "CTX1005_CAM1_-00305_002272.jpg",
        "../snapshots/CTX1005_CAM1_000305_002272.jpg",
    ],
)
def test_a_snapshot_name_that_is_nearly_right_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not s3://"):
        parse_snapshot_uri(f"{SNAPSHOTS}/{name}")


def test_the_longest_name_of_a_snapshot_is_far_from_s3_s_limit() -> None:
    uri = SnapshotUri("b" * 63, WORKSPACE, VIDEO, f"CTX{'9' * 20}", f"CAM{'9' * 20}", 2**31 - 1, 2**63 - 1)
    assert parse_snapshot_uri(str(uri)) == uri
    assert len(uri.key.encode()) < s3_keys.LONGEST_KEY_BYTES // 4


@pytest.mark.parametrize("bucket", ["", "a", "UPPER", "under_score", "-lead", "trail-", "sla/sh", "a" * 64, "bucket\n"])
def test_what_cannot_be_a_bucket_is_refused(bucket: str) -> None:
    good = f"{SNAPSHOTS}/CTX1005_CAM1_000305_002272.jpg"
    with pytest.raises(ValueError, match="is not s3://"):
        parse_snapshot_uri(good.replace("cvitx-uploads-dev-jdfirme", bucket))


@pytest.mark.parametrize(
    "name", ["CCTV_Test1.mp4", "a b.mp4", "日本.mp4", "deep/er.mp4", "..mp4", "a..mp4", "x.mp4.mp4"]
)
def test_a_raw_key_names_its_workspace_and_its_video(name: str) -> None:
    assert raw_key_owner(f"{RAW}/{name}") == (WORKSPACE, VIDEO)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (f"{RAW}/.mp4", "is not demo_user"),
        (f"{RAW}/clip.mp4\n", "is not demo_user"),
        (f"{RAW}/clip.mov", "is not demo_user"),
        (f"/{RAW}/clip.mp4", "is not demo_user"),
        (f"{RAW.replace('demo_user', 'other_user')}/clip.mp4", "is not demo_user"),
        (f"{RAW.replace('raw', 'snapshots')}/clip.mp4", "is not demo_user"),
        (f"{RAW.upper().replace('DEMO_USER', 'demo_user').replace('RAW', 'raw')}/clip.mp4", "is not demo_user"),
        (f"demo_user/{'a' * 36}/{'b' * 36}/raw/clip.mp4", "is not demo_user"),
        (f"{RAW}/../../secret/raw/clip.mp4", "'..' segment"),
        (f"{RAW}/../clip.mp4", "'..' segment"),
        (f"{RAW}/a\x00b.mp4", "control character"),
        (f"{RAW}/a\x85b.mp4", "control character"),
        (f"{RAW}/a\ud800b.mp4", "an unpaired surrogate"),
        (f"{RAW}/{'é' * 480}.mp4", "longer than the 1024 bytes"),
    ],
)
def test_a_raw_key_that_is_not_one_is_refused_with_the_reason(key: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        raw_key_owner(key)


def test_a_raw_key_of_exactly_the_length_that_s3_allows_is_taken() -> None:
    stem = "a" * (s3_keys.LONGEST_KEY_BYTES - len(f"{RAW}/.mp4"))
    assert raw_key_owner(f"{RAW}/{stem}.mp4") == (WORKSPACE, VIDEO)
    with pytest.raises(ValueError, match="longer than"):
        raw_key_owner(f"{RAW}/{stem}a.mp4")

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from video_analysis import worker_config
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig, load
from video_analysis.worker_utils.errors import ConfigurationError

ON = {"CVITX_ENV_OVERRIDES": "1"}


CONSTANTS = {
    "region": "ap-southeast-2",
    "s3_bucket": "cvitx-uploads-dev-jdfirme",
    "video_queue": "cvitx-video-tasks",
    "snapshot_queue": "cvitx-snapshot-tasks",
    "visibility_timeout_s": 300,
    "heartbeat_s": 60,
    "wait_time_s": 10,
    "retention_s": 14 * 24 * 3600,
    "max_receive_count": 5,
    "transient_delays_s": (30, 90, 270, 810),
    "missing_delays_s": (5, 10, 20, 40),
    "database_url": "postgresql://cvitx@localhost:5432/cvitx",
    "run_mode": "single",
}


def test_the_defaults_are_the_contract_s_constants() -> None:
    config = load({})
    assert {field: getattr(config, field) for field in CONSTANTS} == CONSTANTS


@pytest.mark.parametrize(
    ("field", "inside"),
    [
        ("yolo_weights", "yolo_worker/bundle/yolov8m.pt"),
        ("deepsort_engine", "yolo_worker/bundle/deepsort.engine"),
        ("main_checkpoint", "main_worker/bundle/main.pt"),
        ("baseline_checkpoint", "main_worker/bundle/baseline.pt"),
        ("cmt_checkpoint", "main_worker/bundle/cmt.pt"),
    ],
)
def test_a_relative_path_is_the_package_s_and_not_the_shell_s(
    field: str, inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = load({})
    assert config.path(getattr(config, field)) == PACKAGE_FOLDER / inside


def test_an_absolute_path_and_the_home_folder_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ubuntu")
    assert WorkerConfig().path(Path("/models/a.pt")) == Path("/models/a.pt")
    assert WorkerConfig().path(Path("~/a.pt")) == Path("/home/ubuntu/a.pt")


def test_a_configuration_cannot_be_changed() -> None:
    config = load({})
    with pytest.raises(ValidationError, match="frozen"):
        config.s3_bucket = "another"


def test_switched_off_the_names_are_ignored_with_one_warning_that_tells_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = load(
        {"CVITX_S3_BUCKET": "other", "CVITX_DATABASE_URL": "postgresql://u:secret@db/x", "CVITX_NONSENSE": "1"}
    )
    assert config == WorkerConfig()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    for name in ("CVITX_S3_BUCKET", "CVITX_DATABASE_URL", "CVITX_NONSENSE", "CVITX_ENV_OVERRIDES=1"):
        assert name in record.getMessage()
    assert "secret" not in record.getMessage()


@pytest.mark.parametrize("environ", [{}, {"PATH": "/bin"}, {"CVITX_ENV_OVERRIDES": "0"}, {"CVITX_ENV_OVERRIDES": ""}])
def test_with_nothing_to_ignore_there_is_nothing_to_say(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert load(environ) == WorkerConfig()
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("S3_BUCKET", "my-bucket", "my-bucket"),
        ("DATABASE_URL", "postgresql://db/x", "postgresql://db/x"),
        ("YOLO_WEIGHTS", "/models/best.pt", Path("/models/best.pt")),
        ("MAIN_CHECKPOINT", "main.pt", Path("main.pt")),
        ("BASELINE_CHECKPOINT", "b.pt", Path("b.pt")),
        ("CMT_CHECKPOINT", "c.pt", Path("c.pt")),
        ("RUN_MODE", "compare", "compare"),
        ("VISIBILITY_TIMEOUT_S", "600", 600),
        ("HEARTBEAT_S", "7.5", 7.5),
        ("WAIT_TIME_S", "0", 0),
        ("STALL_S", "30", 30.0),
        ("TRANSIENT_DELAYS_S", "1, 2,3", (1.0, 2.0, 3.0)),
        ("TEMP_DIR", "/scratch", Path("/scratch")),
        ("MODEL_STORE", "s3://models.example/cvitx/main", "s3://models.example/cvitx/main"),
        ("FALLBACK_CHECKPOINT", "/models/old.pt", Path("/models/old.pt")),
    ],
)
def test_switched_on_a_name_overrides_its_field(name: str, text: str, value: object) -> None:
    config = load(ON | {f"CVITX_{name}": text})
    assert config == WorkerConfig().model_copy(update={name.lower(): value})


def test_every_field_has_a_name_in_the_environment() -> None:
    for field in WorkerConfig.model_fields:
        with pytest.raises(
            ConfigurationError, match="CVITX_NO_SUCH: no such setting; known are .*CVITX_" + field.upper()
        ):
            load(ON | {"CVITX_NO_SUCH": "1"})


def test_the_switch_in_the_file_is_off_and_serves_as_well_as_the_one_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_config.ENV_OVERRIDES is False
    monkeypatch.setattr(worker_config, "ENV_OVERRIDES", True)
    assert load({"CVITX_S3_BUCKET": "my-bucket"}).s3_bucket == "my-bucket"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RUN_MODE", "both"),
        ("S3_BUCKET", "Not_A_Bucket"),
        ("S3_BUCKET", "bucket\n"),
        ("VISIBILITY_TIMEOUT_S", "0"),
        ("VISIBILITY_TIMEOUT_S", "43201"),
        ("VISIBILITY_TIMEOUT_S", "five minutes"),
        ("VISIBILITY_TIMEOUT_S", ""),
        ("VIDEO_QUEUE", ""),
        ("TEMP_DIR", " "),
        ("HEARTBEAT_S", "-1"),
        ("HEARTBEAT_S", "nan"),
        ("STALL_S", "inf"),
        ("WAIT_TIME_S", "21"),
        ("MAX_RECEIVE_COUNT", "0"),
        ("TRANSIENT_DELAYS_S", "30,,90"),
        ("JPEG_QUALITY", "101"),
        ("MICRO_BATCH", "11"),
        ("DETECTOR_CONFIDENCE", "nan"),
        ("DETECTOR_SIZE_PX", "641"),
        ("DEVICE", "gpu"),
        ("MODEL_STORE", "s3://models"),
        ("MODEL_STORE", "s3://models/"),
        ("MODEL_STORE", "https://models/cvitx"),
        ("MODEL_STORE", "s3://models/a//b"),
        ("MODEL_STORE", "s3://models/cvitx\n"),
        ("S3_BUKET", "typo"),
        ("s3_bucket", "lower case"),
        ("", "nameless"),
    ],
)
def test_a_bad_override_stops_the_start_with_one_line_that_names_it(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(ON | {f"CVITX_{name}": text})
    assert f"CVITX_{name}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_store_without_a_prefix_is_told_what_it_lacks() -> None:
    with pytest.raises(ConfigurationError, match=r"CVITX_MODEL_STORE='s3://models': is not s3://bucket/prefix \(both"):
        load(ON | {"CVITX_MODEL_STORE": "s3://models"})


def test_all_bad_overrides_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"CVITX_WAIT_TIME_S='99'.*CVITX_JPEG_QUALITY='0'"):
        load(ON | {"CVITX_WAIT_TIME_S": "99", "CVITX_JPEG_QUALITY": "0"})


@pytest.mark.parametrize("value", ["yes", "true", "2", "01"])
def test_a_switch_that_is_neither_on_nor_off_stops_the_start(value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"CVITX_ENV_OVERRIDES='{value}'"):
        load({"CVITX_ENV_OVERRIDES": value})


@pytest.mark.parametrize("changes", [{"HEARTBEAT_S": "151"}, {"VISIBILITY_TIMEOUT_S": "119"}])
def test_a_heartbeat_that_one_lost_beat_would_break_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"CVITX_HEARTBEAT_S=.* at most half of CVITX_VISIBILITY_TIMEOUT_S"):
        load(ON | {f"CVITX_{name}": text for name, text in changes.items()})
    assert load(ON | {"CVITX_HEARTBEAT_S": "150"}).heartbeat_s == 150


@pytest.mark.parametrize(
    ("environ", "field", "value"),
    [
        ({"CACHE_DIRECTORY": "/var/cache/cvitx:/var/cache/more"}, "cache_dir", Path("/var/cache/cvitx")),
        ({"XDG_CACHE_HOME": "/home/a/.cache"}, "cache_dir", Path("/home/a/.cache/cvitx")),
        ({"CACHE_DIRECTORY": "/one", "XDG_CACHE_HOME": "/two"}, "cache_dir", Path("/one")),
        (ON | {"CVITX_CACHE_DIR": "/three", "CACHE_DIRECTORY": "/one"}, "cache_dir", Path("/three")),
        ({"NOTIFY_SOCKET": "@cvitx"}, "notify_socket", "@cvitx"),
        ({"NOTIFY_SOCKET": ""}, "notify_socket", None),
    ],
)
def test_what_systemd_says_of_the_process_is_heard_with_the_switch_off(
    environ: dict[str, str], field: str, value: Any
) -> None:
    assert getattr(load(environ), field) == value


def test_no_secret_stands_in_the_file() -> None:
    text = (PACKAGE_FOLDER / "worker_config.py").read_text("utf-8")
    assert not re.search(r"://[^\s/@:\"]+:[^\s/@\"]+@", text), "a password in a URL"
    assert not re.search(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", text), "an AWS access key"
    assert not re.search(r"(?i)(?:password|secret|token)\w*\s*[:=]", text)

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from video_analysis import worker_config
from video_analysis.worker_config import PACKAGE_FOLDER, VARIABLES, WorkerConfig, load
from video_analysis.worker_utils import env_overrides
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


@pytest.mark.parametrize("environ", [{}, {"PATH": "/bin"}, {"CVITX_ENV_OVERRIDES": "0"}])
def test_with_nothing_to_ignore_there_is_nothing_to_say(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert load(environ) == WorkerConfig()
    assert not caplog.records


ALWAYS_KNOWN: list[tuple[str, str, str, object]] = [
    ("CVITX_REGION", "eu-west-1", "region", "eu-west-1"),
    ("CVITX_S3_BUCKET", "my-bucket", "s3_bucket", "my-bucket"),
    ("CVITX_VIDEO_QUEUE", "videos", "video_queue", "videos"),
    ("CVITX_SNAPSHOT_QUEUE", "snapshots", "snapshot_queue", "snapshots"),
    ("CVITX_DATABASE_URL", "postgresql://db/x", "database_url", "postgresql://db/x"),
    ("CVITX_VISIBILITY_TIMEOUT_S", "600", "visibility_timeout_s", 600),
    ("CVITX_HEARTBEAT_S", "7.5", "heartbeat_s", 7.5),
    ("CVITX_WAIT_TIME_S", "0", "wait_time_s", 0),
    ("CVITX_RETENTION_S", "3600", "retention_s", 3600),
    ("CVITX_MAX_RECEIVE_COUNT", "3", "max_receive_count", 3),
    ("CVITX_STALL_S", "30", "stall_s", 30.0),
    ("CVITX_TRANSIENT_DELAYS_S", "1, 2,3", "transient_delays_s", (1.0, 2.0, 3.0)),
    ("CVITX_MISSING_DELAYS_S", "4", "missing_delays_s", (4.0,)),
    ("CVITX_DENIED_KEYS_LIMIT", "2", "denied_keys_limit", 2),
    ("CVITX_PAUSE_FIRST_S", "1", "pause.first_s", 1.0),
    ("CVITX_PAUSE_LONGEST_S", "60", "pause.longest_s", 60.0),
    ("CVITX_PAUSE_RESTART_S", "300", "pause.restart_s", 300.0),
    ("CVITX_SHUTDOWN_GRACE_S", "25", "shutdown_grace_s", 25.0),
    ("CVITX_YOLO_WEIGHTS", "/models/best.pt", "yolo_weights", Path("/models/best.pt")),
    ("CVITX_DEEPSORT_ENGINE", "/models/a.engine", "deepsort_engine", Path("/models/a.engine")),
    ("CVITX_EMBEDDER", "mobilenet", "embedder", "mobilenet"),
    ("CVITX_DEVICE", "torch", "device", "torch"),
    ("CVITX_THREADS", "2", "threads", 2),
    ("CVITX_DETECTOR_SIZE_PX", "960", "detector.size_px", 960),
    ("CVITX_DETECTOR_BATCH", "4", "detector.batch", 4),
    ("CVITX_DETECTOR_CONFIDENCE", "0.3", "detector.confidence", 0.3),
    ("CVITX_DETECTOR_IOU", "0.6", "detector.iou", 0.6),
    ("CVITX_DETECTOR_INSIDE", "0.7", "detector.containment", 0.7),
    ("CVITX_TRACK_N_INIT", "4", "track.n_init", 4),
    ("CVITX_TRACK_CONFIRM_S", "1", "track.confirm_s", 1.0),
    ("CVITX_TRACK_CONFIDENCE", "0.5", "track.confidence", 0.5),
    ("CVITX_TRACK_MAX_AGE_S", "2", "track.max_age_s", 2.0),
    ("CVITX_TRACK_GAP_S", "2", "track.gap_s", 2.0),
    ("CVITX_TRACK_LINK_S", "5", "track.link_s", 5.0),
    ("CVITX_TRACK_SPEED", "3", "track.speed", 3.0),
    ("CVITX_TRACK_MAX_COSINE", "0.3", "track.max_cosine", 0.3),
    ("CVITX_TRACK_MAX_IOU_DISTANCE", "0.8", "track.max_iou_distance", 0.8),
    ("CVITX_TRACK_NN_BUDGET", "50", "track.nn_budget", 50),
    ("CVITX_TRACK_LOOK_S", "0", "track.embed_interval_s", 0.0),
    ("CVITX_MIN_BOX_PX", "20", "detector.min_box_px", 20),
    ("CVITX_BEST_AREA_STEP", "0", "best.area_step", 0.0),
    ("CVITX_BEST_CONFIDENCE_STEP", "0", "best.confidence_step", 0.0),
    ("CVITX_BEST_SHARPNESS_STEP", "0", "best.sharpness_step", 0.0),
    ("CVITX_BEST_CENTRE_STEP", "0", "best.centre_step", 0.0),
    ("CVITX_BEST_OUTLIER_AREA", "2", "best.outlier_area", 2.0),
    ("CVITX_EDGE_PX", "4", "best.edge_px", 4),
    ("CVITX_CROP_MARGIN", "0.2", "snapshot.crop_margin", 0.2),
    ("CVITX_JPEG_QUALITY", "90", "snapshot.jpeg_quality", 90),
    ("CVITX_EMITTERS", "2", "snapshot.upload_workers", 2),
    ("CVITX_RUN_MODE", "compare", "run_mode", "compare"),
    ("CVITX_MAIN_CHECKPOINT", "main.pt", "main_checkpoint", Path("main.pt")),
    ("CVITX_BASELINE_CHECKPOINT", "b.pt", "baseline_checkpoint", Path("b.pt")),
    ("CVITX_CMT_CHECKPOINT", "c.pt", "cmt_checkpoint", Path("c.pt")),
    ("CVITX_MODEL_STORE", "s3://models.example/cvitx/main", "model_store", "s3://models.example/cvitx/main"),
    ("CVITX_FALLBACK_CHECKPOINT", "/models/old.pt", "fallback_checkpoint", Path("/models/old.pt")),
    ("CVITX_MICRO_BATCH", "5", "batch_size", 5),
    ("CVITX_ATTRIBUTE_LIMIT_S", "9", "attribute_timeout_s", 9.0),
    ("CVITX_CACHE_DIR", "/cache", "cache_dir", Path("/cache")),
    ("CVITX_TEMP_DIR", "/scratch", "temp_dir", Path("/scratch")),
    ("CVITX_MIN_FREE_DISK_MB", "1", "min_free_disk_mb", 1),
    ("CVITX_NOTIFY_SOCKET", "@cvitx", "notify_socket", "@cvitx"),
    ("CVITX_METRICS_ADDRESS", "127.0.0.1", "metrics_address", "127.0.0.1"),
    ("CVITX_YOLO_METRICS_PORT", "9201", "yolo_metrics_port", 9201),
    ("CVITX_MAIN_METRICS_PORT", "9202", "main_metrics_port", 9202),
]
"""(variable, text, setting, value): every variable, those from before the settings had groups by their old names."""
DEPRECATED = {
    "CVITX_ATTRIBUTE_LIMIT_S": "CVITX_ATTRIBUTE_TIMEOUT_S",
    "CVITX_CROP_MARGIN": "CVITX_SNAPSHOT_CROP_MARGIN",
    "CVITX_DETECTOR_INSIDE": "CVITX_DETECTOR_CONTAINMENT",
    "CVITX_EDGE_PX": "CVITX_BEST_EDGE_PX",
    "CVITX_EMITTERS": "CVITX_SNAPSHOT_UPLOAD_WORKERS",
    "CVITX_JPEG_QUALITY": "CVITX_SNAPSHOT_JPEG_QUALITY",
    "CVITX_MICRO_BATCH": "CVITX_BATCH_SIZE",
    "CVITX_MIN_BOX_PX": "CVITX_DETECTOR_MIN_BOX_PX",
    "CVITX_TRACK_LOOK_S": "CVITX_TRACK_EMBED_INTERVAL_S",
}


def flat(config: BaseModel, prefix: str = "") -> dict[str, object]:
    """Setting, as a dotted path → value."""
    values: dict[str, object] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        values |= flat(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else {f"{prefix}{name}": value}
    return values


@pytest.mark.parametrize(("variable", "text", "setting", "value"), ALWAYS_KNOWN)
def test_every_variable_that_was_ever_known_sets_its_setting_and_no_other(
    variable: str, text: str, setting: str, value: object
) -> None:
    before, after = flat(WorkerConfig()), flat(load(ON | {variable: text}))
    assert {name for name in after if after[name] != before[name]} == {setting}
    assert after[setting] == value


def test_the_variable_of_a_setting_is_its_path() -> None:
    assert {f"CVITX_{setting}".replace(".", "_").upper() for setting in flat(WorkerConfig())} == set(VARIABLES)
    assert set(VARIABLES) == {DEPRECATED.get(variable, variable) for variable, *_ in ALWAYS_KNOWN}
    assert set(VARIABLES).isdisjoint(DEPRECATED)


@pytest.mark.parametrize(("former", "present"), DEPRECATED.items())
def test_a_former_name_works_with_one_warning_that_names_the_present_one(
    former: str, present: str, caplog: pytest.LogCaptureFixture
) -> None:
    (text,) = (text for variable, text, _, _ in ALWAYS_KNOWN if variable == former)
    assert load(ON | {former: text}) != WorkerConfig()
    (record,) = caplog.records
    assert record.getMessage() == f"{former} is deprecated: use {present}"
    assert (record.levelno, vars(record)["event"]) == (logging.WARNING, "config.deprecated_name")
    caplog.clear()
    assert load(ON | {present: text}) == load(ON | {former: text})
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("former", "present"), DEPRECATED.items())
def test_a_setting_that_is_set_by_both_its_names_stops_the_start(former: str, present: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{former} and {present}: both names of one setting are set"):
        load(ON | {former: "1", present: "1"})


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("CVITX_ANALYSIS_EAGER", "CVITX_[A-Z_]+"),
        ("CVITX_", "CVITX_[A-Z_]+"),
        ("CVITX_DEVICE_LIST", "CVITX_DEVICE"),
        ("CVITX_TRACK_MAX_AGE", None),
        ("CVITX_MICRO_BATCHES", None),
        ("CVITX_JPG_QUALITY", None),
        ("CVITX_S3_BUKET", None),
        ("cvitx_region", "ignored"),
        ("CVITX_s3_bucket", None),
    ],
)
def test_an_unknown_variable_stops_the_start_only_if_it_looks_like_a_typing_error(
    unknown: str, nearest: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if nearest is None:
        with pytest.raises(ConfigurationError, match=f"^{unknown}: no such setting; did you mean CVITX_[A-Z0-9_]+[?]$"):
            load(ON | {unknown: "a secret"})
        return
    assert load(ON | {unknown: "a secret"}) == WorkerConfig()
    if not unknown.startswith("CVITX_"):
        assert not caplog.records
        return
    (record,) = caplog.records
    assert re.fullmatch(f"{unknown} is ignored: no such setting; the nearest is {nearest}", record.getMessage())
    assert (record.levelno, vars(record)["event"]) == (logging.WARNING, "config.unknown_name")


def test_a_misspelt_switch_in_a_file_that_is_read_anyway_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_config, "ENV_OVERRIDES", True)
    with pytest.raises(ConfigurationError, match="did you mean CVITX_ENV_OVERRIDES"):
        load({"CVITX_ENV_OVERIDE": "0"})


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2), ("abc", "abc", 0)],
)
def test_the_edit_distance_counts_insertions_deletions_and_replacements(one: str, other: str, distance: int) -> None:
    assert env_overrides.edit_distance(one, other) == env_overrides.edit_distance(other, one) == distance


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
        ("SNAPSHOT_JPEG_QUALITY", "0"),
        ("PAUSE_FIRST_S", "0"),
        ("PAUSE_FIRST_S", ""),
        ("MISSING_DELAYS_S", "5,soon"),
    ],
)
def test_a_bad_override_stops_the_start_with_one_line_that_names_it(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(ON | {f"CVITX_{name}": text})
    assert str(caught.value).startswith((f"CVITX_{name}=", f"CVITX_{name}: "))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"eu-west-1"', "has a quote that is part of the value; remove the quotes"),
        ("'eu-west-1'", "has a quote that is part of the value; remove the quotes"),
        ('"eu-west-1', "has a quote that is part of the value; remove the quotes"),
        ("eu-west-1'", "has a quote that is part of the value; remove the quotes"),
        ("eu-west-1\r", "has a carriage return; save the environment file with LF line ends"),
        ('"eu-west-1"\r', "has a carriage return; save the environment file with LF line ends"),
        ("\r", "has a carriage return; save the environment file with LF line ends"),
        ("eu-west-1\n", "has a line break or another control character; remove it"),
        ("eu-west-1\x1b[0m", "has a line break or another control character; remove it"),
        ("eu-west-1 # Ireland", "has a comment behind the value; write the comment on a line of its own"),
        ("eu-west-1\t#Ireland", "has a comment behind the value; write the comment on a line of its own"),
        ("eu-west-1# Ireland", "has a comment behind the value; write the comment on a line of its own"),
        ("password=a# Ireland", "has a comment behind the value; write the comment on a line of its own"),
        ("password=a #user=c", "has a comment behind the value; write the comment on a line of its own"),
        ("password='a #b'# Ireland", "has a comment behind the value; write the comment on a line of its own"),
        ("'eu' # 'Ireland'", "has a comment behind the value; write the comment on a line of its own"),
        ("eu-west-1 # O'Connell's", "has a comment behind the value; write the comment on a line of its own"),
        (
            "“eu-west-1”",
            "has the character U+201C (left double quotation mark); remove it, or replace it by a plain one",
        ),
        (
            "eu-west-1’",
            "has the character U+2019 (right single quotation mark); remove it, or replace it by a plain one",
        ),
        ("eu-west-1\u200b", "has the character U+200B (zero width space); remove it, or replace it by a plain one"),
        (
            "\ufeffeu-west-1",
            "has the character U+FEFF (zero width no-break space); remove it, or replace it by a plain one",
        ),
        ("\u2060eu-west-1", "has the character U+2060 (word joiner); remove it, or replace it by a plain one"),
        ("eu-\u00adwest-1", "has the character U+00AD (soft hyphen); remove it, or replace it by a plain one"),
        ("eu-west-1\u00a0", "has the character U+00A0 (no-break space); remove it, or replace it by a plain one"),
        (
            "\u202feu-west-1",
            "has the character U+202F (narrow no-break space); remove it, or replace it by a plain one",
        ),
        ("eu-west-1\x85", "has the character U+0085 (no name); remove it, or replace it by a plain one"),
        ("\udc93eu-west-1", "has the byte 0x93, which is not UTF-8; remove it, or save the file as UTF-8"),
        ("#eu-west-1", "has a comment behind the value; write the comment on a line of its own"),
        ('"eu-west-1" # Ireland', "has a comment behind the value; write the comment on a line of its own"),
    ],
)
def test_remains_of_a_file_s_syntax_in_a_value_stop_the_start_and_the_value_is_not_quoted(
    text: str, reason: str
) -> None:
    for name in ("CVITX_REGION", "CVITX_DATABASE_URL", "CVITX_THREADS", "CVITX_EMITTERS"):
        with pytest.raises(ConfigurationError) as caught:
            load(ON | {name: text})
        assert str(caught.value) == f"{name}: {reason}"


@pytest.mark.parametrize("is_on_in_the_file", [False, True])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"1"', "has a quote that is part of the value; remove the quotes"),
        ("1\r", "has a carriage return; save the environment file with LF line ends"),
        ("1 # on", "has a comment behind the value; write the comment on a line of its own"),
        ("'0'", "has a quote that is part of the value; remove the quotes"),
        ("”1”", "has the character U+201D (right double quotation mark); remove it, or replace it by a plain one"),
        ("1\u200b", "has the character U+200B (zero width space); remove it, or replace it by a plain one"),
        ("", "has no value; give one or remove the line"),
        (" ", "has no value; give one or remove the line"),
    ],
)
def test_remains_of_a_file_s_syntax_in_the_switch_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, is_on_in_the_file: bool, text: str, reason: str
) -> None:
    monkeypatch.setattr(worker_config, "ENV_OVERRIDES", is_on_in_the_file)
    with pytest.raises(ConfigurationError) as caught:
        load({"CVITX_ENV_OVERRIDES": text})
    assert str(caught.value) == f"CVITX_ENV_OVERRIDES: {reason}"


@pytest.mark.parametrize("name", sorted(worker_config.VARIABLES))
def test_no_value_may_be_empty(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(ON | {name: ""})
    assert str(caught.value) == f"{name}: has no value; give one or remove the line"


@pytest.mark.parametrize("name", ["REGION", "S3_BUCKET", "VIDEO_QUEUE", "MODEL_STORE", "STALL_S", "MISSING_DELAYS_S"])
@pytest.mark.parametrize("text", ["a“b", "a’b", "a–b", "аb", "１2", "añb"])
def test_a_character_beyond_ascii_in_a_name_or_number_is_named(name: str, text: str) -> None:
    wrong = next(character for character in text if not character.isascii())
    with pytest.raises(ConfigurationError, match=rf"^CVITX_{name}: has the character U\+{ord(wrong):04X} \("):
        load(ON | {f"CVITX_{name}": text})


@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("TEMP_DIR", "temp_dir", "/srv/Müller’s vidéos"),
        ("CACHE_DIR", "cache_dir", "/srv/缓存"),
        ("DATABASE_URL", "database_url", "host=db password='“é”'"),
    ],
)
def test_paths_and_passwords_may_have_characters_beyond_ascii(name: str, field: str, text: str) -> None:
    assert str(getattr(load(ON | {f"CVITX_{name}": text}), field)) == text


@pytest.mark.parametrize(
    "text", ["eu-west", "west-1", "eu_west_1", "EU-WEST-1", "eu-west-1#Ireland", "eu-'west'-1", "eu west-1", "1"]
)
def test_a_text_that_is_no_region_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(ON | {"CVITX_REGION": text})
    assert str(caught.value).startswith(f"CVITX_REGION={text!r}: String should match pattern ")


@pytest.mark.parametrize("text", ["us-east-1", "us-gov-west-1", "us-isob-east-1", "cn-northwest-1", "eusc-de-east-1"])
def test_the_regions_of_every_partition_are_accepted(text: str) -> None:
    assert load(ON | {"CVITX_REGION": text}).region == text


def test_every_variable_with_remains_of_a_file_s_syntax_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(ON | {"CVITX_REGION": "'a'", "CVITX_STALL_S": "9 # s", "CVITX_TEMP_DIR": ""})
    assert re.findall(r"(CVITX_\w+): has", str(caught.value)) == ["CVITX_REGION", "CVITX_STALL_S", "CVITX_TEMP_DIR"]


@pytest.mark.parametrize(
    "text",
    [
        "host=db password='two words'",
        "host=db password='a#b' user=c",
        "host=db password='a #b' user=c",
        "host=db password = '# a' user=c",
        r"host=db password='it\'s #1 # a' user=c",
        'host=db password="a #b" user=c',
        "host=db password='a# b' user=c",
        "host=db password=#a user=c",
        "host=db password=a# user=c",
        "host=db password=a#  sslmode = require",
        'postgresql://db/x?options=-csearch_path%3D"a"',
        "postgresql://u:p#q@db/x",
    ],
)
def test_quotes_and_number_signs_inside_a_value_are_part_of_it(text: str) -> None:
    assert load(ON | {"CVITX_DATABASE_URL": text}).database_url == text


def test_spaces_around_a_value_are_removed_as_systemd_does() -> None:
    assert load(ON | {"CVITX_REGION": " eu-west-1\t"}).region == "eu-west-1"


def test_the_values_of_other_programs_may_have_any_syntax(caplog: pytest.LogCaptureFixture) -> None:
    assert load(ON | {"CVITX_ANALYSIS_EAGER": '"1" # yes\r'}) == WorkerConfig()
    assert len(caplog.records) == 1


def test_a_store_without_a_prefix_is_refused_with_the_reason() -> None:
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


def test_the_file_contains_no_secret() -> None:
    text = (PACKAGE_FOLDER / "worker_config.py").read_text("utf-8")
    assert not re.search(r"://[^\s/@:\"]+:[^\s/@\"]+@", text), "a password in a URL"
    assert not re.search(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", text), "an AWS access key"
    assert not re.search(r"(?i)(?:password|secret|token)\w*\s*[:=]", text)

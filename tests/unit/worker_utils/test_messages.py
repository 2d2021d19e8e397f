"""What a message may say: the contract's examples, its refusals by name, and no stranger's text in a log line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video_analysis.worker_utils.contracts import messages, schema_check
from video_analysis.worker_utils.contracts.messages import (
    PartialProcessVideo,
    ProcessVideo,
    ProcessVideoDb,
    ReplayVideo,
    SnapshotReady,
)
from video_analysis.worker_utils.errors import BadMessage

BUCKET = "cvitx-uploads-dev-jdfirme"
WORKSPACE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
VIDEO = "50651c85-90ab-471b-8707-adc0ef16f91f"
OTHER = "11111111-2222-3333-4444-555555555555"
FOLDER = f"demo_user/{WORKSPACE}/{VIDEO}"
PROCESS_VIDEO: dict[str, Any] = {
    "event": "PROCESS_VIDEO",
    "video_id": VIDEO,
    "workspace_id": WORKSPACE,
    "workspace_code": "CTX1005",
    "camera_code": "CAM1",
    "s3_key_raw": f"{FOLDER}/raw/CCTV_Test1.mp4",
    "frame_stride": 3,
    "recordedAt": None,
}
PROCESS_VIDEO_DB: dict[str, Any] = {"event": "PROCESS_VIDEO_DB", "video_id": VIDEO, "workspace_id": WORKSPACE}
REPLAY_VIDEO: dict[str, Any] = {
    "event": "REPLAY_VIDEO",
    "run_id": OTHER,
    "video_id": VIDEO,
    "workspace_id": WORKSPACE,
}
SNAPSHOT_READY: dict[str, Any] = {
    "event": "SNAPSHOT_READY",
    "video_id": VIDEO,
    "workspace_id": WORKSPACE,
    "workspace_code": "CTX1005",
    "camera_code": "CAM1",
    "track_id": 305,
    "snapshot_s3_key": f"s3://{BUCKET}/{FOLDER}/snapshots/CTX1005_CAM1_000305_002272.jpg",
    "recordedAt": None,
    "detectedIn": 2272,
    "detectedAt": None,
    "yolo_type": "SUV",
}


def refusal(document: object) -> str:
    with pytest.raises(BadMessage) as caught:
        messages.parse(document if isinstance(document, str) else json.dumps(document))
    return str(caught.value)


@pytest.mark.parametrize(
    ("example", "model"),
    [
        (PROCESS_VIDEO, ProcessVideo),
        (PROCESS_VIDEO_DB, ProcessVideoDb),
        (REPLAY_VIDEO, ReplayVideo),
        (SNAPSHOT_READY, SnapshotReady),
    ],
    ids=["PROCESS_VIDEO", "PROCESS_VIDEO_DB", "REPLAY_VIDEO", "SNAPSHOT_READY"],
)
def test_the_contract_s_own_example_is_read_and_written_again_unchanged(
    example: dict[str, Any], model: type[Any]
) -> None:
    message = messages.parse(json.dumps(example))
    assert type(message) is model
    assert json.loads(message.to_json()) == example
    assert messages.parse(message.to_json()) == message


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("workspace_code", "CTX12", "workspace_code: 'CTX12' does not match CTX[0-9]{4,20}"),
        ("video_id", None, "video_id: null is not of type 'string'"),
        ("camera_code", [True, None], "camera_code: [true, null] is not of type 'string', 'null'"),
        ("video_id", 10**400, f"video_id: 1{'0' * 119}… is not of type 'string'"),
    ],
)
def test_a_refusal_quotes_json_and_is_not_cut_before_the_reason(field: str, value: object, reason: str) -> None:
    assert refusal(PROCESS_VIDEO | {field: value}) == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("3", "body: is not a JSON object"),
        ('"PROCESS_VIDEO"', "body: is not a JSON object"),
        ('{"Event": "PROCESS_VIDEO"}', "event: is missing, should be one of PROCESS_VIDEO, "),
        (json.dumps(json.dumps(PROCESS_VIDEO)), "body: is a JSON string that contains JSON: it was encoded twice"),
        ("[" * 50_000, "body: is not JSON that can be read: nested too deeply"),
    ],
)
def test_a_body_of_another_kind_is_refused_for_what_it_is(body: str, reason: str) -> None:
    assert refusal(body).startswith(reason)


def test_a_message_cannot_be_changed_after_its_check() -> None:
    message = messages.parse(json.dumps(SNAPSHOT_READY))
    with pytest.raises(ValueError, match="frozen"):
        message.video_id = OTHER


def test_each_queue_refuses_the_other_s_messages() -> None:
    with pytest.raises(BadMessage, match="event: SNAPSHOT_READY belongs on the snapshot queue"):
        messages.parse_video_task(json.dumps(SNAPSHOT_READY))
    with pytest.raises(BadMessage, match="event: PROCESS_VIDEO belongs on the video queue"):
        messages.parse_snapshot_ready(json.dumps(PROCESS_VIDEO), BUCKET)
    assert isinstance(messages.parse_video_task(json.dumps(PROCESS_VIDEO_DB)), ProcessVideoDb)


def test_a_snapshot_in_another_bucket_fits_the_schema_and_is_refused_all_the_same() -> None:
    body = json.dumps(SNAPSHOT_READY)
    schema_check.check_shape(SNAPSHOT_READY)
    assert messages.parse_snapshot_ready(body, BUCKET).track_id == 305
    with pytest.raises(BadMessage, match="snapshot_s3_key: is in another bucket than the configured mine"):
        messages.parse_snapshot_ready(body, "mine")


@pytest.mark.parametrize("example", [PROCESS_VIDEO, PROCESS_VIDEO_DB, SNAPSHOT_READY], ids=lambda one: one["event"])
def test_every_field_is_required(example: dict[str, Any]) -> None:
    for field in example:
        rest = {name: value for name, value in example.items() if name != field}
        assert field in refusal(rest)


@pytest.mark.parametrize("example", [PROCESS_VIDEO, PROCESS_VIDEO_DB], ids=lambda one: one["event"])
def test_unknown_fields_of_a_video_task_are_left_out_and_their_names_can_be_read(example: dict[str, Any]) -> None:
    body = json.dumps({"variant": {"deep": [1]}, "a\nb": None, "n" * 500: 1} | example)
    assert messages.parse_video_task(body) == messages.parse(json.dumps(example))
    assert messages.parse_video_task(body).to_json() == messages.parse(json.dumps(example)).to_json()
    assert messages.unknown_fields(body) == [r"a\x0ab", "n" * messages.LONGEST_NAME + "…", "variant"]
    assert messages.unknown_fields(json.dumps(example)) == []


def test_an_unknown_field_of_snapshot_ready_is_refused() -> None:
    assert "'note' was unexpected" in refusal(SNAPSHOT_READY | {"note": "hello"})


@pytest.mark.parametrize(
    "nulls", [["workspace_code"], ["camera_code"], ["frame_stride"], ["workspace_code", "camera_code", "frame_stride"]]
)
def test_nulls_that_the_row_can_fill_are_read_and_never_written(nulls: list[str]) -> None:
    message = messages.parse_video_task(json.dumps(PROCESS_VIDEO | dict.fromkeys(nulls)))
    assert isinstance(message, PartialProcessVideo)
    assert not isinstance(message, ProcessVideo)
    assert list(message.fields_from_row) == nulls
    with pytest.raises(BadMessage, match=nulls[0]):
        message.to_json()


@pytest.mark.parametrize("ending", [".mp4", ".MP4", ".Mp4", ".mP4"])
def test_the_ending_of_a_raw_key_may_have_any_case(ending: str) -> None:
    key = f"{FOLDER}/raw/CCTV_Test1{ending}"
    message = messages.parse_video_task(json.dumps(PROCESS_VIDEO | {"s3_key_raw": key}))
    assert isinstance(message, ProcessVideo)
    assert message.s3_key_raw == key


def test_a_byte_order_mark_is_ignored_before_a_video_task_only() -> None:
    assert messages.parse_video_task("\ufeff" + json.dumps(PROCESS_VIDEO)) == messages.parse(json.dumps(PROCESS_VIDEO))
    with pytest.raises(BadMessage, match="body: is not JSON: starts with a byte order mark"):
        messages.parse_snapshot_ready("\ufeff" + json.dumps(SNAPSHOT_READY), BUCKET)
    with pytest.raises(BadMessage, match="body: is not JSON"):
        messages.parse_video_task("\ufeff\ufeff" + json.dumps(PROCESS_VIDEO))


@pytest.mark.parametrize(
    ("example", "field"),
    [(PROCESS_VIDEO, "frame_stride"), (SNAPSHOT_READY, "track_id"), (SNAPSHOT_READY, "detectedIn")],
)
def test_an_integer_may_be_written_with_a_zero_fraction(example: dict[str, Any], field: str) -> None:
    message = messages.parse(json.dumps(example | {field: float(example[field])}))
    assert type(getattr(message, field)) is int
    assert json.loads(message.to_json()) == example


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("video_id", VIDEO.upper(), "video_id: "),
        ("video_id", VIDEO + "\n", "video_id: "),
        ("video_id", VIDEO.replace("5", "\u0665"), "video_id: "),
        ("video_id", VIDEO.replace("-", ""), "video_id: "),
        ("video_id", None, "video_id: null is not of type 'string'"),
        ("video_id", OTHER, "s3_key_raw names another workspace or video"),
        ("workspace_id", OTHER, "s3_key_raw names another workspace or video"),
        ("workspace_code", "CTX100", "workspace_code: "),
        ("workspace_code", "CTX1005\n", "workspace_code: "),
        ("workspace_code", "CTX\u0661\u0660\u0660\u0665", "workspace_code: "),
        ("camera_code", "CAM", "camera_code: "),
        ("camera_code", "xCAM1", "camera_code: "),
        ("s3_key_raw", f"{FOLDER}/raw/CCTV_Test1.mov", "s3_key_raw: "),
        ("s3_key_raw", None, "s3_key_raw: null is not of type 'string'"),
        ("s3_key_raw", f"{FOLDER}/raw/../../{OTHER}/raw/a.mp4", "s3_key_raw: "),
        ("s3_key_raw", f"s3://{BUCKET}/{FOLDER}/raw/a.mp4", "s3_key_raw: "),
        ("s3_key_raw", f"{FOLDER}/raw/a\x00.mp4", "s3_key_raw has a control character"),
        ("s3_key_raw", f"{FOLDER}/raw/\ud800.mp4", "s3_key_raw has a control character or an unpaired surrogate"),
        ("s3_key_raw", f"{FOLDER}/raw/{'a' * 1024}.mp4", "s3_key_raw is longer than the 1024 bytes"),
        ("frame_stride", 0, "frame_stride: 0 is less than the minimum of 1"),
        ("frame_stride", -3, "frame_stride: "),
        ("frame_stride", True, "frame_stride: true is not of type 'integer', 'null'"),
        ("frame_stride", "3", "frame_stride: '3' is not of type 'integer'"),
        ("frame_stride", 2.5, "frame_stride: 2.5 is not of type 'integer'"),
        ("frame_stride", [3], "frame_stride: "),
        ("frame_stride", 2**31, "frame_stride: "),
        ("frame_stride", 2**63, "frame_stride: "),
        ("recordedAt", "", "recordedAt: "),
        ("recordedAt", "yesterday", "recordedAt: "),
        ("recordedAt", "2026-01-31", "recordedAt: "),
        ("recordedAt", "2026-01-31T08:30:00", "recordedAt: "),
        ("recordedAt", "2026-01-31T08:30:60Z", "recordedAt: "),
        ("recordedAt", "2026-01-31T08:30:00+08:60", "recordedAt: "),
        ("recordedAt", "9999-12-31T08:30:00Z", "recordedAt: plus .* lies beyond the year 9999"),
        ("recordedAt", "0001-01-01T00:00:00+08:00", "recordedAt: lies outside the years"),
        ("recordedAt", 1769848200, "recordedAt: 1769848200 is not of type 'string', 'null'"),
        ("recordedAt", False, "recordedAt: "),
    ],
)
def test_a_refused_process_video_names_the_field_and_the_reason(field: str, value: object, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        messages.parse(json.dumps(PROCESS_VIDEO | {field: value}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"track_id": 0}, "track_id: 0 is less than the minimum of 1"),
        ({"track_id": 306}, "snapshot_s3_key names another track_id: 305"),
        ({"track_id": True}, "track_id: "),
        ({"track_id": 2**31}, "track_id: "),
        ({"detectedIn": -1}, "detectedIn: "),
        ({"detectedIn": 2273}, "snapshot_s3_key names another detectedIn: 2272"),
        ({"detectedIn": 2**63}, "detectedIn: "),
        ({"video_id": OTHER}, "snapshot_s3_key names another video_id"),
        ({"workspace_id": OTHER}, "snapshot_s3_key names another workspace_id"),
        ({"workspace_code": "CTX1006"}, "snapshot_s3_key names another workspace_code: CTX1005"),
        ({"camera_code": "CAM2"}, "snapshot_s3_key names another camera_code: CAM1"),
        ({"snapshot_s3_key": f"{FOLDER}/snapshots/CTX1005_CAM1_000305_002272.jpg"}, "snapshot_s3_key: "),
        ({"snapshot_s3_key": SNAPSHOT_READY["snapshot_s3_key"] + "\n"}, "snapshot_s3_key: "),
        ({"snapshot_s3_key": SNAPSHOT_READY["snapshot_s3_key"].replace("_000305", "_0000305")}, "snapshot_s3_key: "),
        ({"yolo_type": "Tank"}, "yolo_type: 'Tank' is not one of"),
        ({"yolo_type": "suv"}, "yolo_type: "),
        ({"yolo_type": None}, "yolo_type: "),
        ({"detectedAt": "2026-01-31T08:30:02.272Z"}, "detectedAt has a value while recordedAt is null"),
        (
            {"recordedAt": "2026-01-31T08:30:00Z", "detectedAt": "2026-01-31T08:30:02Z"},
            "detectedAt is not recordedAt . detectedIn",
        ),
        ({"detectedAt": "2026-01-31 08:30"}, "detectedAt: "),
    ],
)
def test_a_refused_snapshot_ready_names_the_field_and_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        messages.parse(json.dumps(SNAPSHOT_READY | changes))


@pytest.mark.parametrize("detected_at", [None, "2026-01-31T08:30:02.272Z", "2026-01-31T16:30:02.272000+08:00"])
def test_detected_at_is_the_sum_in_any_spelling_or_null(detected_at: str | None) -> None:
    recorded = {"recordedAt": "2026-01-31t08:30:00z", "detectedAt": detected_at}
    message = messages.parse_snapshot_ready(json.dumps(SNAPSHOT_READY | recorded), BUCKET)
    assert message.detectedAt == detected_at
    assert message.recordedAt == "2026-01-31t08:30:00z"


HOSTILE = ["line\nbreak", "\r\nERROR forged", "\x1b[31mred", "nul\x00", "\u2028separator", "\u202edetrevni", "\x85"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_stranger_s_control_characters_never_reach_the_error_text(text: str) -> None:
    for document in (
        {"event": text},
        SNAPSHOT_READY | {text: 1},
        PROCESS_VIDEO | {"video_id": text},
        PROCESS_VIDEO | {"recordedAt": text},
        PROCESS_VIDEO | {"s3_key_raw": text},
        PROCESS_VIDEO | {"frame_stride": {text: text}},
        SNAPSHOT_READY | {"yolo_type": text},
        SNAPSHOT_READY | {"snapshot_s3_key": f"{SNAPSHOT_READY['snapshot_s3_key']}{text}"},
        text,
        f"{{{text}",
    ):
        said = refusal(document)
        assert said.isprintable()
        assert len(said) < 400
    [name] = messages.unknown_fields(json.dumps(PROCESS_VIDEO | {text: 1}))
    assert name.isprintable()


@pytest.mark.thorough
@settings(max_examples=2 * settings().max_examples)
@given(st.one_of(st.text(), st.text().map(lambda text: json.dumps({"event": text, text: text}))))
def test_no_body_is_accepted_or_logged_unescaped(body: str) -> None:
    assert refusal(body).isprintable()


def test_a_body_that_breaks_the_contract_elsewhere_still_names_its_video() -> None:
    broken = PROCESS_VIDEO | {"frame_stride": 0, "note": "hello"}
    assert messages.extract_ids(json.dumps(broken)) == (WORKSPACE, VIDEO)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(PROCESS_VIDEO | {"video_id": VIDEO.upper(), "workspace_id": WORKSPACE.title()}),
        json.dumps(json.dumps(PROCESS_VIDEO)),
        json.dumps(json.dumps(PROCESS_VIDEO | {"video_id": VIDEO.upper()})),
        json.dumps("\ufeff" + json.dumps(PROCESS_VIDEO)),
        "\ufeff" + json.dumps(PROCESS_VIDEO | {"frame_stride": 0}),
    ],
)
def test_upper_case_ids_and_a_body_that_was_encoded_twice_are_refused_and_still_name_their_video(body: str) -> None:
    with pytest.raises(BadMessage):
        messages.parse_video_task(body)
    assert messages.extract_ids(body) == (WORKSPACE, VIDEO)


@pytest.mark.parametrize(
    "body",
    ["", "3", "[]", '"video_id"', "{}", json.dumps({"video_id": VIDEO}), "[" * 50_000, '{"video_id": NaN}']
    + [json.dumps(PROCESS_VIDEO | {"video_id": odd}) for odd in (None, 3, VIDEO + "\n", "' OR 1=1", [VIDEO])]
    + [json.dumps(json.dumps(json.dumps(PROCESS_VIDEO))), json.dumps("hello"), json.dumps(json.dumps([VIDEO]))],
)
def test_a_body_that_names_no_video_has_no_addressee(body: str) -> None:
    assert messages.extract_ids(body) is None


def test_nothing_goes_out_that_breaks_its_own_schema() -> None:
    message = messages.parse_snapshot_ready(json.dumps(SNAPSHOT_READY), BUCKET)
    wrong = message.model_copy(update={"yolo_type": "Tank"})
    with pytest.raises(BadMessage, match="yolo_type: 'Tank' is not one of"):
        wrong.to_json()
    task = messages.parse_video_task(json.dumps(PROCESS_VIDEO))
    with pytest.raises(BadMessage, match="camera_code: Input should be a valid string"):
        task.model_copy(update={"camera_code": None}).to_json()


@pytest.mark.parametrize("field", ["workspace_code", "camera_code"])
def test_a_code_that_would_make_a_snapshot_s_key_too_long_is_refused_before_the_work(field: str) -> None:
    longest = PROCESS_VIDEO | {field: PROCESS_VIDEO[field][:3] + "9" * 20}
    assert messages.parse(json.dumps(longest))
    with pytest.raises(BadMessage, match=field):
        messages.parse(json.dumps(longest | {field: f"{longest[field]}9"}))


@pytest.mark.parametrize(
    ("body", "run_id"),
    [
        (json.dumps(REPLAY_VIDEO), OTHER),
        (json.dumps({"event": "REPLAY_VIDEO", "run_id": 3}), "3"),
        (json.dumps({"event": "REPLAY_VIDEO"}), "None"),
        (json.dumps(PROCESS_VIDEO), None),
        ("[]", None),
        ("no JSON", None),
    ],
)
def test_a_replay_is_recognised_though_its_fields_are_wrong(body: str, run_id: str | None) -> None:
    assert messages.extract_replay(body) == run_id

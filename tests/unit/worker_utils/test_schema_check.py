"""The two steps agree: what the models accept the schemas accept, and where only a schema accepts there is a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from video_analysis.tests.support.message_corpus import neighbours, valid
from video_analysis.worker_utils.contracts import messages, schema_check
from video_analysis.worker_utils.contracts.messages import (
    PartialProcessVideo,
    ProcessVideo,
    ProcessVideoDb,
    ReplayVideo,
    SnapshotReady,
)
from video_analysis.worker_utils.errors import BadMessage

WHAT_A_SCHEMA_CANNOT_SAY = (
    "s3_key_raw names another workspace or video",
    "s3_key_raw has a control character or an unpaired surrogate",
    "s3_key_raw is longer than the 1024 bytes",
    "snapshot_s3_key names another",
    "detectedAt has a value while recordedAt is null",
    "detectedAt is not recordedAt + detectedIn",
    "lies outside the years 1 to 9999",
    "lies beyond the year 9999",
)


def reasons_of_the_model(document: dict[str, Any]) -> list[str]:
    try:
        messages.build(document)
    except BadMessage as error:
        return str(error).split("; ")
    return []


def reasons_of_the_schema(document: dict[str, Any]) -> list[str]:
    try:
        schema_check.check_shape(document)
    except BadMessage as error:
        return [str(error)]
    return []


def no_schema_can_say(reason: str) -> bool:
    return any(known in reason for known in WHAT_A_SCHEMA_CANNOT_SAY)


@given(valid)
def test_a_valid_message_is_read_and_written_again_unchanged(document: dict[str, Any]) -> None:
    message = messages.parse(json.dumps(document))
    assert json.loads(message.to_json()) == document
    assert messages.parse(message.to_json()) == message


@pytest.mark.thorough
@settings(max_examples=settings().max_examples // 5)
@given(valid)
def test_what_a_model_accepts_its_schema_accepts_and_the_other_way_round_for_a_reason(
    document: dict[str, Any],
) -> None:
    for other in neighbours(document):
        model, schema = reasons_of_the_model(other), reasons_of_the_schema(other)
        if schema:
            assert model, f"the model takes what the schema refuses: {schema}"
        else:
            assert all(no_schema_can_say(reason) for reason in model), f"{model} in {other}"


@settings(max_examples=3)
@given(valid)
def test_a_body_is_taken_where_both_take_it_and_nowhere_else(document: dict[str, Any]) -> None:
    for other in neighbours(document):
        if reasons_of_the_schema(other) or reasons_of_the_model(other):
            with pytest.raises(BadMessage) as caught:
                messages.parse(json.dumps(other))
            assert str(caught.value).isprintable()
        else:
            message = messages.parse(json.dumps(other))
            known = {name: value for name, value in other.items() if name in type(message).model_fields}
            assert message.model_dump() == known
            assert known == other or isinstance(message, PartialProcessVideo | ProcessVideoDb | ReplayVideo)
            check_what_is_written(message)


def check_what_is_written(message: messages.VideoTask | SnapshotReady) -> None:
    """A message is written as it was read, without unknown fields; one that needs the row is never written."""
    if isinstance(message, PartialProcessVideo) and not isinstance(message, ProcessVideo):
        with pytest.raises(BadMessage, match=r"Input should be a valid (string|integer)"):
            message.to_json()
    else:
        written = message.to_json()
        assert json.loads(written) == message.model_dump()
        assert messages.parse(written) == message


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "body: is not JSON"),
        ("hello", "body: is not JSON"),
        ("{", "body: is not JSON"),
        ("\ufeff{}", "body: is not JSON"),
        ("\x00", "body: is not JSON"),
        ("null", "body: is not a JSON object"),
        ("[]", "body: is not a JSON object"),
        ("3", "body: is not a JSON object"),
        ("{}", "event: is missing"),
        ('{"event": 3}', "event: is 3, not one of"),
        ('{"event": "process_video"}', "event: is process_video, not one of PROCESS_VIDEO"),
        ('{"event": ["PROCESS_VIDEO"]}', "event: is "),
        ('{"event": NaN}', "body: is not JSON: NaN is not JSON"),
        ('{"event": -Infinity}', "body: is not JSON: -Infinity is not JSON"),
        ('{"event": "PROCESS_VIDEO", "event": "PROCESS_VIDEO_DB"}', "duplicate name"),
        ('{"event": "\ud800"}', "body: holds an unpaired surrogate"),
        ('{"event": "\\ud800"}', r"event: is \\xd800"),
        ("[" * 50_000, "body: is not JSON"),
        ('{"event": ' + "[" * 500 + "]" * 500 + "}", "event: is "),
        (json.dumps({"event": "x" * 300_000}), "body: is longer than 262144 bytes"),
        ('{"event": 1' + "0" * 5000 + "}", "body: is not JSON"),
        ('{"event": 1e400}', "event: is inf"),
        ('{"event": 03}', "body: is not JSON"),
    ],
)
def test_what_is_no_message_at_all_is_refused_with_the_reason(body: str, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        schema_check.check_shape(schema_check.decode(body))

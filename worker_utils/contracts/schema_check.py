"""Decodes a message body and checks it against its JSON Schema (schemas/*.json): the first step of parsing."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError as SchemaError
from jsonschema.exceptions import best_match

from video_analysis.worker_utils.errors import BadMessage

EVENTS = ("PROCESS_VIDEO", "PROCESS_VIDEO_DB", "REPLAY_VIDEO", "SNAPSHOT_READY")
LONGEST_BODY_BYTES = 256 * 1024
LONGEST_VALUE = 120
"""Characters of a wrong value that an error message quotes."""
LONGEST_REASON = 2000
"""Characters of an error_msg."""
SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def check_shape(document: Any) -> None:
    """Check a decoded body against the schema of its event. BadMessage names the path and the reason."""
    if isinstance(document, str) and document.lstrip().startswith("{"):
        raise BadMessage("body: is a JSON string that contains JSON: it was encoded twice; send the object itself")
    if not isinstance(document, dict):
        raise BadMessage("body: is not a JSON object")
    if "event" not in document:
        raise BadMessage(f"event: is missing, should be one of {', '.join(EVENTS)}", code="unknown_event")
    event = document["event"]
    if not isinstance(event, str) or event not in EVENTS:
        raise BadMessage(f"event: is {printable(event)}, not one of {', '.join(EVENTS)}", code="unknown_event")
    try:
        error = best_match(_validator(event.lower()).iter_errors(document))
        fault = None if error is None else _schema_fault(error)
    except RecursionError:
        raise BadMessage("body: is nested too deeply to be read") from None
    if fault is not None:
        raise BadMessage(fault)


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=FormatChecker(formats=["date-time"]))


def decode(body: str) -> Any:
    """Decode JSON (RFC 8259): no NaN, no duplicate keys, no excessive nesting, no unpaired surrogates."""
    try:
        if len(body.encode()) > LONGEST_BODY_BYTES:
            raise BadMessage(f"body: is longer than {LONGEST_BODY_BYTES} bytes", code="body_too_long")
        return json.loads(body, object_pairs_hook=_no_key_twice, parse_constant=_refuse_constant)
    except UnicodeEncodeError:
        raise BadMessage("body: holds an unpaired surrogate", code="not_json") from None
    except RecursionError:
        raise BadMessage("body: is not JSON that can be read: nested too deeply", code="not_json") from None
    except ValueError as error:
        raise BadMessage(f"body: is not JSON: {printable(str(error))}", code="not_json") from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate name in one object")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _schema_fault(error: SchemaError) -> str:
    """The path and jsonschema's message, with values as JSON and patterns without Python's anchors."""
    where = "/".join(str(step) for step in error.absolute_path) or "body"
    reason = error.message
    if reason.startswith(value := repr(error.instance)):
        reason = f"{_shown(error.instance)}{reason.removeprefix(value)}"
    if error.validator == "pattern":
        pattern = str(error.validator_value).removeprefix("^(?:").removesuffix(r")(?![\s\S])")
        reason = f"{_shown(error.instance)} does not match {pattern}"
    return f"{where}: {printable(reason)}"


def _shown(value: object) -> str:
    """A value as JSON, shortened."""
    return printable(repr(value) if isinstance(value, str) else json.dumps(value), LONGEST_VALUE)


def printable(value: object, longest: int = 300) -> str:
    """Untrusted text, escaped and shortened for one log line and one database field."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return text if len(text) <= longest else text[:longest] + "…"

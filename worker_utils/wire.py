"""From a body to a document that fits its JSON Schema: the first of the two steps of reading a message.

The schemas of schemas/*.json are the contract's shape; the fault is named by its path.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError as SchemaError
from jsonschema.exceptions import best_match

from video_analysis.worker_utils.errors import BadMessage

EVENTS = ("PROCESS_VIDEO", "PROCESS_VIDEO_DB", "SNAPSHOT_READY")
LONGEST_BODY_BYTES = 256 * 1024
LONGEST_REASON = 2000
"""Characters of an error_msg."""
SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"


def check_shape(document: Any) -> None:
    """Hold a decoded body against the schema of its event. BadMessage names the path and the reason."""
    event = document.get("event") if isinstance(document, dict) else None
    if not isinstance(event, str) or event not in EVENTS:
        raise BadMessage(f"event: is {printable(event)}, not one of {', '.join(EVENTS)}")
    try:
        error = best_match(_validator(event.lower()).iter_errors(document))
    except RecursionError:
        raise BadMessage("body: is nested too deeply to be read") from None
    if error is not None:
        raise BadMessage(_schema_fault(error))


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=FormatChecker(formats=["date-time"]))


def decode(body: str) -> Any:
    """JSON as RFC 8259 has it: no NaN, no key twice, nothing nested past reading, no half characters."""
    try:
        if len(body.encode()) > LONGEST_BODY_BYTES:
            raise BadMessage(f"body: is longer than {LONGEST_BODY_BYTES} bytes")
        return json.loads(body, object_pairs_hook=_no_key_twice, parse_constant=_refuse_constant)
    except UnicodeEncodeError:
        raise BadMessage("body: holds half a surrogate pair") from None
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"body: is not JSON: {printable(str(error))}") from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _schema_fault(error: SchemaError) -> str:
    where = "/".join(str(step) for step in error.absolute_path) or "body"
    return f"{where}: {printable(error.message)}"


def printable(value: object, longest: int = 300) -> str:
    """Text of a stranger's making, fit for one log line and one database field."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return text if len(text) <= longest else text[:longest] + "…"

"""The entry of one file in a model store's manifest.json. Pure.

    {"main.pt": {"sha256": "…", "bytes": 8384026}, "cmt.pt": {…}}

Only the entry of the requested name is read. No part of a manifest is used as a path.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.errors import BadMessage

MANIFEST = "manifest.json"
LARGEST_BYTES = schema_check.LONGEST_BODY_BYTES
FIELD_ERRORS = {
    "entry": 'is not {"sha256": "…", "bytes": …}',
    "sha256": "is not 64 lower-case hex digits, as sha256sum prints them",
    "bytes": "is not the size of the file as an integer without quotes",
}


class NotListed(ValueError):
    """The manifest has no entry of that name."""


class Entry(BaseModel):
    """The size of a file, and the SHA-256 of its content in lower-case hex."""

    model_config = ConfigDict(frozen=True)

    sha256: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[StrictInt, Field(ge=1)]


def names(content: bytes) -> list[str]:
    """The names that the manifest with this content lists. ValueError that states what is wrong."""
    return sorted(_decoded(content))


def entry(content: bytes, name: str) -> Entry:
    """The entry of `name` in the manifest with this content. NotListed, or ValueError that states what is wrong."""
    document = _decoded(content)
    if name not in document:
        raise NotListed(f"{MANIFEST} has no entry for it")
    try:
        return Entry.model_validate(document[name])
    except ValidationError as error:
        fields = (str(fault["loc"][0]) if fault["loc"] else "entry" for fault in error.errors())
        faults = "; ".join(f"{field}: {FIELD_ERRORS[field]}" for field in fields)
        raise ValueError(f"{MANIFEST}: {name}: {faults}") from None


def _decoded(content: bytes) -> dict[str, object]:
    try:
        document = schema_check.decode(content.decode())
    except (BadMessage, UnicodeDecodeError) as error:
        raise ValueError(f"{MANIFEST}: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{MANIFEST}: is not a JSON object")
    return document

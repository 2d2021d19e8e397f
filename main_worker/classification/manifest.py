"""What a model store's manifest.json says of one file. Pure.

    {"main.pt": {"sha256": "…", "bytes": 8384026}, "cmt.pt": {…}}

Only the name that is asked for is read: no other word of a manifest is ever used, as a path least of all.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.errors import BadMessage

MANIFEST = "manifest.json"
LARGEST_BYTES = schema_check.LONGEST_BODY_BYTES
WANTED = {
    "entry": 'is not {"sha256": "…", "bytes": …}',
    "sha256": "is not the 64 hex digits, in lower case, that sha256sum prints",
    "bytes": "is not the file's size, a whole number without quotes",
}


class Entry(BaseModel):
    """The size of a file, and the SHA-256 of its content in lower-case hex."""

    model_config = ConfigDict(frozen=True)

    sha256: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[StrictInt, Field(ge=1)]


def entry(content: bytes, name: str) -> Entry:
    """What the manifest with this content vouches for under `name`. ValueError says what is wrong with it."""
    try:
        document = schema_check.decode(content.decode())
    except (BadMessage, UnicodeDecodeError) as error:
        raise ValueError(f"{MANIFEST}: {error}") from None
    if not isinstance(document, dict) or name not in document:
        raise ValueError(f"{MANIFEST} does not name it")
    try:
        return Entry.model_validate(document[name])
    except ValidationError as error:
        wrong = (str(fault["loc"][0]) if fault["loc"] else "entry" for fault in error.errors())
        raise ValueError(f"{MANIFEST}: {name}: {'; '.join(f'{field}: {WANTED[field]}' for field in wrong)}") from None

"""Builds, checks and parses S3 keys. Pure.

Raw videos:  demo_user/<workspace>/<video>/raw/<name>.mp4 (.mp4 in any case)
Snapshots:   demo_user/<workspace>/<video>/snapshots/<CTX####>_<CAM#>_<track>_<offset ms>.jpg
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
WORKSPACE_CODE = r"CTX[0-9]{4,20}"
CAMERA_CODE = r"CAM[0-9]{1,20}"
"""Codes have a maximum length, so that the key of a snapshot cannot exceed the limit of S3."""
SIX_DIGITS_OR_MORE = r"(?:[0-9]{6}|[1-9][0-9]{6,})"
LONGEST_KEY_BYTES = 1024
_NO_UUID = "00000000-0000-0000-0000-000000000000"
PROBE_RAW_KEY = f"demo_user/{_NO_UUID}/{_NO_UUID}/raw/probe.mp4"
PROBE_SNAPSHOT_KEY = f"demo_user/{_NO_UUID}/{_NO_UUID}/snapshots/probe.jpg"
"""Keys of the probes. The policies of the workers cover them; there are no such objects."""
"""The limit of S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)."""

_RAW = re.compile(rf"demo_user/(?P<workspace>{UUID})/(?P<video>{UUID})/raw/.+\.[mM][pP]4")
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_PREFIX = re.compile(rf"s3://{_BUCKET}(/[A-Za-z0-9!_.*'()-]+)+/?")
_SNAPSHOT = re.compile(
    rf"s3://(?P<bucket>{_BUCKET})/"
    rf"(?P<key>demo_user/(?P<workspace>{UUID})/(?P<video>{UUID})/snapshots/"
    rf"(?P<workspace_code>{WORKSPACE_CODE})_(?P<camera_code>{CAMERA_CODE})_"
    rf"(?P<track>{SIX_DIGITS_OR_MORE})_(?P<offset>{SIX_DIGITS_OR_MORE})\.jpg)"
)


@dataclass(frozen=True, slots=True)
class SnapshotUri:
    """The parts of a snapshot's URI; `str()` builds the URI."""

    bucket: str
    workspace_id: str
    video_id: str
    workspace_code: str
    camera_code: str
    track_id: int
    offset_ms: int

    @property
    def key(self) -> str:
        """The object's key in its bucket."""
        name = f"{self.workspace_code}_{self.camera_code}_{self.track_id:06d}_{self.offset_ms:06d}.jpg"
        return f"demo_user/{self.workspace_id}/{self.video_id}/snapshots/{name}"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def is_uuid(text: str) -> bool:
    """Whether an id has the form of a message's ids."""
    return re.fullmatch(UUID, text) is not None


def raw_key_owner(key: str) -> tuple[str, str]:
    """(workspace_id, video_id) in the key of a raw video. ValueError names what is wrong."""
    match = _RAW.fullmatch(key)
    if match is None:
        raise ValueError("is not demo_user/<workspace_id>/<video_id>/raw/<name>.mp4")
    if ".." in key.split("/"):
        raise ValueError("has a '..' segment")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in key):
        raise ValueError("has a control character or an unpaired surrogate")
    if len(key.encode()) > LONGEST_KEY_BYTES:
        raise ValueError(f"is longer than the {LONGEST_KEY_BYTES} bytes that S3 allows")
    return match["workspace"], match["video"]


def parse_snapshot_uri(uri: str) -> SnapshotUri:
    """Parse the URI of a snapshot. ValueError if it has another form."""
    match = _SNAPSHOT.fullmatch(uri)
    if match is None:
        raise ValueError(
            "is not s3://<bucket>/demo_user/<workspace_id>/<video_id>/snapshots/CTX####_CAM#_<track>_<offset>.jpg"
        )
    return SnapshotUri(
        bucket=match["bucket"],
        workspace_id=match["workspace"],
        video_id=match["video"],
        workspace_code=match["workspace_code"],
        camera_code=match["camera_code"],
        track_id=int(match["track"]),
        offset_ms=int(match["offset"]),
    )


def checked_prefix(uri: str) -> str:
    """`uri`, if it names a bucket and a prefix; else ValueError."""
    if not _PREFIX.fullmatch(uri):
        raise ValueError("is not s3://bucket/prefix (both are needed)")
    return uri

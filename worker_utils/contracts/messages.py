"""The three messages. `parse_video_task` and `parse_snapshot_ready` read, `to_json` writes.

Parsing has two steps: the JSON Schema of schemas/ (the shape; an error names the path), then the pydantic model (what
a schema cannot express: the ids inside a key, the bucket, the range of a date). Outgoing messages pass both steps too.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from video_analysis.worker_utils.contracts import s3_keys, schema_check, timestamps
from video_analysis.worker_utils.errors import BadMessage

YoloType = Literal["Car", "SUV", "Van", "LightTruck", "Utility", "Motorcycle", "CarouselBus", "E-Jeepney"]

LARGEST_INT4 = 2**31 - 1
LARGEST_INT8 = 2**63 - 1
LONGEST_VIDEO_MS = 366 * 24 * 3600 * 1000


def _pattern(pattern: str) -> Any:
    return Field(pattern=rf"^(?:{pattern})\z")


def _instant(text: str) -> str:
    timestamps.parse_instant(text)
    return text


def _start(text: str) -> str:
    """The start of a video: every possible offset after it must be a valid date."""
    timestamps.add_ms(_instant(text), LONGEST_VIDEO_MS)
    return text


Uuid = Annotated[StrictStr, _pattern(s3_keys.UUID)]
WorkspaceCode = Annotated[StrictStr, _pattern(s3_keys.WORKSPACE_CODE)]
CameraCode = Annotated[StrictStr, _pattern(s3_keys.CAMERA_CODE)]
Instant = Annotated[StrictStr, AfterValidator(_instant)]
Start = Annotated[StrictStr, AfterValidator(_start)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_json(self) -> str:
        """The body to send; BadMessage if it violates its own schema."""
        body = self.model_dump_json()
        schema_check.check_shape(json.loads(body))
        return body


class ProcessVideo(_Message):
    """Request to detect and track the vehicles of one uploaded video."""

    event: Literal["PROCESS_VIDEO"] = "PROCESS_VIDEO"
    video_id: Uuid
    workspace_id: Uuid
    workspace_code: WorkspaceCode
    camera_code: CameraCode
    s3_key_raw: StrictStr
    frame_stride: Annotated[StrictInt, Field(ge=1, le=LARGEST_INT4)]
    recordedAt: Start | None

    @model_validator(mode="after")
    def _key_matches_ids(self) -> Self:
        try:
            owner = s3_keys.raw_key_owner(self.s3_key_raw)
        except ValueError as error:
            raise ValueError(f"s3_key_raw {error}") from None
        if owner != (self.workspace_id, self.video_id):
            raise ValueError("s3_key_raw names another workspace or video than workspace_id and video_id")
        return self


class ProcessVideoDb(_Message):
    """The compatibility form: the other fields come from the row in `videos`."""

    event: Literal["PROCESS_VIDEO_DB"] = "PROCESS_VIDEO_DB"
    video_id: Uuid
    workspace_id: Uuid


class SnapshotReady(_Message):
    """The snapshot of one vehicle is in S3."""

    event: Literal["SNAPSHOT_READY"] = "SNAPSHOT_READY"
    video_id: Uuid
    workspace_id: Uuid
    workspace_code: WorkspaceCode
    camera_code: CameraCode
    track_id: Annotated[StrictInt, Field(ge=1, le=LARGEST_INT4)]
    snapshot_s3_key: StrictStr
    recordedAt: Start | None
    detectedIn: Annotated[StrictInt, Field(ge=0, le=LARGEST_INT8)]
    detectedAt: Instant | None
    yolo_type: YoloType

    @property
    def snapshot(self) -> s3_keys.SnapshotUri:
        """The parsed URI of the snapshot."""
        return s3_keys.parse_snapshot_uri(self.snapshot_s3_key)

    @model_validator(mode="after")
    def _fields_match_the_name(self) -> Self:
        try:
            uri = self.snapshot
        except ValueError as error:
            raise ValueError(f"snapshot_s3_key {error}") from None
        for field, named in (
            ("workspace_id", uri.workspace_id),
            ("video_id", uri.video_id),
            ("workspace_code", uri.workspace_code),
            ("camera_code", uri.camera_code),
            ("track_id", uri.track_id),
            ("detectedIn", uri.offset_ms),
        ):
            if getattr(self, field) != named:
                raise ValueError(f"snapshot_s3_key names another {field}: {named}")
        return self

    @model_validator(mode="after")
    def _detected_at_is_the_sum(self) -> Self:
        if self.detectedAt is None:
            return self
        if self.recordedAt is None:
            raise ValueError("detectedAt has a value while recordedAt is null")
        if timestamps.parse_instant(timestamps.add_ms(self.recordedAt, self.detectedIn)) != timestamps.parse_instant(
            self.detectedAt
        ):
            raise ValueError("detectedAt is not recordedAt + detectedIn ms")
        return self


VideoTask = ProcessVideo | ProcessVideoDb
_MODELS: dict[str, type[_Message]] = {
    "PROCESS_VIDEO": ProcessVideo,
    "PROCESS_VIDEO_DB": ProcessVideoDb,
    "SNAPSHOT_READY": SnapshotReady,
}


def parse_video_task(body: str) -> VideoTask:
    """Parse a message of the video queue. BadMessage names the field and the reason."""
    message = parse(body)
    if isinstance(message, SnapshotReady):
        text = "event: SNAPSHOT_READY belongs on the snapshot queue, this is the video queue"
        raise BadMessage(text, code="wrong_queue")
    return message


def parse_snapshot_ready(body: str, bucket: str) -> SnapshotReady:
    """Parse a message of the snapshot queue with a snapshot in `bucket`. BadMessage names the field and the reason."""
    message = parse(body)
    if not isinstance(message, SnapshotReady):
        text = f"event: {message.event} belongs on the video queue, this is the snapshot queue"
        raise BadMessage(text, code="wrong_queue")
    if message.snapshot.bucket != bucket:
        text = f"snapshot_s3_key: is in another bucket than the configured {bucket}"
        raise BadMessage(text, code="wrong_bucket")
    return message


def parse(body: str) -> ProcessVideo | ProcessVideoDb | SnapshotReady:
    """Parse any of the three messages, by its `event`. BadMessage names the field and the reason."""
    document = schema_check.decode(body)
    schema_check.check_shape(document)
    try:
        return _MODELS[document["event"]].model_validate(document)  # type: ignore[return-value]
    except ValidationError as error:
        raise BadMessage("; ".join(_fault(fault) for fault in error.errors())) from None


def _fault(fault: Any) -> str:
    where = "/".join(str(step) for step in fault["loc"])
    reason = fault["msg"].removeprefix("Value error, ")
    return schema_check.printable(f"{where}: {reason}" if where else reason)


def extract_ids(body: str) -> tuple[str, str] | None:
    """(workspace_id, video_id) of a body, to write a failure into its row. The other fields may be invalid.

    None if the body is not JSON or has no valid ids.
    """
    try:
        document = schema_check.decode(body)
        ids = ProcessVideoDb.model_validate({name: document[name] for name in ("workspace_id", "video_id")})
    except (BadMessage, ValidationError, KeyError, TypeError):
        return None
    return ids.workspace_id, ids.video_id

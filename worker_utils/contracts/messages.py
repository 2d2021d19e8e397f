"""The four messages. `parse_video_task` and `parse_snapshot_ready` read, `to_json` writes.

Parsing has two steps: the JSON Schema of schemas/ (the shape; an error names the path), then the pydantic model (what
a schema cannot express: the ids inside a key, the bucket, the range of a date). Outgoing messages pass both steps too.

Messages of the video queue are read leniently where that is safe: a byte order mark and unknown fields are ignored, and
some fields of PROCESS_VIDEO may be null. They are written without these. SNAPSHOT_READY is strict both ways.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
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
BYTE_ORDER_MARK = "\ufeff"
LONGEST_NAME = 60
"""Characters of an unknown field's name that a log line contains."""


def _pattern(pattern: str) -> Any:
    return Field(pattern=rf"^(?:{pattern})\z")


def _whole(value: object) -> object:
    """3.0 as 3: JSON Schema counts it among the integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
Int4 = Annotated[StrictInt, BeforeValidator(_whole), Field(ge=1, le=LARGEST_INT4)]
Int8 = Annotated[StrictInt, BeforeValidator(_whole), Field(ge=0, le=LARGEST_INT8)]
Instant = Annotated[StrictStr, AfterValidator(_instant)]
Start = Annotated[StrictStr, AfterValidator(_start)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_json(self) -> str:
        """The body to send; BadMessage if it violates its own schema or the strict model."""
        document = self.model_dump()
        schema_check.check_shape(document)
        _validated(_STRICT[document["event"]], document)
        return self.model_dump_json()


class PartialProcessVideo(_Message):
    """PROCESS_VIDEO as it may be received: the values that are null come from the row in `videos`."""

    event: Literal["PROCESS_VIDEO"] = "PROCESS_VIDEO"
    video_id: Uuid
    workspace_id: Uuid
    workspace_code: WorkspaceCode | None
    camera_code: CameraCode | None
    s3_key_raw: StrictStr
    frame_stride: Int4 | None
    recordedAt: Start | None

    @property
    def fields_from_row(self) -> tuple[str, ...]:
        """The fields whose values come from the row in `videos`."""
        return tuple(name for name in NULLABLE if getattr(self, name) is None)

    @model_validator(mode="after")
    def _key_matches_ids(self) -> Self:
        try:
            owner = s3_keys.raw_key_owner(self.s3_key_raw)
        except ValueError as error:
            raise ValueError(f"s3_key_raw {error}") from None
        if owner != (self.workspace_id, self.video_id):
            raise ValueError("s3_key_raw names another workspace or video than workspace_id and video_id")
        return self


class ProcessVideo(PartialProcessVideo):
    """Request to detect and track the vehicles of one uploaded video."""

    workspace_code: WorkspaceCode
    camera_code: CameraCode
    frame_stride: Int4


class ProcessVideoDb(_Message):
    """The compatibility form: the other fields come from the row in `videos`."""

    event: Literal["PROCESS_VIDEO_DB"] = "PROCESS_VIDEO_DB"
    video_id: Uuid
    workspace_id: Uuid

    @property
    def fields_from_row(self) -> tuple[str, ...]:
        """The fields whose values come from the row in `videos`."""
        return "s3_key_raw", *NULLABLE, "recordedAt"


class ReplayVideo(_Message):
    """Request to process the video of a run, whose row has the settings."""

    event: Literal["REPLAY_VIDEO"] = "REPLAY_VIDEO"
    run_id: Uuid
    video_id: Uuid
    workspace_id: Uuid


class SnapshotReady(_Message):
    """The snapshot of one vehicle is in S3."""

    event: Literal["SNAPSHOT_READY"] = "SNAPSHOT_READY"
    video_id: Uuid
    workspace_id: Uuid
    workspace_code: WorkspaceCode
    camera_code: CameraCode
    track_id: Int4
    snapshot_s3_key: StrictStr
    recordedAt: Start | None
    detectedIn: Int8
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


NULLABLE = ("workspace_code", "camera_code", "frame_stride")
"""Fields of PROCESS_VIDEO that may be null when it is received."""
IncompleteTask = PartialProcessVideo | ProcessVideoDb
VideoTask = ProcessVideo | IncompleteTask | ReplayVideo
_STRICT: dict[str, type[_Message]] = {
    "PROCESS_VIDEO": ProcessVideo,
    "PROCESS_VIDEO_DB": ProcessVideoDb,
    "REPLAY_VIDEO": ReplayVideo,
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
    if body.startswith(BYTE_ORDER_MARK):
        raise BadMessage("body: is not JSON: starts with a byte order mark", code="not_json")
    message = parse(body)
    if not isinstance(message, SnapshotReady):
        text = f"event: {message.event} belongs on the video queue, this is the snapshot queue"
        raise BadMessage(text, code="wrong_queue")
    if message.snapshot.bucket != bucket:
        text = f"snapshot_s3_key: is in another bucket than the configured {bucket}"
        raise BadMessage(text, code="wrong_bucket")
    return message


def parse(body: str) -> VideoTask | SnapshotReady:
    """Parse any of the four messages, by its `event`. BadMessage names the field and the reason."""
    document = _decode(body)
    schema_check.check_shape(document)
    return build(document)


def build(document: dict[str, Any]) -> VideoTask | SnapshotReady:
    """The second step of parsing: the model of a decoded body. BadMessage names the field and the reason.

    Unknown fields are left out, except in SNAPSHOT_READY, which refuses them.
    """
    model = _STRICT[document["event"]]
    if model is not SnapshotReady:
        document = {name: value for name, value in document.items() if name in model.model_fields}
    if model is ProcessVideo and any(name in document and document[name] is None for name in NULLABLE):
        model = PartialProcessVideo
    return _validated(model, document)  # type: ignore[return-value]


def unknown_fields(body: str) -> list[str]:
    """Names of the fields that parsing a valid body ignored, sorted, escaped and shortened."""
    document = _decode(body)
    names = document.keys() - _STRICT[document["event"]].model_fields.keys()
    return [schema_check.printable(name, LONGEST_NAME) for name in sorted(names)]


def extract_ids(body: str) -> tuple[str, str] | None:
    """(workspace_id, video_id) of a body, to write a failure into its row. The other fields may be invalid.

    Ids in upper case are returned in lower case, and a body that was encoded twice is decoded twice: both are refused,
    but name their row. None if the body is not JSON or has no valid ids.
    """
    try:
        document = _decode(body)
        if isinstance(document, str):
            document = _decode(document)
        ids = ProcessVideoDb.model_validate({name: document[name].lower() for name in ("workspace_id", "video_id")})
    except (BadMessage, ValidationError, KeyError, TypeError, AttributeError):
        return None
    return ids.workspace_id, ids.video_id


def extract_replay(body: str) -> str | None:
    """The run_id of a REPLAY_VIDEO, as it is in the body; None for other messages. The other fields may be invalid."""
    try:
        document = _decode(body)
    except BadMessage:
        return None
    is_replay = isinstance(document, dict) and document.get("event") == "REPLAY_VIDEO"
    return str(document.get("run_id")) if is_replay else None


def _decode(body: str) -> Any:
    return schema_check.decode(body.removeprefix(BYTE_ORDER_MARK))


def _validated(model: type[_Message], document: dict[str, Any]) -> _Message:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise BadMessage("; ".join(_fault(fault) for fault in error.errors())) from None


def _fault(fault: Any) -> str:
    where = "/".join(str(step) for step in fault["loc"])
    reason = fault["msg"].removeprefix("Value error, ")
    return schema_check.printable(f"{where}: {reason}" if where else reason)

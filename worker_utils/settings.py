"""Protocols for the settings that shared code needs, so that it does not import WorkerConfig. Pure.

worker_config.py has the meanings and the defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

Device = Literal["auto", "cuda", "openvino", "torch"]


class PauseTimes(Protocol):
    """How long polling pauses while no message can succeed."""

    @property
    def first_s(self) -> float: ...
    @property
    def longest_s(self) -> float: ...
    @property
    def restart_s(self) -> float: ...


class ConsumerSettings(Protocol):
    """Leases, retries and pauses of a consumer."""

    @property
    def visibility_timeout_s(self) -> int: ...
    @property
    def heartbeat_s(self) -> float: ...
    @property
    def stall_s(self) -> float: ...
    @property
    def shutdown_grace_s(self) -> float: ...
    @property
    def transient_delays_s(self) -> tuple[float, ...]: ...
    @property
    def missing_delays_s(self) -> tuple[float, ...]: ...
    @property
    def denied_keys_limit(self) -> int: ...
    @property
    def pause(self) -> PauseTimes: ...
    @property
    def notify_socket(self) -> str | None: ...


class QueueSettings(Protocol):
    """How a queue is polled."""

    @property
    def region(self) -> str: ...
    @property
    def visibility_timeout_s(self) -> int: ...
    @property
    def wait_time_s(self) -> int: ...
    @property
    def max_receive_count(self) -> int: ...


class StoreSettings(Protocol):
    """The bucket, and where objects are downloaded to."""

    @property
    def region(self) -> str: ...
    @property
    def s3_bucket(self) -> str: ...
    @property
    def temp_dir(self) -> Path | None: ...
    @property
    def min_free_disk_mb(self) -> int: ...
    def path(self, relative: Path) -> Path: ...


class RuntimeSettings(Protocol):
    """The backend of inference, its threads and its cache."""

    @property
    def device(self) -> Device: ...
    @property
    def threads(self) -> int: ...
    @property
    def cache_dir(self) -> Path: ...
    def path(self, relative: Path) -> Path: ...

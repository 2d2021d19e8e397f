"""Reads the attributes that need no main model: the colours, and the plate if the optional package is installed.

Each attribute has one thread, which runs while the models classify, and a time limit. An attribute that fails or is
late becomes null with a reason; it never delays or changes type, make and model.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotReady
from functools import cache
from typing import Any, Protocol, TypeVar

from video_analysis.main_worker.attributes import color
from video_analysis.main_worker.attributes.plate import MIN_CONF, PlateResult
from video_analysis.main_worker.evidence import ReadFailure
from video_analysis.main_worker.types import Attributes, SnapshotImage
from video_analysis.worker_utils.contracts import schema_check

Value = TypeVar("Value")

log = logging.getLogger(__name__)


class Plates(Protocol):
    """Reads plates. One caller at a time."""

    def read(self, image: SnapshotImage) -> PlateResult:
        """The plate, or the reason why there is none. May raise any exception."""


class AttributeReader:
    """Reads snapshots in the background. Without `plates` no plate is read.

    The time limit starts when the snapshot arrives. On a free core colours take 15 ms, a plate 150 ms.
    """

    def __init__(self, time_limit_s: float, plates: Plates | None = None) -> None:
        self._plates = plates
        self._time_limit_s = time_limit_s
        self._color_thread = _ReaderThread("colors", time_limit_s)
        self._plate_thread = _ReaderThread("plate", time_limit_s)

    def start(self, image: SnapshotImage, yolo_type: str) -> Callable[[], Attributes]:
        """Start to read one snapshot. The returned function waits for the results and never raises."""
        deadline_s = time.monotonic() + self._time_limit_s
        colors = self._color_thread.start(_colors, image, yolo_type)
        plate = None if self._plates is None else self._plate_thread.start(self._plates.read, image)

        @cache  # the caller may write its rows a second time, one by one
        def attributes() -> Attributes:
            faults: dict[str, ReadFailure] = {}
            color_values = self._color_thread.wait(colors, deadline_s, faults)
            plate_result = None if plate is None else self._plate_thread.wait(plate, deadline_s, faults)
            found = None if plate_result is None else plate_result.plate
            return Attributes(
                colors=color_values,
                plate_text=None if found is None else found.text,
                plate_conf=None if found is None else found.conf,
                plate_evidence=None if plate_result is None else _evidence(plate_result),
                faults=faults,
            )

        return attributes


class _ReaderThread:
    """The thread of one attribute. While one snapshot is overdue, further ones fail at once as `reader_busy`."""

    def __init__(self, column: str, time_limit_s: float) -> None:
        self._column = column
        self._time_limit_s = time_limit_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=column)
        self._overdue: Future[Any] | None = None

    def start(self, work: Callable[..., Value], *arguments: object) -> Future[Value]:
        if self._overdue is None or self._overdue.done():
            return self._thread.submit(work, *arguments)
        refused: Future[Value] = Future()
        refused.set_exception(_ReaderBusyError())
        return refused

    def wait(self, pending: Future[Value], deadline_s: float, faults: dict[str, ReadFailure]) -> Value | None:
        """The value. If there is none before the deadline, None, and the reason is added to `faults`."""
        try:
            return pending.result(max(0.0, deadline_s - time.monotonic()))
        except NotReady:
            if not pending.cancel():
                self._overdue = pending
            faults[self._column] = ReadFailure("timeout", f"no result within {self._time_limit_s:g} s")
        except _ReaderBusyError:
            faults[self._column] = ReadFailure("reader_busy")
        except Exception as error:  # any failure here must not affect the models' results
            log.warning(
                "%s could not be read",
                self._column,
                exc_info=error,
                extra={"event": "attribute.failed", "attribute": self._column},
            )
            faults[self._column] = ReadFailure(
                "read_failed", schema_check.printable(f"{type(error).__name__}: {error}")
            )
        return None


class _ReaderBusyError(Exception):
    """The thread is still busy with an earlier snapshot."""


def _colors(image: SnapshotImage, yolo_type: str) -> list[Mapping[str, object]] | None:
    return [one.to_json() for one in color.colors(image, yolo_type)] or None


def _evidence(result: PlateResult) -> Mapping[str, object]:
    """The reason why there is no plate, the best candidate, and the required confidence."""
    best = None if result.best is None else [result.best.text, round(result.best.conf, 4)]
    return {"abstained": result.reason, "candidate": best, "threshold": MIN_CONF, "width_px": result.width_px}

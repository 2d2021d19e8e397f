"""What is read of a picture beside the models: its colours and, where that part is installed, its plate.

Each is read in a thread of its own while the models look, and waited for no longer than the time limit: what fails
or takes too long leaves null and a reason, and holds up neither type, make nor model.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import cache
from typing import Any, Protocol, TypeVar

from video_analysis.main_worker.attributes import color
from video_analysis.main_worker.attributes.plate import LEAST_CONF, Sighting
from video_analysis.main_worker.evidence import ReadFailure
from video_analysis.main_worker.types import Attributes, Picture
from video_analysis.worker_utils.contracts import schema_check

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class Plates(Protocol):
    """What looks for a plate. One caller at a time."""

    def look(self, picture: Picture) -> Sighting:
        """The plate, or why there is none; may raise anything."""


class AttributeReader:
    """Reads pictures in the background. Without `plates` no plate is looked for.

    The time limit runs from the moment a picture is there: a free core reads its colours in 15 ms, a plate in 150 ms.
    """

    def __init__(self, time_limit_s: float, plates: Plates | None = None) -> None:
        self._plates = plates
        self._time_limit_s = time_limit_s
        self._for_colors = _Reader("colors", time_limit_s)
        self._for_plates = _Reader("plate", time_limit_s)

    def begin(self, picture: Picture, yolo_type: str) -> Callable[[], Attributes]:
        """Begin with a picture; calling what this returns waits for the answers, and never raises."""
        deadline_s = time.monotonic() + self._time_limit_s
        colors = self._for_colors.begin(_colors, picture, yolo_type)
        plate = None if self._plates is None else self._for_plates.begin(self._plates.look, picture)

        @cache  # rows may be written again one by one
        def answer() -> Attributes:
            faults: dict[str, ReadFailure] = {}
            said = self._for_colors.waited_for(colors, deadline_s, faults)
            seen = None if plate is None else self._for_plates.waited_for(plate, deadline_s, faults)
            found = None if seen is None else seen.plate
            return Attributes(
                colors=said,
                plate_text=None if found is None else found.text,
                plate_conf=None if found is None else found.conf,
                plate_evidence=None if seen is None else _evidence(seen),
                faults=faults,
            )

        return answer


class _Reader:
    """One attribute's thread. While a picture keeps it beyond its time no other waits behind that one."""

    def __init__(self, column: str, time_limit_s: float) -> None:
        self._column = column
        self._time_limit_s = time_limit_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=column)
        self._overdue: Future[Any] | None = None

    def begin(self, work: Callable[..., Answer], *of: object) -> Future[Answer]:
        if self._overdue is None or self._overdue.done():
            return self._thread.submit(work, *of)
        refused: Future[Answer] = Future()
        refused.set_exception(_StillBusyError())
        return refused

    def waited_for(self, coming: Future[Answer], deadline_s: float, faults: dict[str, ReadFailure]) -> Answer | None:
        """The answer; None where there is none in time, and in `faults` why."""
        try:
            return coming.result(max(0.0, deadline_s - time.monotonic()))
        except NotYet:
            if not coming.cancel():
                self._overdue = coming
            faults[self._column] = ReadFailure("timeout", f"no result within {self._time_limit_s:g} s")
        except _StillBusyError:
            faults[self._column] = ReadFailure("reader_busy")
        except Exception as error:  # whatever it is, the models' answers stand
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


class _StillBusyError(Exception):
    """The thread never came back from an earlier picture."""


def _colors(picture: Picture, yolo_type: str) -> list[Mapping[str, object]] | None:
    return [one.to_json() for one in color.colors(picture, yolo_type)] or None


def _evidence(seen: Sighting) -> Mapping[str, object]:
    """Why there is no plate, the best candidate, and the confidence it needs."""
    best = None if seen.best is None else [seen.best.text, round(seen.best.conf, 4)]
    return {"abstained": seen.reason, "candidate": best, "threshold": LEAST_CONF, "width_px": seen.width_px}

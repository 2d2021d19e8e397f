"""What is read of a picture beside the models: its colours.

The reading runs in threads of its own while the models look, and is waited for no longer than its time limit: what
fails or takes too long leaves null and a reason, and holds up neither type, make nor model.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from video_analysis.main_worker import color
from video_analysis.main_worker.stages import Attributes, Picture

TIME_LIMIT_S = 2.0
"""From the moment the picture is there; a core that is free reads it in 15 ms."""
THREADS = 2

log = logging.getLogger(__name__)


class AttributeReader:
    """Reads pictures in the background."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="attributes")

    def begin(self, picture: Picture, yolo_type: str) -> Callable[[], Attributes]:
        """Begin with a picture; calling what this returns waits for the answer, and never raises."""
        coming = self._pool.submit(_colors, picture, yolo_type)
        deadline_s = time.monotonic() + self._time_limit_s

        def answer() -> Attributes:
            try:
                return Attributes(colors=coming.result(max(0.0, deadline_s - time.monotonic())))
            except NotYet:
                coming.cancel()
                return Attributes(faults={"colors": f"took longer than {self._time_limit_s:g} s"})
            except Exception as error:  # whatever it is, the models' answers stand
                log.warning("colours could not be read", exc_info=error)
                return Attributes(faults={"colors": f"{type(error).__name__}: {error}"})

        return answer


def _colors(picture: Picture, yolo_type: str) -> list[Mapping[str, object]] | None:
    return [one.to_json() for one in color.colors(picture, yolo_type)] or None

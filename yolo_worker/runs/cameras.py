"""The settings that operators keep for cameras. Optional: without the table, a video has those of the worker."""

from __future__ import annotations

import logging

from video_analysis.worker_utils.contracts.messages import ProcessVideo
from video_analysis.worker_utils.db.run_types import Overrides
from video_analysis.worker_utils.observability.observer import Event, Observer
from video_analysis.yolo_worker.runs import overrides
from video_analysis.yolo_worker.runs.ports import CameraRows


class Cameras:
    """The settings of all cameras."""

    def __init__(self, rows: CameraRows, observer: Observer) -> None:
        self._rows = rows
        self._observer = observer
        self._is_reported = False

    def overrides_of(self, task: ProcessVideo) -> Overrides:
        """The settings of the video's camera that differ from those of the worker. Refused ones are not used."""
        missing = self._rows.missing()
        if missing is not None:
            self._report_missing(missing)
            return {}
        self._is_reported = False
        settings, refusals = overrides.usable(self._rows.overrides(task.workspace_id, task.camera_code))
        if refusals:
            self._observer.notify(
                Event(
                    "camera.settings_refused",
                    f"settings of {task.camera_code} that are not used: {'; '.join(refusals)}",
                    {"video_id": task.video_id, "camera_code": task.camera_code},
                    logging.WARNING,
                )
            )
        return settings

    def _report_missing(self, missing: str) -> None:
        if not self._is_reported:
            self._observer.notify(
                Event(
                    "camera.settings_unavailable", f"no camera has settings of its own: {missing}", {}, logging.WARNING
                )
            )
        self._is_reported = True

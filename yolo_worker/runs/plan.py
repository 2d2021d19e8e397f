"""What a message requests: a video, and the settings with which it is processed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from video_analysis.worker_utils.contracts.messages import ProcessVideo
from video_analysis.worker_utils.db.run_types import Overrides, StoredRun
from video_analysis.yolo_worker import run_key
from video_analysis.yolo_worker.ports import Pipeline
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.runs import overrides


@dataclass(frozen=True)
class Plan:
    """One video with the settings of one run."""

    task: ProcessVideo
    pipeline: Pipeline
    settings: OutputSettings
    named_run: StoredRun | None = None
    """The run that the message names."""

    @classmethod
    def build(
        cls,
        task: ProcessVideo,
        pipeline: Pipeline,
        settings: OutputSettings,
        camera: Overrides,
        run: StoredRun | None = None,
    ) -> Plan:
        """The plan of a message with the settings of its camera, and of the run that it names.

        `task` has the stride of the message or of the row in `videos`. Permanent if an override of the run is refused.
        """
        changed, stride = dict(camera), camera.get(overrides.STRIDE, task.frame_stride)
        if run is not None:
            own = overrides.checked(run.config_overrides or {}, run.replay_from_stage or "detect", run.inherited)
            changed, stride = changed | dict(own), own.get(overrides.STRIDE, run.stride or stride)
        detector, track = (overrides.of_group(changed, group) for group in ("detector", "track"))
        return cls(
            task.model_copy(update={"frame_stride": stride}),
            pipeline.with_settings(detector, track) if detector or track else pipeline,
            OutputSettings(
                settings.bucket,
                settings.best.model_copy(update=overrides.of_group(changed, "best")),
                settings.snapshot.model_copy(update=overrides.of_group(changed, "snapshot")),
            ),
            run,
        )

    @property
    def changes_video(self) -> bool:
        """Whether the row in `videos` shows the state of the run, see `StoredRun.changes_video`."""
        return self.named_run is None or self.named_run.changes_video

    @cached_property
    def key_fields(self) -> Mapping[str, object]:
        """The settings that enter the run key, by their names in it."""
        return run_key.key_fields(self.task.frame_stride, self.pipeline.traits(), self.settings)

    @property
    def run_key(self) -> str:
        """See `run_key.hash_of`."""
        return run_key.hash_of(self.key_fields)

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
from video_analysis.yolo_worker.runs import overrides, snapshot_settings


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
        A setting that equals that of the worker is not set: 10 and 10.0 would have two run keys.
        """
        wanted = {**camera, **({} if run is None else _settings_of(run))}
        current = snapshot_settings.by_name(cls(task, pipeline, settings).key_fields)
        changed = {name: value for name, value in wanted.items() if current[name] != value}
        detector, track = (overrides.of_group(changed, group) for group in ("detector", "track"))
        return cls(
            task.model_copy(update={"frame_stride": changed.get(overrides.STRIDE, task.frame_stride)}),
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


def _settings_of(run: StoredRun) -> Overrides:
    """The overrides of a run, and the settings of the stages that do not run again: those of the run that it follows.

    The stride is also that of the run that it follows, or its own if it was begun before, unless it is overridden.
    """
    first = run.replay_from_stage or "detect"
    own = overrides.checked(run.config_overrides or {}, first, run.inherited)
    known = snapshot_settings.by_name(run.config_snapshot)
    kept = {name: known[name] for name in known if name == overrides.STRIDE or overrides.is_before(name, first)}
    return {**overrides.checked(kept, "detect"), **own}

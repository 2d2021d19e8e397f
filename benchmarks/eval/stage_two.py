"""Stage 2 in process: snapshots as they come out of S3, through the variants' models and the hierarchy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from video_analysis.main_worker import run_poller
from video_analysis.main_worker.hierarchy import decide
from video_analysis.main_worker.labels import Thresholds
from video_analysis.main_worker.stages import Verdict
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils import imaging
from video_analysis.worker_utils.analyses import Variant

MUTE = Thresholds(type=0, make=0, model=0)
"""Every level speaks: an abstention would be neither right nor wrong."""


class StageTwo:
    """The loaded main models. ConfigurationError where one is missing or wrong."""

    def __init__(self, config: WorkerConfig) -> None:
        self._models = run_poller.models(config)
        self._labels = {
            variant: model.labels.model_copy(update={"thresholds": MUTE}) for variant, model in self._models.items()
        }
        self._batch = config.micro_batch

    @property
    def checkpoints(self) -> Mapping[Variant, str]:
        """What each variant's rows would say they were made by."""
        return {variant: model.checkpoint for variant, model in self._models.items()}

    def read(self, jpegs: Sequence[bytes]) -> list[dict[Variant, Verdict]]:
        """Each snapshot's verdicts, in order."""
        read: list[dict[Variant, Verdict]] = []
        for start in range(0, len(jpegs), self._batch):
            batch = [imaging.check_snapshot(jpeg, "image/jpeg") for jpeg in jpegs[start : start + self._batch]]
            said: list[dict[Variant, Verdict]] = [{} for _ in batch]
            for variant, model in self._models.items():
                for place, logits in enumerate(model.classify(batch).logits):
                    said[place][variant] = decide(logits, self._labels[variant])
            read += said
        return read

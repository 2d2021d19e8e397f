"""Stage 2 in process: snapshots as they come out of S3, through models and hierarchy, with colours and plate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from video_analysis.benchmarks.eval import decoding
from video_analysis.benchmarks.eval.predictions import Read, Reading
from video_analysis.benchmarks.eval.stage_one import Shot
from video_analysis.main_worker import run_poller
from video_analysis.main_worker.attributes import plate
from video_analysis.main_worker.attributes.color import colors
from video_analysis.main_worker.attributes.plate import PlateReader, PlateResult
from video_analysis.main_worker.classification.hierarchy import decide
from video_analysis.main_worker.classification.labels import Labels, Thresholds
from video_analysis.main_worker.types import Logits, SnapshotImage
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.imaging import snapshot_image
from video_analysis.worker_utils.inference import backend

MUTE = Thresholds(type=0, make=0, model=0)
"""Every level speaks."""


class StageTwo:
    """The loaded main models, and the plate reader where it is installed.

    ConfigurationError where one is missing or wrong.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._models = run_poller.models(config)
        self._muted = {
            variant: model.labels.model_copy(update={"thresholds": MUTE}) for variant, model in self._models.items()
        }
        self._plates = PlateReader.load(backend.configured(config))
        self._batch = config.batch_size

    @property
    def checkpoints(self) -> Mapping[Variant, str]:
        """What each variant's rows would say they were made by."""
        return {variant: model.checkpoint for variant, model in self._models.items()}

    def read(self, shots: Sequence[Shot], *, no_plates: str | None = None) -> list[Read]:
        """Each snapshot, in order. `no_plates` says why no plate is looked for, if none is."""
        read: list[Read] = []
        for start in range(0, len(shots), self._batch):
            batch = shots[start : start + self._batch]
            pictures = [snapshot_image.check_snapshot(shot.jpeg, snapshot_image.CONTENT_TYPE) for shot in batch]
            for shot, picture, said in zip(batch, pictures, self._said(pictures), strict=True):
                sighting = no_plates or self._plate(picture)
                read.append(Read(said, colors(picture, shot.type), sighting))
        return read

    def _said(self, pictures: Sequence[SnapshotImage]) -> list[dict[Variant, Reading]]:
        """One forward pass for each variant."""
        said: list[dict[Variant, Reading]] = [{} for _ in pictures]
        for variant, model in self._models.items():
            for place, logits in enumerate(model.classify(pictures).logits):
                said[place][variant] = reading(logits, model.labels, self._muted[variant])
        return said

    def _plate(self, picture: SnapshotImage) -> PlateResult | str:
        return (
            f"{plate.PACKAGE} is not installed: {plate.REMEDY}" if self._plates is None else self._plates.read(picture)
        )


def reading(logits: Logits, labels: Labels, muted: Labels) -> Reading:
    """The same logits, decoded in all ways; `muted` are the labels without thresholds."""
    return Reading(
        decide(logits, muted), decide(logits, labels), decoding.greedy(logits, labels), decoding.heads(logits, labels)
    )

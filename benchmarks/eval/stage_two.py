"""Stage 2 in process: main models, hierarchy, colours and plate of snapshots as stored in S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from video_analysis.benchmarks.eval import decoding
from video_analysis.benchmarks.eval.predictions import Prediction, SnapshotPredictions
from video_analysis.benchmarks.eval.stage_one import Shot
from video_analysis.main_worker import run_poller
from video_analysis.main_worker.attributes import plate
from video_analysis.main_worker.attributes.color import colors
from video_analysis.main_worker.attributes.plate import PlateReader, PlateResult
from video_analysis.main_worker.classification.hierarchy import decide
from video_analysis.main_worker.classification.labels import Labels, Thresholds
from video_analysis.main_worker.ports import Model
from video_analysis.main_worker.types import Logits, SnapshotImage
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE
from video_analysis.worker_utils.inference import backend

NO_THRESHOLDS = Thresholds(type=0, make=0, model=0)
"""No level abstains."""


class StageTwo:
    """The loaded main models, and the plate reader where it is installed.

    ConfigurationError if a checkpoint is missing or invalid.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._models = run_poller.models(config)
        self._without_thresholds = {
            variant: model.labels.model_copy(update={"thresholds": NO_THRESHOLDS})
            for variant, model in self._models.items()
        }
        self._plates = PlateReader.load(backend.configured(config))
        self._batch = config.batch_size

    @property
    def models(self) -> Mapping[Variant, Model]:
        """The loaded main models."""
        return self._models

    @property
    def checkpoints(self) -> Mapping[Variant, str]:
        """The checkpoint name that each variant's rows would have."""
        return {variant: model.checkpoint for variant, model in self._models.items()}

    def read(self, shots: Sequence[Shot], *, no_plates: str | None = None) -> list[SnapshotPredictions]:
        """Predictions for each snapshot, in order. `no_plates`: why plates are not read; None reads them."""
        read: list[SnapshotPredictions] = []
        for start in range(0, len(shots), self._batch):
            batch = shots[start : start + self._batch]
            pictures = [check_snapshot(shot.jpeg, CONTENT_TYPE) for shot in batch]
            for shot, picture, predictions in zip(batch, pictures, self._predicted(pictures), strict=True):
                sighting = no_plates or self._plate(picture)
                read.append(SnapshotPredictions(predictions, colors(picture, shot.type), sighting))
        return read

    def _predicted(self, pictures: Sequence[SnapshotImage]) -> list[dict[Variant, Prediction]]:
        """One forward pass for each variant."""
        predictions: list[dict[Variant, Prediction]] = [{} for _ in pictures]
        for variant, model in self._models.items():
            for place, logits in enumerate(model.classify(pictures).logits):
                predictions[place][variant] = decode_all(logits, model.labels, self._without_thresholds[variant])
        return predictions

    def _plate(self, picture: SnapshotImage) -> PlateResult | str:
        return (
            f"{plate.PACKAGE} is not installed: {plate.REMEDY}" if self._plates is None else self._plates.read(picture)
        )


def decode_all(logits: Logits, labels: Labels, without_thresholds: Labels) -> Prediction:
    """The same logits, decoded in all ways; `without_thresholds` are the labels without thresholds."""
    return Prediction(
        decide(logits, without_thresholds),
        decide(logits, labels),
        decoding.greedy(logits, labels),
        decoding.heads(logits, labels),
    )

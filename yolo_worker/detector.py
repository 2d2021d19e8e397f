"""YOLO: frames in, the vehicles seen in each out, in batches and in order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from video_analysis.worker_config import ConfigurationError
from video_analysis.worker_utils.backend import Runtime
from video_analysis.worker_utils.network import Network
from video_analysis.yolo_worker import detector_weights, taxonomy
from video_analysis.yolo_worker.detections import Letterbox, candidates, suppress
from video_analysis.yolo_worker.stages import Boxes, DetectedFrame, Frame

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What counts as seen. All but `batch` decides the result."""

    size_px: int
    """Long side of the network's input."""
    batch: int
    confidence: float
    iou: float
    """Boxes of any two classes that overlap by more are one vehicle."""
    inside: float
    """So are boxes of which one lies in the other by more than this share of itself."""
    min_box_px: int


class Detector:
    """A loaded YOLO. The same frame gives the same boxes in a batch of any size."""

    def __init__(
        self, network: Network, classes: Mapping[int, int], fingerprint: str, settings: DetectorSettings
    ) -> None:
        self._network = network
        self._classes = classes
        self._fingerprint = fingerprint
        self._settings = settings

    @classmethod
    def load(cls, weights: Path, runtime: Runtime, settings: DetectorSettings) -> Detector:
        """ConfigurationError where `weights` are missing, are no YOLO detector, or know none of the 8 types."""
        loaded = detector_weights.load(weights, runtime)
        try:
            classes = taxonomy.class_map(loaded.names)
        except ValueError as error:
            raise ConfigurationError(f"{weights}: {error}") from None
        return cls(loaded.network, classes, loaded.fingerprint, settings)

    @property
    def traits(self) -> Mapping[str, object]:
        """What decides its boxes: the weights' SHA-256, the precision, the settings (not the batch size)."""
        settings = {name: value for name, value in asdict(self._settings).items() if name != "batch"}
        return {"weights": self._fingerprint, "precision": self._network.precision, **settings}

    def detect(self, frames: Iterable[Frame]) -> Iterator[DetectedFrame]:
        """Each frame with its boxes in px of the frame: D×6 float32, class as an index into taxonomy.YOLO_TYPES."""
        for _, alike in groupby(frames, lambda frame: frame.image.shape):
            while batch := list(islice(alike, self._settings.batch)):
                for frame, boxes in zip(batch, self._boxes(batch), strict=True):
                    yield DetectedFrame(frame, boxes)

    def _boxes(self, batch: Sequence[Frame]) -> Iterator[Boxes]:
        shape = batch[0].image.shape
        box = Letterbox.fit(shape, self._settings.size_px, self._network.input_shape[2:])
        predictions = self._network(np.stack([box.apply(frame.image) for frame in batch]))[0]
        for prediction in predictions:
            vehicles = candidates(prediction, self._classes, self._settings.confidence)
            found = suppress(vehicles, self._settings.iou, self._settings.inside)
            boxes = box.undo(found, shape)
            sides = boxes[:, 2:4] - boxes[:, :2]
            yield boxes[(sides >= self._settings.min_box_px).all(1)]

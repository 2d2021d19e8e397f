"""YOLO: frames in, the vehicles seen in each out, in order; several batches are looked at side by side."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_config import DetectorSettings
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.execution import concurrency
from video_analysis.worker_utils.inference.backend import Runtime
from video_analysis.worker_utils.inference.protocol import Network
from video_analysis.yolo_worker.detection import detector_weights, taxonomy
from video_analysis.yolo_worker.detection.postprocess import Letterbox, candidates, suppress
from video_analysis.yolo_worker.run_key import NetworkTraits
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Frame

BUDGET_BYTES = 1 << 30
"""Of decoded frames on their way at once: those ahead, those under the workers' eyes, those that wait their turn."""

log = logging.getLogger(__name__)


class Detector:
    """A loaded YOLO. The same frame gives the same boxes in a batch of any size."""

    def __init__(
        self, network: Network, classes: Mapping[int, int], fingerprint: str, settings: DetectorSettings
    ) -> None:
        self._network = network
        self._classes = classes
        self._fingerprint = fingerprint
        self.settings = settings

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
    def traits(self) -> NetworkTraits:
        """What decides its boxes, together with `settings`."""
        return NetworkTraits(self._fingerprint, self._network.precision)

    def detect(self, frames: Iterable[Frame]) -> Generator[DetectedFrame, None, None]:
        """Each frame with its boxes in px of the frame: D×6 float32, class as an index into taxonomy.YOLO_TYPES.

        Frames are brought by a thread of their own and looked at by others, one more than the network has streams:
        while one prepares a batch or sorts out what was found, no stream idles. They are bounded by those numbers.
        """
        coming = iter(frames)
        first = next(coming, None)
        if first is None:
            return
        size, workers = within_budget(first.image.nbytes, self.settings.batch, self._network.streams + 1)
        with closing(concurrency.ahead(_again(first, coming), size)) as brought:
            for seen in concurrency.mapped(self._look, _batches(brought, size), workers, "detect"):
                yield from seen

    def _look(self, batch: Sequence[Frame]) -> list[DetectedFrame]:
        """`batch` of frames of one size, in one pass."""
        shape = batch[0].image.shape
        box = Letterbox.fit(shape, self.settings.size_px, self._network.input_shape[2:])
        predictions = self._network(box.apply([frame.image for frame in batch]))[0]
        return [
            DetectedFrame(frame, self._boxes(prediction, box, shape))
            for frame, prediction in zip(batch, predictions, strict=True)
        ]

    def _boxes(self, prediction: NDArray[np.float32], box: Letterbox, shape: tuple[int, ...]) -> Boxes:
        vehicles = candidates(prediction, self._classes, self.settings.confidence)
        boxes = box.undo(suppress(vehicles, self.settings.iou, self.settings.containment), shape)
        sides = boxes[:, 2:4] - boxes[:, :2]
        large: Boxes = boxes[(sides >= self.settings.min_box_px).all(1)]
        return large


def within_budget(frame_bytes: int, batch: int, workers: int) -> tuple[int, int]:
    """(frames a batch, workers) at most as asked, and fewer where frames are so large that memory would not do."""
    frames = max(1, BUDGET_BYTES // frame_bytes)
    size = max(1, min(batch, frames // 4))
    return size, max(1, min(workers, frames // size - 3))


def _again(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    try:
        yield first
        yield from rest
    finally:
        concurrency.close(rest)


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """Up to `size` neighbours that are alike in shape."""
    for _, alike in groupby(frames, lambda frame: frame.image.shape):
        while batch := list(islice(alike, size)):
            yield batch

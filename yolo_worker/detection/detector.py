"""The YOLO detector: vehicle boxes of each frame, in frame order. Several batches run in parallel."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_config import DetectorSettings
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.execution import concurrency
from video_analysis.worker_utils.inference.backend import Runtime
from video_analysis.worker_utils.inference.protocol import Network, has_finite_outputs
from video_analysis.yolo_worker.detection import detector_weights, taxonomy
from video_analysis.yolo_worker.detection.postprocess import Letterbox, candidates, suppress
from video_analysis.yolo_worker.run_key import NetworkTraits
from video_analysis.yolo_worker.types import Boxes, DetectedFrame, Frame, SourceInfo

BUDGET_BYTES = 1 << 30
"""Limit for decoded frames in memory: prefetched, in a forward pass, and waiting for their turn."""
CHECK_PX = 64
"""Side of the image that is run at start: a multiple of the largest stride (32), small for a fast start."""


@dataclass(frozen=True, slots=True)
class DetectionPlan:
    """Batch size and threads for one video. They affect speed and memory, but not the boxes."""

    batch: int
    """Frames per forward pass."""
    workers: int
    """Threads that run forward passes."""


class Detector:
    """A loaded YOLO network. A frame gets the same boxes in a batch of any size."""

    def __init__(
        self, network: Network, classes: Mapping[int, int], fingerprint: str, settings: DetectorSettings
    ) -> None:
        self._network = network
        self._classes = classes
        self._fingerprint = fingerprint
        self.settings = settings

    @classmethod
    def load(cls, weights: Path, runtime: Runtime, settings: DetectorSettings) -> Detector:
        """Load `weights`.

        ConfigurationError if they are missing, are no YOLO detector, have no vehicle class, or give values that are
        not finite.
        """
        loaded = detector_weights.load(weights, runtime)
        if not has_finite_outputs(loaded.network, CHECK_PX):
            text = f"outputs are not finite in {loaded.network.precision}; export it again, or use other weights"
            raise ConfigurationError(f"{weights}: {text}")
        try:
            classes = taxonomy.class_map(loaded.names)
        except ValueError as error:
            raise ConfigurationError(f"{weights}: {error}") from None
        return cls(loaded.network, classes, loaded.fingerprint, settings)

    def with_settings(self, changed: dict[str, object]) -> Detector:
        """The same network with other settings: name → valid value."""
        return Detector(self._network, self._classes, self._fingerprint, self.settings.model_copy(update=changed))

    @property
    def traits(self) -> NetworkTraits:
        """Weights and precision; they determine the boxes together with `settings`."""
        return NetworkTraits(self._fingerprint, self._network.precision)

    def plan(self, info: SourceInfo) -> DetectionPlan:
        """Batch size and threads for a source. Frames of a live source do not wait until a batch is full.

        There is one thread more than the network has streams, so that no stream waits for pre- or postprocessing.
        """
        batch = 1 if info.is_live else self.settings.batch
        return within_budget(info.frame_bytes, batch, self._network.streams + 1)

    def detect(
        self, frames: Iterable[Frame], plan: DetectionPlan | None = None
    ) -> Generator[DetectedFrame, None, None]:
        """Each frame with its boxes, see `types.Boxes`, in the order of `frames`.

        Frames are pulled in the caller's thread; batches run in `plan.workers` threads. Without a plan memory is not
        bounded, so pass only a few frames.
        """
        size, workers = (plan.batch, plan.workers) if plan else (self.settings.batch, self._network.streams + 1)
        for batch in concurrency.parallel_map(self._detect_batch, _batches(frames, size), workers, "detect"):
            yield from batch

    def _detect_batch(self, batch: Sequence[Frame]) -> list[DetectedFrame]:
        """One forward pass; all frames have the same shape and areas. Bars around the areas are left out."""
        left, top, right, bottom = batch[0].extent
        images = [frame.image[top:bottom, left:right] for frame in batch]
        shape = images[0].shape
        box = Letterbox.fit(shape, self.settings.size_px, self._network.input_shape[2:])
        predictions = self._network(box.apply(images))[0]
        return [
            DetectedFrame(frame, _moved(self._boxes(prediction, box, shape), left, top))
            for frame, prediction in zip(batch, predictions, strict=True)
        ]

    def _boxes(self, prediction: NDArray[np.float32], box: Letterbox, shape: tuple[int, ...]) -> Boxes:
        vehicles = candidates(prediction, self._classes, self.settings.confidence)
        boxes = box.undo(suppress(vehicles, self.settings.iou, self.settings.containment), shape)
        sides = boxes[:, 2:4] - boxes[:, :2]
        large: Boxes = boxes[(sides >= self.settings.min_box_px).all(1)]
        return large


def within_budget(frame_bytes: int, batch: int, workers: int) -> DetectionPlan:
    """The largest plan, up to `batch` and `workers`, whose frames fit into `BUDGET_BYTES`."""
    frames = max(1, BUDGET_BYTES // frame_bytes)
    size = max(1, min(batch, frames // 4))
    return DetectionPlan(size, max(1, min(workers, frames // size - 3)))


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """Up to `size` consecutive frames of the same shape and areas per batch."""
    for _, alike in groupby(frames, lambda frame: (frame.image.shape, frame.areas)):
        while batch := list(islice(alike, size)):
            yield batch


def _moved(boxes: Boxes, dx: int, dy: int) -> Boxes:
    boxes[:, :4] += np.array([dx, dy, dx, dy], np.float32)
    return boxes

"""Training and validation samples of the detector: letterboxed frames with their boxes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from video_analysis.training.augmentation import drawn, moved, placement, relit
from video_analysis.training.ground_truth_filter import corners, is_required
from video_analysis.training.stills import Seen, Still
from video_analysis.worker_utils.imaging.letterbox import LETTERBOX_GREY
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES

CANVAS = (384, 640)
"""Height and width of the worker's input for 16:9 frames (Letterbox.fit at 640)."""
COARSE_CANVAS = (256, 448)
"""Canvas of the first samples: half the pixels are sufficient at first."""
ZOOM = (0.65, 1.6)
PLAIN_SHARE = 0.25
"""Share of frames that are letterboxed as in the worker."""
LEARNT_PX, LEARNT_FRACTION = 14, 0.3
"""A vehicle of less height, or with a smaller visible share, is trained as background."""
LEAST_LEFT = 0.35
"""Least share of a box that remains after the canvas has cut it."""

View = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""3×H×W RGB, and N×5: class, centre and size as shares of the canvas."""


class DetectorViews:
    """An endless sequence of training frames, of which sample n is always the same.

    The first `coarse` samples use the coarse canvas; it must be a multiple of the batch size.
    """

    def __init__(self, stills: Sequence[Still], seed: int, coarse: int = 0) -> None:
        self._stills = stills
        self._seed = seed
        self._coarse = coarse

    def __getitem__(self, number: int) -> View:
        """Sample `number`."""
        rng = np.random.default_rng((self._seed, 62, number))
        still = self._stills[drawn(self._seed, number, len(self._stills))]
        image = relit(rng, still.image())
        size = COARSE_CANVAS if number < self._coarse else CANVAS
        matrix = _matrix(rng, (image.shape[0], image.shape[1]), size)
        canvas = cv2.warpAffine(
            image,
            matrix,
            size[::-1],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=LETTERBOX_GREY,
        )
        return np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)), _targets(still.seen, matrix, size)


def collated(views: list[View]) -> dict[str, torch.Tensor]:
    """A batch in the format of ultralytics' loss: img (uint8), batch_idx, cls, bboxes."""
    counts = torch.tensor([len(targets) for _, targets in views])
    targets = torch.from_numpy(np.concatenate([targets for _, targets in views]))
    return {
        "img": torch.from_numpy(np.stack([image for image, _ in views])),
        "batch_idx": torch.repeat_interleave(torch.arange(len(views)), counts).float(),
        "cls": targets[:, 0],
        "bboxes": targets[:, 1:],
    }


def _matrix(rng: np.random.Generator, source: tuple[int, int], canvas: tuple[int, int]) -> NDArray[np.float64]:
    if rng.random() >= PLAIN_SHARE:
        return placement(rng, source, canvas, ZOOM, flip=0.5)
    matrix = placement(rng, source, canvas, (1.0, 1.0), flip=0.5)
    scale = matrix[1, 1]
    matrix[1, 2] = (canvas[0] - round(scale * source[0])) // 2 + (scale - 1) / 2
    return matrix


def _targets(seen: Sequence[Seen], matrix: NDArray[np.float64], canvas: tuple[int, int]) -> NDArray[np.float32]:
    learnt = [one for one in seen if is_required(one, LEARNT_PX, LEARNT_FRACTION)]
    placed, left = moved(corners(learnt), matrix, canvas)
    classes = np.array([YOLO_TYPES.index(one.type) for one in learnt], np.float32)
    size = placed[:, 2:] - placed[:, :2]
    kept = (left >= LEAST_LEFT) & (size.min(axis=1, initial=np.inf) >= 2)
    shares = np.concatenate([(placed[:, :2] + placed[:, 2:]) / 2, size], axis=1) / np.tile(canvas[::-1], 2)
    return np.asarray(np.column_stack([classes, shares])[kept], np.float32)

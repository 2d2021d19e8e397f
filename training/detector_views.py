"""Training samples of the detector: crops of scaled pictures with their boxes.

A crop of a large scene costs a quarter of the whole, and has most of what a step learns from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from video_analysis.training.augmentation import Matrix, degraded, moved, relit
from video_analysis.training.labelled_picture import LABELS, LabelledPicture, Unlabelled
from video_analysis.worker_utils.imaging.letterbox import LETTERBOX_GREY

CANVAS = (320, 320)
"""Height and width of a crop."""
FRAME_PX = 640
"""Long side of a whole picture in the worker's input: the scale that `zoom` refers to."""
AROUND_A_BOX = 0.75
"""Share of the crops that are placed around a labelled vehicle."""
STRETCH = 0.08
"""Standard deviation of the logarithm of the ratio of width to height."""
LEAST_LEFT = 0.35
"""Least share of a box that remains after the canvas has cut it."""
LEAST_SIDE_PX = 4
"""Of a box that is trained as a vehicle; smaller ones are neither vehicle nor background."""
MOST_SIDE_PX = 300
"""Largest side of the vehicle that a crop is placed around: it is not enlarged beyond this."""
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Pictures of one kind, and how they are sampled."""

    pictures: Sequence[LabelledPicture]
    share: float
    """Of the samples."""
    zoom: tuple[float, float] = (0.6, 2.0)
    """Least and largest scale, relative to the worker's."""
    is_balanced: bool = False
    """Pictures and vehicles with rare labels are taken more often: by 1 ÷ √(number of boxes with the label)."""

    def label_weights(self) -> NDArray[np.float64]:
        """The weight of each of LABELS."""
        labels = [label for picture in self.pictures for label in picture.labels.tolist()]
        counts = np.bincount(labels, minlength=len(LABELS))
        return np.maximum(counts, 1) ** -0.5 if self.is_balanced else np.ones(len(LABELS))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A sample."""

    image: NDArray[np.uint8]
    """3×H×W RGB."""
    boxes: NDArray[np.float32]
    """N×4: x1, y1, x2, y2 in px of the canvas."""
    labels: NDArray[np.int64]
    """N: places in LABELS."""
    unlabelled: Unlabelled
    """In px of the canvas."""


class DetectorViews:
    """An endless sequence of samples, of which sample n is always the same."""

    def __init__(self, sources: Sequence[Source], seed: int) -> None:
        self._sources = [source for source in sources if source.pictures]
        self._bounds = _bounds(np.array([source.share for source in self._sources]))
        self._label_weights = [source.label_weights() for source in self._sources]
        self._picture_bounds = [
            _bounds(np.array([weights[one.labels].max(initial=weights.min()) for one in source.pictures]))
            for source, weights in zip(self._sources, self._label_weights, strict=True)
        ]
        self._seed = seed

    def __getitem__(self, number: int) -> View:
        """Sample `number`."""
        rng = np.random.default_rng((self._seed, 62, number))
        place = int(np.searchsorted(self._bounds, rng.random()))
        source = self._sources[place]
        picture = source.pictures[int(np.searchsorted(self._picture_bounds[place], rng.random()))]
        image = relit(rng, picture.read())
        centre = _chosen(rng, picture, self._label_weights[place])
        matrix = crop_matrix(rng, centre, (image.shape[0], image.shape[1]), source.zoom)
        flags, grey = cv2.INTER_LINEAR, (LETTERBOX_GREY,) * 3
        canvas = cv2.warpAffine(image, matrix, CANVAS[::-1], flags=flags, borderValue=grey)
        canvas = degraded(rng, np.asarray(canvas, np.uint8))
        return View(np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)), *_placed(picture, matrix))


def collated(views: Sequence[View]) -> Batch:
    """A batch for PartialLabelLoss: B pictures, M ≥ 1 boxes in each, K ≥ 1 boxes without labels in each.

    img B×3×H×W uint8; boxes B×M×4 px, zero where a picture has less than M; labels B×M; ignored B×K×4 px, zero
    likewise; above_px B; smaller_px2 B.
    """
    return {
        "img": torch.from_numpy(np.stack([view.image for view in views])),
        "boxes": _padded([view.boxes for view in views]),
        "labels": _padded([view.labels[:, None] for view in views])[:, :, 0].long(),
        "ignored": _padded([view.unlabelled.boxes for view in views]),
        "above_px": torch.tensor([view.unlabelled.above_px for view in views]),
        "smaller_px2": torch.tensor([view.unlabelled.smaller_px2 for view in views]),
    }


def _padded(rows: Sequence[NDArray[np.generic]]) -> torch.Tensor:
    """Arrays of different lengths in one float32 tensor, filled with zeros."""
    padded = np.zeros((len(rows), max(1, *map(len, rows)), rows[0].shape[1]), np.float32)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return torch.from_numpy(padded)


def _bounds(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper bounds, 0..1, of the intervals that stand for each weight."""
    bounds: NDArray[np.float64] = np.cumsum(weights / weights.sum())
    bounds[-1] = 1.0
    return bounds


def _chosen(
    rng: np.random.Generator, picture: LabelledPicture, label_weights: NDArray[np.float64]
) -> NDArray[np.float32] | None:
    """The box that the crop is placed around, if any."""
    if not len(picture.boxes) or rng.random() >= AROUND_A_BOX:
        return None
    return np.asarray(picture.boxes[np.searchsorted(_bounds(label_weights[picture.labels]), rng.random())], np.float32)


def crop_matrix(
    rng: np.random.Generator, box: NDArray[np.float32] | None, source: tuple[int, int], zoom: tuple[float, float]
) -> Matrix:
    """A 2×3 matrix from a picture of `source` (height, width) to the canvas, placed around `box` if there is one.

    In each direction the canvas lies within the picture, or the picture within the canvas. Pixels are squares, their
    middles at halves (cv2.resize's convention).
    """
    scale = FRAME_PX / max(source) * float(np.exp(rng.uniform(*np.log(zoom))))
    middle = np.array(source[::-1]) * rng.random(2)
    if box is not None:
        middle = (box[:2] + box[2:]).astype(np.float64) / 2
        scale = min(scale, MOST_SIDE_PX / float((box[2:] - box[:2]).max()))
    stretch = np.exp(rng.normal(0, STRETCH) * np.array([1, -1]))
    scales, canvas = scale * stretch, np.array(CANVAS[::-1])
    spare = canvas - scales * source[::-1]
    offset = np.clip(canvas * rng.uniform(0.15, 0.85, 2) - scales * middle, np.minimum(spare, 0), np.maximum(spare, 0))
    x, y = offset + (scales - 1) / 2
    matrix = np.array([[scales[0], 0, x], [0, scales[1], y]])
    if rng.random() < 0.5:
        matrix[0] = [-scales[0], 0, canvas[0] - 1 - x]
    return matrix


def _placed(picture: LabelledPicture, matrix: Matrix) -> tuple[NDArray[np.float32], NDArray[np.int64], Unlabelled]:
    """Boxes and labels on the canvas, and where there may be others: those that are cut or shrunk too much, too."""
    boxes, left = moved(picture.boxes, matrix, CANVAS)
    is_learnt = (left >= LEAST_LEFT) & ((boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= LEAST_SIDE_PX)
    known = picture.unlabelled
    optional, _ = moved(known.boxes, matrix, CANVAS)
    scale_x, scale_y = abs(matrix[0, 0]), matrix[1, 1]
    unlabelled = Unlabelled(
        np.concatenate([optional, boxes[~is_learnt]]),
        (known.above_px - 0.5) * scale_y + matrix[1, 2] + 0.5,
        known.smaller_px2 * scale_x * scale_y,
    )
    return boxes[is_learnt], picture.labels[is_learnt], unlabelled

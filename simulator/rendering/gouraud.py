"""Faces' colours as affine functions of the pixel (Gouraud), and pictures coloured with them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Floats


def ramps(local: Floats, shades: Floats, first: NDArray[np.int64], count: NDArray[np.int64]) -> Floats:
    """[F + 1, 9] each face's colour as an affine function of the pixel, by least squares over its corners.

    local: corners in px, [V, 2]; shades: their colours, [V, 3]; row 0 of the answer is empty.
    """
    n = count.astype(np.float32)[:, None]
    middle = np.add.reduceat(local, first) / n
    mean = np.add.reduceat(shades, first) / n
    away = local - np.repeat(middle, count, axis=0)
    xx = np.add.reduceat(away[:, 0] ** 2, first)
    yy = np.add.reduceat(away[:, 1] ** 2, first)
    xy = np.add.reduceat(away[:, 0] * away[:, 1], first)
    sx = np.add.reduceat(away[:, :1] * shades, first)
    sy = np.add.reduceat(away[:, 1:] * shades, first)
    ridge = 0.02 * (xx + yy) + 0.5
    xx, yy = xx + ridge, yy + ridge
    scale = (xx * yy - xy * xy)[:, None]
    by_x = (sx * yy[:, None] - sy * xy[:, None]) / scale
    by_y = (sy * xx[:, None] - sx * xy[:, None]) / scale
    base = mean - by_x * middle[:, :1] - by_y * middle[:, 1:]
    table = np.zeros((len(first) + 1, 9), np.float32)
    table[1:] = np.concatenate([base, by_x, by_y], axis=1)
    return table


def coloured(ids: NDArray[np.uint16], table: Floats) -> tuple[Floats, Floats]:
    """Colour (premultiplied by coverage) and coverage at the frame's own resolution."""
    samples = ids[::2, ::2], ids[::2, 1::2], ids[1::2, ::2], ids[1::2, 1::2]
    first = samples[0]
    height, width = first.shape
    across = np.arange(width, dtype=np.float32) + 0.5
    down = np.arange(height, dtype=np.float32)[:, None] + 0.5
    at = first.astype(np.intp)
    planes = []
    for channel in range(3):
        plane = np.take(table[:, 3 + channel], at) * across
        plane += np.take(table[:, channel], at)
        plane += np.take(table[:, 6 + channel], at) * down
        planes.append(np.clip(plane, 0, 1, out=plane))
    colour = cv2.merge(planes)
    coverage = (first > 0).astype(np.float32)
    rows, columns = np.nonzero((first != samples[1]) | (first != samples[2]) | (first != samples[3]))
    if len(rows):
        colour[rows, columns], coverage[rows, columns] = _mean_of_four(samples, rows, columns, table)
    return colour, coverage


def _mean_of_four(
    samples: tuple[NDArray[np.uint16], ...], rows: NDArray[np.int64], columns: NDArray[np.int64], table: Floats
) -> tuple[Floats, Floats]:
    """Colours [n, 3] and coverages [n] of the pixels where several faces meet."""
    total, covered = np.zeros((len(rows), 3), np.float32), np.zeros(len(rows), np.float32)
    right, down = (columns + 0.5).astype(np.float32)[:, None], (rows + 0.5).astype(np.float32)[:, None]
    for sample in samples:
        index = sample[rows, columns]
        line = np.take(table, index, axis=0)
        total += np.clip(line[:, :3] + line[:, 3:6] * right + line[:, 6:] * down, 0, 1)
        covered += index > 0
    return total / 4, covered / 4

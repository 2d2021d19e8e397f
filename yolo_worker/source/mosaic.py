"""Finds the tiles of a mosaic, the picture of several cameras that a recorder puts together. Pure.

Each tile is a scene of its own. Between two tiles there is a seam: a straight edge along their whole common side, with
or without a separating line. Every seam of a layout must be visible: one pole or wall in a scene is not enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.source.active_area import Level, Planes, Samples, without_bars
from video_analysis.yolo_worker.types import Area

Layout = NDArray[np.int64]
"""N×N cells, each with the number of its tile."""
Seam = tuple[int, int]
"""Where the tile before it ends, and where the tile behind it begins; in between is a line."""
FEWEST_TILES = 2
LEAST_TILE_PX = 48
SHIFT_PX, SHIFT_SHARE = 4, 0.0125
"""A seam may lie so far from its even position: recorders round to macroblocks."""
NEAR_PX = range(5, 13, 2)
"""Distances of the columns on both sides that an edge is compared with."""
EDGE_LEVELS, CONTRAST = 8, 2.5
"""At a seam the level changes by at least this, and by so many times the median step beside it …"""
SEAM_SHARE, PART_SHARE = 0.5, 0.3
"""… on these shares of the whole seam, and of each of its parts."""
LINE_SHARE = 0.9
"""A separating line has one colour, within EDGE_LEVELS, on at least this share of its length."""


def _large_and_small(cells: int) -> Layout:
    """A large tile at the top left, and small ones to its right and below: 1+5, 1+7."""
    layout = np.arange(cells * cells).reshape(cells, cells)
    layout[:-1, :-1] = 0
    return layout


def _grid(cells: int) -> Layout:
    return np.arange(cells * cells).reshape(cells, cells)


LAYOUTS = (_grid(4), _grid(3), _large_and_small(4), _large_and_small(3), _grid(2))
"""The finer first: its seams contain those of a coarser one."""


def active_areas(samples: Samples) -> tuple[Area, ...]:
    """The tiles of a mosaic, or the part between the bars; empty if the whole picture is active, or in doubt."""
    planes = samples.planes
    if planes is None or min(planes.mean.shape) < LEAST_TILE_PX:
        return ()
    inside = without_bars(planes)
    for region in dict.fromkeys((planes.whole, inside)):
        tiles = _tiles(planes.within(region))
        if tiles:
            return tuple(_moved(tile, region) for tile in tiles)
    return () if inside == planes.whole else (inside,)


def _tiles(planes: Planes) -> list[Area]:
    for layout in LAYOUTS:
        cells = len(layout)
        if min(planes.mean.shape) < cells * LEAST_TILE_PX:
            continue
        blank = _blank_cells(planes, cells)
        columns = _seams(planes.mean, layout, blank)
        rows = columns and _seams(planes.mean.T, layout.T, blank.T)
        if columns and rows:
            found = [_tile(planes, layout == number, columns, rows) for number in np.unique(layout)]
            tiles = [tile for tile in found if tile is not None]
            if len(tiles) >= FEWEST_TILES:
                return tiles
    return []


def _blank_cells(planes: Planes, cells: int) -> NDArray[np.bool_]:
    """Cells without a camera."""
    _, _, width, height = planes.whole
    xs, ys = ([round(size * k / cells) for k in range(cells + 1)] for size in (width, height))
    edge = SHIFT_PX
    return np.array(
        [
            [
                planes.within((xs[x] + edge, ys[y] + edge, xs[x + 1] - edge, ys[y + 1] - edge)).is_blank
                for x in range(cells)
            ]
            for y in range(cells)
        ]
    )


def _seams(mean: Level, layout: Layout, blank: NDArray[np.bool_]) -> list[Seam] | None:
    """Each vertical seam, with those at the sides of the picture around them; None if one is not there."""
    width, cells = mean.shape[1], len(layout)
    found = [(0, 0)]
    for number in range(1, cells):
        is_border = layout[:, number - 1] != layout[:, number]
        rows = np.flatnonzero(is_border & ~(blank[:, number - 1] & blank[:, number]))
        x = _seam(mean, round(width * number / cells), rows.tolist(), cells)
        if x is None:
            return None
        found.append(x)
    return [*found, (width, width)]


def _seam(mean: Level, near_x: int, rows: Sequence[int], cells: int) -> Seam | None:
    """The seam near `near_x` that is visible beside each of these rows of cells; at `near_x` if there are none."""
    if not rows:
        return near_x, near_x
    height, width = mean.shape
    shift = round(max(SHIFT_PX, SHIFT_SHARE * width))
    columns = np.arange(near_x - shift, near_x + shift + 1)
    inset = round(max(SHIFT_PX, SHIFT_SHARE * height))
    bands = [mean[round(height * row / cells) + inset : round(height * (row + 1) / cells) - inset] for row in rows]
    shares = np.array([_visible(band, columns) for band in bands])
    step = np.sum([np.abs(band[:, columns] - band[:, columns - 1]).mean(0) for band in bands], axis=0)
    step[(shares.min(0) < PART_SHARE) | (shares.mean(0) < SEAM_SHARE)] = -1
    best = int(np.argmax(step))
    if step[best] < 0:
        return None
    x, most = int(columns[best]), 4 * shift
    beside = np.concatenate(bands)
    return x - _line_px(beside[:, x - most : x][:, ::-1]), x + _line_px(beside[:, x : x + most])


def _line_px(rows: Level) -> int:
    """Width of the separating line at the left; 0 if there is none, or if all is alike."""
    is_line = (np.abs(rows - np.median(rows[:, 0])) < EDGE_LEVELS).mean(0) >= LINE_SHARE
    return 0 if is_line.all() else int(np.argmin(is_line))


def _visible(band: Level, columns: NDArray[np.int64]) -> Level:
    """Share of the rows in which the step at each column is an edge, and is larger than those around it."""

    def steps(at: NDArray[np.int64]) -> Level:
        return np.abs(band[:, at + 1] - band[:, at - 2])

    around = np.median([steps(columns + sign * distance) for distance in NEAR_PX for sign in (-1, 1)], axis=0)
    share: Level = (steps(columns) >= np.maximum(EDGE_LEVELS, CONTRAST * around)).mean(0)
    return share


def _tile(planes: Planes, cells: NDArray[np.bool_], columns: Sequence[Seam], rows: Sequence[Seam]) -> Area | None:
    """The part of the picture that these cells cover, without bars; None where it is blank."""
    ys, xs = np.nonzero(cells)
    area = columns[xs.min()][1], rows[ys.min()][1], columns[xs.max() + 1][0], rows[ys.max() + 1][0]
    tile = planes.within(area)
    return None if tile.is_blank else _moved(without_bars(tile), area)


def _moved(area: Area, region: Area) -> Area:
    x1, y1, x2, y2 = area
    left, top = region[:2]
    return x1 + left, y1 + top, x2 + left, y2 + top

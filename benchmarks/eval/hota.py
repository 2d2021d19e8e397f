"""HOTA: agreement of boxes and identities with the truth. Pure.

Luiten et al., HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking, IJCV 2021, computed as in its authors'
TrackEval. That library needs other versions of numpy and OpenCV than the workers, so the metric is implemented here
and tested against TrackEval's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ALPHAS: Floats = np.arange(0.05, 0.99, 0.05)
"""Least overlaps at which a box counts as found; HOTA is the mean over them."""
EPSILON = float(np.finfo("float").eps)


@dataclass(frozen=True, slots=True)
class CompareFrame:
    """A frame's true ids, found ids, and their overlaps (N×M)."""

    true: Sequence[int]
    found: Sequence[int]
    shared: Floats


@dataclass(frozen=True, slots=True, eq=False)
class HotaCounts:
    """Counts that can be added over sequences, one per element of ALPHAS."""

    hits: Floats
    misses: Floats
    false_alarms: Floats
    associated: Floats
    """Sum over the hits of the agreement of the two identities over the whole sequence (A in the paper)."""

    def __add__(self, other: HotaCounts) -> HotaCounts:
        return HotaCounts(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.associated + other.associated,
        )

    def hota(self) -> float:
        """The mean over ALPHAS of √(detection accuracy × association accuracy), 0..1."""
        detection = self.hits / np.maximum(1, self.hits + self.misses + self.false_alarms)
        association = self.associated / np.maximum(1, self.hits)
        return float(np.sqrt(detection * association).mean())


def nothing() -> HotaCounts:
    """The zero of a sum."""
    return HotaCounts(*(np.zeros(len(ALPHAS)) for _ in range(4)))


def count(frames: Sequence[CompareFrame]) -> HotaCounts:
    """Counts of one sequence."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  # after the number of BLAS threads is set

    vehicles, tracks = _numbered(frame.true for frame in frames), _numbered(frame.found for frame in frames)
    alike, of_vehicle, of_track = _likenesses(frames, vehicles, tracks)
    matches = np.zeros((len(ALPHAS), len(vehicles), len(tracks)))
    hits, true_boxes, found_boxes = np.zeros(len(ALPHAS)), 0, 0
    for frame in frames:
        rows, columns = _places(frame.true, vehicles), _places(frame.found, tracks)
        true_boxes, found_boxes = true_boxes + len(rows), found_boxes + len(columns)
        picked, to = linear_sum_assignment(-alike[np.ix_(rows, columns)] * frame.shared)
        for place, alpha in enumerate(ALPHAS):
            kept = frame.shared[picked, to] >= alpha - EPSILON
            hits[place] += kept.sum()
            matches[place, rows[picked[kept]], columns[to[kept]]] += 1
    agreement = matches / np.maximum(1, of_vehicle[:, None] + of_track[None, :] - matches)
    return HotaCounts(hits, true_boxes - hits, found_boxes - hits, (matches * agreement).sum(axis=(1, 2)))


def _likenesses(
    frames: Sequence[CompareFrame], vehicles: dict[int, int], tracks: dict[int, int]
) -> tuple[Floats, Floats, Floats]:
    """Similarity of each vehicle and track over the whole sequence, and the number of frames of each."""
    potential = np.zeros((len(vehicles), len(tracks)))
    of_vehicle, of_track = np.zeros(len(vehicles)), np.zeros(len(tracks))
    for frame in frames:
        rows, columns = _places(frame.true, vehicles), _places(frame.found, tracks)
        whole = frame.shared.sum(0)[None, :] + frame.shared.sum(1)[:, None] - frame.shared
        potential[np.ix_(rows, columns)] += np.divide(
            frame.shared, whole, out=np.zeros_like(frame.shared), where=whole > EPSILON
        )
        of_vehicle[rows] += 1
        of_track[columns] += 1
    return potential / np.maximum(EPSILON, of_vehicle[:, None] + of_track - potential), of_vehicle, of_track


def _numbered(ids: Iterable[Sequence[int]]) -> dict[int, int]:
    return {name: place for place, name in enumerate(sorted({name for frame in ids for name in frame}))}


def _places(names: Sequence[int], numbered: dict[int, int]) -> NDArray[np.intp]:
    return np.array([numbered[name] for name in names], np.intp)

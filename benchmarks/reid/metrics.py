"""Rank-1, mAP and AUC of embeddings within one clip. Pure.

A query is one sighting; its gallery is every sighting of the clip that is at least `apart_ms` before or after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Embeddings

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Vehicles of one clip at several times, S of them."""

    clip: str
    vehicles: NDArray[np.int64]
    """True identity of each sighting."""
    segments: NDArray[np.int64]
    """Counts up for a vehicle whenever it was not detected for a while."""
    times_ms: NDArray[np.int64]
    boxes: NDArray[np.float64]
    """S×4: x1, y1, x2, y2 in px."""

    def apart(self, apart_ms: int) -> Mask:
        """S×S: pairs that are at least so far apart in time."""
        return np.asarray(np.abs(self.times_ms[:, None] - self.times_ms[None]) >= apart_ms)

    def same(self) -> Mask:
        """S×S: pairs of one vehicle."""
        return np.asarray(self.vehicles[:, None] == self.vehicles[None])

    def same_segment(self) -> Mask:
        """S×S: pairs of one vehicle between which it was detected all the time."""
        return np.asarray(self.same() & (self.segments[:, None] == self.segments[None]))


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Of all queries that have another sighting of their vehicle in the gallery."""

    queries: int
    vehicles: int
    rank1: float
    """Share of the queries whose nearest sighting shows the same vehicle."""
    mean_ap: float


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Cosine distances of the pairs of sightings of a clip."""

    same: Floats
    different: Floats

    def auc(self) -> float:
        """Chance that a pair of one vehicle is nearer than a pair of two; 0.5 is chance level."""
        from scipy.stats import rankdata  # noqa: PLC0415  # after the number of BLAS threads is set

        count = len(self.same), len(self.different)
        if not all(count):
            return float("nan")
        ranks = rankdata(np.concatenate([self.same, self.different]))[: count[0]]
        below = ranks.sum() - count[0] * (count[0] + 1) / 2
        return float(1 - below / (count[0] * count[1]))

    def quantiles(self) -> dict[str, dict[str, float]]:
        """Distances at QUANTILES, of pairs of one vehicle and of two."""
        return {
            name: {f"{share:g}": round(float(np.quantile(values, share)), 4) for share in QUANTILES}
            for name, values in (("same", self.same), ("different", self.different))
            if len(values)
        }

    @staticmethod
    def pooled(parts: Sequence[Pairs]) -> Pairs:
        """The pairs of several clips. Pairs are never of two clips."""
        return Pairs(np.concatenate([part.same for part in parts]), np.concatenate([part.different for part in parts]))


def distances(embeddings: Embeddings) -> Floats:
    """S×S cosine distances of unit vectors."""
    vectors = embeddings.astype(np.float64)
    return np.asarray(1 - vectors @ vectors.T, np.float64)


def pairs(found: Sightings, embeddings: Embeddings, apart_ms: int) -> Pairs:
    """All pairs of sightings that are far enough apart in time."""
    allowed = np.triu(found.apart(apart_ms), 1)
    matrix, same = distances(embeddings), found.same()
    return Pairs(matrix[allowed & same], matrix[allowed & ~same])


def retrieval(found: Sightings, embeddings: Embeddings, apart_ms: int, *, after_gap: bool) -> Retrieval:
    """Rank-1 and mAP; with `after_gap` the gallery lacks sightings of the query's own uninterrupted segment."""
    matrix, same, allowed = distances(embeddings), found.same(), found.apart(apart_ms)
    if after_gap:
        allowed &= ~found.same_segment()
    precisions, hits, vehicles = [], [], set()
    for row in range(len(matrix)):
        gallery = np.flatnonzero(allowed[row])
        right = same[row, gallery][np.argsort(matrix[row, gallery], kind="stable")]
        if right.any() and not right.all():
            places = np.flatnonzero(right)
            precisions.append(float(np.mean(np.arange(1, len(places) + 1) / (places + 1))))
            hits.append(bool(right[0]))
            vehicles.add(int(found.vehicles[row]))
    if not hits:
        return Retrieval(0, 0, float("nan"), float("nan"))
    return Retrieval(len(hits), len(vehicles), float(np.mean(hits)), float(np.mean(precisions)))

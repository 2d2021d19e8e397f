"""DeepSORT's nearest-neighbour metric on the latest embeddings of each track."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from deep_sort_realtime.deep_sort.nn_matching import NearestNeighborDistanceMetric
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Embedding, Embeddings


class AppearanceMetric(NearestNeighborDistanceMetric):  # type: ignore[misc]  # the library has no types
    """Keeps the last `budget` distinct embeddings of each confirmed track.

    Replaces two methods of the library. Its `partial_fit` would store an embedding again whenever it is reused for a
    later detection, so repeats would displace older ones. Its `distance` would normalise all embeddings in each frame.
    """

    samples: dict[str, list[Embedding]]

    def __init__(self, max_cosine: float, budget: int) -> None:
        super().__init__("cosine", max_cosine, budget)

    def partial_fit(self, features: Iterable[Embedding], targets: Iterable[str], active_targets: Sequence[str]) -> None:
        """Add one embedding to each of `targets`, and drop the tracks that are not active."""
        for feature, target in zip(features, targets, strict=True):
            stored = self.samples.setdefault(target, [])
            if not stored or not np.array_equal(stored[-1], feature):
                stored.append(feature)
                del stored[: -self.budget]
        self.samples = {target: self.samples[target] for target in active_targets}

    def distance(self, features: Embeddings, targets: Sequence[str]) -> NDArray[np.float32]:
        """T×D: the smallest cosine distance of each of `features` to an embedding of each target; 0 is identical."""
        if not len(targets):
            return np.zeros((0, len(features)), np.float32)
        stored = [self.samples[target] for target in targets]
        starts = np.cumsum([0, *map(len, stored)])[:-1]
        similarity = np.concatenate(stored).reshape(-1, features.shape[1]) @ features.T
        return np.asarray(1 - np.maximum.reduceat(similarity, starts, axis=0), np.float32)

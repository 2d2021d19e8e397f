"""What tracked vehicles have looked like: DeepSORT's nearest-neighbour metric on vectors of length 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from deep_sort_realtime.deep_sort.nn_matching import NearestNeighborDistanceMetric
from numpy.typing import NDArray

Vector = NDArray[np.float32]


class Gallery(NearestNeighborDistanceMetric):  # type: ignore[misc]  # the library has no types
    """The last `budget` different looks of each confirmed track.

    The library is given each look twice, and again wherever a detection takes over its track's last: they would push
    older looks out. And it normalises all of them anew for each frame.
    """

    samples: dict[str, list[Vector]]

    def __init__(self, max_cosine: float, budget: int) -> None:
        super().__init__("cosine", max_cosine, budget)

    def partial_fit(self, features: Iterable[Vector], targets: Iterable[str], active_targets: Sequence[str]) -> None:
        """Add a look to each of `targets`, and forget the tracks that are not active."""
        for feature, target in zip(features, targets, strict=True):
            looks = self.samples.setdefault(target, [])
            if not looks or not np.array_equal(looks[-1], feature):
                looks.append(feature)
                del looks[: -self.budget]
        self.samples = {target: self.samples[target] for target in active_targets}

    def distance(self, features: NDArray[np.float32], targets: Sequence[str]) -> NDArray[np.float32]:
        """T×D: the smallest cosine distance between any look of each target and each of `features`; 0 is the same."""
        if not len(targets):
            return np.zeros((0, len(features)), np.float32)
        looks = [self.samples[target] for target in targets]
        begins = np.cumsum([0, *map(len, looks)])[:-1]
        alike = np.concatenate(looks).reshape(-1, features.shape[1]) @ features.T
        return np.asarray(1 - np.maximum.reduceat(alike, begins, axis=0), np.float32)

"""DeepSORT's nearest-neighbour metric: distances between detections and the latest embeddings of tracks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Embedding, Embeddings


def nearest(galleries: Sequence[Sequence[Embedding]], features: Embeddings) -> NDArray[np.float64]:
    """T×D: the smallest cosine distance of each of `features` to an embedding of each gallery; 0 is identical.

    No gallery is empty.
    """
    if not galleries or not len(features):
        return np.zeros((len(galleries), len(features)))
    starts = np.cumsum([0, *map(len, galleries)])[:-1]
    stored = np.stack([embedding for gallery in galleries for embedding in gallery])
    similarity = stored @ features.T
    return 1 - np.maximum.reduceat(similarity, starts, axis=0).astype(np.float64)

"""The distance between stored embeddings of tracks and those of detections."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.tracking.appearance_metric import nearest
from video_analysis.yolo_worker.tracking.embedder import unit


def embeddings(count: int, seed: int = 3) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32))


def test_the_distance_to_a_track_is_the_one_to_its_most_similar_embedding() -> None:
    vectors = embeddings(5)
    expected = [
        [min(1 - vectors[0] @ one, 1 - vectors[1] @ one) for one in vectors[3:]],
        [1 - vectors[2] @ one for one in vectors[3:]],
    ]
    found = nearest([[vectors[0], vectors[1]], [vectors[2]]], vectors[3:])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(nearest([list(vectors)], vectors[:2]), [[0, 0]], atol=1e-6)


def test_without_tracks_or_detections_the_matrix_is_empty() -> None:
    vectors = embeddings(2)
    assert nearest([], vectors).shape == (0, 2)
    assert nearest([list(vectors)], vectors[:0]).shape == (1, 0)

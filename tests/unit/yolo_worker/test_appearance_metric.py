"""The stored embeddings of a track, and the distance to them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from video_analysis.yolo_worker.tracking.appearance_metric import AppearanceMetric
from video_analysis.yolo_worker.tracking.embedder import unit


def embeddings(count: int, seed: int = 3) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32))


def test_the_distance_to_a_track_is_the_one_to_its_most_similar_embedding() -> None:
    metric, vectors = AppearanceMetric(0.2, budget=40), embeddings(5)
    metric.partial_fit(vectors[:3], ["1", "1", "2"], ["1", "2"])
    expected = [
        [min(1 - vectors[0] @ one, 1 - vectors[1] @ one) for one in vectors[3:]],
        [1 - vectors[2] @ one for one in vectors[3:]],
    ]
    np.testing.assert_allclose(metric.distance(vectors[3:], ["1", "2"]), expected, atol=1e-6)
    assert metric.distance(vectors[:1], ["1"])[0, 0] == pytest.approx(0, abs=1e-6)


def test_a_reused_embedding_does_not_displace_another() -> None:
    metric, vectors = AppearanceMetric(0.2, budget=2), embeddings(2)
    for embedding in [vectors[0], *[vectors[1]] * 5]:
        metric.partial_fit([embedding], ["1"], ["1"])
    assert metric.distance(vectors[:1], ["1"])[0, 0] == pytest.approx(0, abs=1e-6)


def test_no_more_embeddings_are_kept_than_the_budget_allows() -> None:
    metric, vectors = AppearanceMetric(0.2, budget=3), embeddings(4)
    for embedding in vectors:
        metric.partial_fit([embedding], ["1"], ["1"])
    assert metric.distance(vectors[:1], ["1"])[0, 0] > 0.01
    assert metric.distance(vectors[1:], ["1"])[0] == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_track_that_has_ended_is_forgotten() -> None:
    metric, vectors = AppearanceMetric(0.2, budget=3), embeddings(2)
    metric.partial_fit(vectors, ["1", "2"], ["1", "2"])
    metric.partial_fit([], [], ["2"])
    assert set(metric.samples) == {"2"}
    assert metric.distance(vectors, []).shape == (0, 2)

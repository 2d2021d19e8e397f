"""A small hierarchy of types, makes and models, and logits for it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import Logits

HIERARCHY: dict[str, dict[str, list[str]]] = {
    "Car": {"Toyota": ["Vios", "Wigo"], "Honda": ["City"]},
    "SUV": {"Toyota": ["Fortuner"], "Honda": ["CR-V"], "Ford": []},
    "Motorcycle": {"Honda": ["Click"]},
    "CarouselBus": {},
}
MODELS = ["Vios", "Wigo", "City", "Fortuner", "CR-V", "Click"]


def labels(threshold: float = 0.0, changes: Mapping[str, object] | None = None) -> Labels:
    document: dict[str, object] = {
        "name": "test",
        "types": ["Car", "SUV", "Motorcycle", "CarouselBus"],
        "makes": ["Toyota", "Honda", "Ford"],
        "models": MODELS,
        "hierarchy": HIERARCHY,
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "thresholds": dict.fromkeys(LEVELS, threshold),
    }
    return Labels.parse(json.dumps({**document, **(changes or {})}))


def logits(of_type: list[float], of_make: list[float], of_model: list[float]) -> Logits:
    """From probabilities, which need not sum to 1."""
    shares = dict(zip(LEVELS, (of_type, of_make, of_model), strict=True))
    return Logits(**{level: np.log(np.array(share, np.float32) + 1e-9) for level, share in shares.items()})

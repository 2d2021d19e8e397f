"""The random seeds of training, validation and evaluation data. Pure.

A generator of close_ups seeded with s paints the scenes of seeds 100003·s to 100003·s + 100002 and no other, so
generators of different seeds never share a street, a vehicle or a light. Generator 0's scenes, which are those that
somebody asks for by a small number (Scene.from_seed(7)), are kept for evaluation: nothing here ever draws them.
"""

from __future__ import annotations

from typing import Literal

from video_analysis.simulator.close_ups import SCENES_PER_SEED

Split = Literal["train", "validation", "held_out"]

GENERATORS: dict[Split, range] = {
    "train": range(1, 50_000),
    "validation": range(50_000, 60_000),
    "held_out": range(60_000, 61_000),
}
"""Seeds for close_ups.close_ups and close_ups.far_apart_frames. `held_out` only measures."""
EVALUATION_SCENES = range(SCENES_PER_SEED)
"""Seeds for Scene.from_seed that are in no training data: for the demo's clip and the evaluation."""


def scenes(generators: range) -> range:
    """The scene seeds that a contiguous range of generators draws from."""
    return range(generators.start * SCENES_PER_SEED, generators.stop * SCENES_PER_SEED)

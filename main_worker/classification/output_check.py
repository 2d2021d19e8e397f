"""Checks of a loaded main model by its outputs in a few passes, the same on every backend. Pure.

They find networks whose outputs are random, depend on the other images of a batch, are not finite, or are
probabilities. `graph_check` finds the first two by the operations of the archive, before any pass: OpenVINO runs each
image alone and would not show a BatchNorm in train mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.types import SnapshotImage
from video_analysis.worker_utils.imaging.letterbox import SNAPSHOT_PX

Outputs = Mapping[str, NDArray[np.float32]]
"""Output → [N, number of names]."""
Forward = Callable[[Sequence[SnapshotImage]], Outputs]

TOLERANCE = {"f32": 1e-3}
HALF_TOLERANCE = 0.05
"""Largest difference between two passes over the same image, relative to the output's largest value or 1, by precision.
A GPU chooses other kernels for another batch size; in half precision (f16, bf16) they differ by up to about 0.01."""
SUM_TOLERANCE = {"f32": 1e-4}
HALF_SUM_TOLERANCE = 0.01
"""Largest deviation from 1 of a sum of probabilities, by precision."""


def find_fault(forward: Forward, precision: str) -> str | None:
    """What is wrong with the outputs, and the remedy; None if nothing is. Raises what `forward` raises.

    It runs one image alone and as the last one of a batch of three: four images, if nothing is wrong.
    """
    images = sample_images()
    alone, batch = forward(images[-1:]), forward(images)
    for name in batch:
        if not (np.isfinite(batch[name]).all() and np.isfinite(alone[name]).all()):
            return f"output {name} holds values that are not finite (computed in {precision}); check the weights"
    tolerance = TOLERANCE.get(precision, HALF_TOLERANCE)
    for name in batch:
        if (difference := _difference(alone[name][0], batch[name][-1])) > tolerance:
            again = forward(images[-1:])
            cause = (
                "between two passes over the same image: it is random"
                if _difference(alone[name][0], again[name][0]) > tolerance
                else "between an image alone and the same image in a batch: it depends on the other images"
            )
            return f"output {name} differs by {difference:.2g} {cause}; call model.eval() before torch.export"
    for name, values in batch.items():
        if _are_probabilities(values, SUM_TOLERANCE.get(precision, HALF_SUM_TOLERANCE)):
            return f"output {name} holds probabilities that sum to 1, not logits; remove the softmax from the model"
    return None


def sample_images() -> list[SnapshotImage]:
    """A black image, a colour gradient, and blocks of random colours (always the same ones)."""
    ramp = np.linspace(0, 255, SNAPSHOT_PX).astype(np.uint8)
    rows, columns = np.meshgrid(ramp, ramp, indexing="ij")
    block_px = 32
    shape = (SNAPSHOT_PX // block_px, SNAPSHOT_PX // block_px, 3)
    blocks = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return [
        np.zeros((SNAPSHOT_PX, SNAPSHOT_PX, 3), np.uint8),
        np.stack([rows, columns, 255 - rows], axis=2),
        blocks.repeat(block_px, axis=0).repeat(block_px, axis=1),
    ]


def _difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The largest difference, relative to the largest value, or absolute if all values are below 1."""
    return float(np.abs(one - other).max() / max(1.0, np.abs(one).max()))


def _are_probabilities(values: NDArray[np.float32], tolerance: float) -> bool:
    """Whether each row is within 0..1 and sums to 1. The output of a head with one name has no alternatives."""
    sums = values.sum(axis=1, dtype=np.float64)
    return values.shape[1] > 1 and bool(
        (values >= 0).all() and (values <= 1 + tolerance).all() and (np.abs(sums - 1) <= tolerance).all()
    )

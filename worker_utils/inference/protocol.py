"""The interface of a compiled model, independent of its backend. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.float32]
"""[N, 3, H, W]."""
Outputs = list[NDArray[np.float32]]
"""The first length of each is N."""
Shape = tuple[int, int, int, int]
"""N, 3, H, W; -1 if the network accepts any length."""


class Network(Protocol):
    """A compiled model. Thread-safe."""

    @property
    def streams(self) -> int:
        """Number of passes that it computes in parallel; further callers wait."""

    @property
    def precision(self) -> str:
        """Precision of the computation: f32, bf16 or f16. The outputs depend on it."""

    @property
    def input_shape(self) -> Shape:
        """Shape of the input. Images must have the fixed H and W; -1 accepts any. Any batch size is accepted."""

    def __call__(self, batch: Batch) -> Outputs:
        """All outputs, in the order of the module. EnvironmentFault if the GPU fails."""


def has_finite_outputs(network: Network, side_px: int) -> bool:
    """Whether one grey image gives finite outputs. It has `side_px` where the network accepts any length."""
    height, width = (side_px if length < 0 else length for length in network.input_shape[2:])
    return all(bool(np.isfinite(output).all()) for output in network(np.full((1, 3, height, width), 0.5, np.float32)))


def run_in_fixed_batches(run: Callable[[Batch], Outputs], batch: Batch, step: int) -> Outputs:
    """Run a batch of any size through a network with a fixed batch size of `step` (-1: any size).

    The last step is padded with black images, whose outputs are dropped.
    """
    if step < 0 or len(batch) == step:
        return run(batch)
    parts: list[Outputs] = []
    for start in range(0, len(batch), step):
        part = batch[start : start + step]
        black = np.zeros((step - len(part), *part.shape[1:]), np.float32)
        parts.append([output[: len(part)] for output in run(np.concatenate([part, black]))])
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def split_engine(content: bytes) -> tuple[dict[str, Any], bytes]:
    """(metadata of ultralytics or {}, the TensorRT engine) of an .engine file.

    ultralytics writes a 4-byte length and JSON of that length before the engine; trtexec does not.
    """
    length = int.from_bytes(content[:4], "little")
    try:
        return json.loads(content[4 : 4 + length].decode()), content[4 + length :]
    except ValueError:
        return {}, content

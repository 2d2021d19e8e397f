"""What a compiled model looks like to those who use it, whatever it runs on. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.float32]
"""[N, 3, H, W]."""
Outputs = list[NDArray[np.float32]]
"""Each with N as its first length."""
Shape = tuple[int, int, int, int]
"""N, 3, H, W; -1 where the network takes any length."""


class Network(Protocol):
    """A compiled model. Several threads may call it at once."""

    @property
    def streams(self) -> int:
        """Passes that it computes side by side: more callers than that, and they wait for each other."""

    @property
    def precision(self) -> str:
        """What it computes in: f32, bf16 or f16. The numbers depend on it."""

    @property
    def input_shape(self) -> Shape:
        """What a picture must look like. A fixed N is no concern of the caller's, a fixed H and W are."""

    def __call__(self, batch: Batch) -> Outputs:
        """All outputs, in the order of the module's own. EnvironmentFault where the GPU fails."""


def in_steps(run: Callable[[Batch], Outputs], batch: Batch, step: int) -> Outputs:
    """Take a batch of any size through a network that wants exactly `step` pictures at a time (-1: any number).

    The last step is filled up with black pictures, whose outputs are cut off again.
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
    """(ultralytics' metadata or {}, the TensorRT engine itself) of an .engine file.

    ultralytics puts a 4-byte length and that much JSON before the engine; trtexec does not.
    """
    length = int.from_bytes(content[:4], "little")
    try:
        return json.loads(content[4 : 4 + length].decode()), content[4 + length :]
    except ValueError:
        return {}, content

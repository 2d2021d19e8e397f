"""The values that pass from stage to stage of stage 2. All frozen; pictures are BGR uint8, 640×640×3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.evidence import ReadFailure

Picture = NDArray[np.uint8]
"""640×640×3, BGR: a snapshot, checked."""


@dataclass(frozen=True, slots=True, eq=False)
class Logits:
    """The three heads' outputs for one picture, float32, one number for each name in the labels."""

    type: NDArray[np.float32]
    make: NDArray[np.float32]
    model: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """What one forward pass gave, in the order of its pictures, and what it cost."""

    logits: tuple[Logits, ...]
    latency_ms: float
    """Of one picture: wall time of the pass, normalisation included, divided by the pictures in it."""
    memory_gb: float
    """10⁹ bytes after the pass: resident in the process, or the peak on its CUDA device."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a picture shows, as far as the model may say it; a label and its confidence are None together."""

    type_label: str | None
    type_conf: float | None
    make_label: str | None
    make_conf: float | None
    model_label: str | None
    model_conf: float | None
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is read of a picture without a model."""

    colors: list[Mapping[str, object]] | None = None
    """As the contract has them, the main one first; None where none could be seen, or none were read."""
    plate_text: str | None = None
    plate_conf: float | None = None
    plate_evidence: Mapping[str, object] | None = None
    """Why there is no plate, and what it would have been; None where none was looked for."""
    faults: Mapping[str, ReadFailure] = field(default_factory=dict)
    """Key in `evidence` (`colors`, `plate`) → why it was not read."""

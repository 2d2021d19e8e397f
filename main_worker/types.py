"""The values that are passed between the steps of stage 2. All frozen. Images are BGR uint8, 640×640×3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.evidence import ReadFailure

SnapshotImage = NDArray[np.uint8]
"""640×640×3, BGR: a snapshot, checked and decoded."""


@dataclass(frozen=True, slots=True, eq=False)
class Logits:
    """The outputs of the heads for one snapshot, float32, one value per name in the labels.

    The fields are the outputs of a checkpoint, by name. A field without a default is an output that each checkpoint
    must have. A field with the default None is an optional output: it is None if the checkpoint does not have it.
    """

    type: NDArray[np.float32]
    make: NDArray[np.float32]
    model: NDArray[np.float32]

    @classmethod
    def of(cls, outputs: Mapping[str, NDArray[np.float32]], index: int) -> Self:
        """Row `index` of a batch of outputs."""
        return cls(**{one.name: outputs[one.name][index] for one in fields(cls) if one.name in outputs})


OUTPUTS: tuple[str, ...] = tuple(one.name for one in fields(Logits))
"""The outputs of a main model. The levels of the hierarchy are another list: LEVELS in classification/hierarchy.py."""
OPTIONAL_OUTPUTS: tuple[str, ...] = tuple(one.name for one in fields(Logits) if one.default is not MISSING)
REQUIRED_OUTPUTS: tuple[str, ...] = tuple(name for name in OUTPUTS if name not in OPTIONAL_OUTPUTS)


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """The result of one forward pass, in the order of its snapshots, and its cost."""

    logits: tuple[Logits, ...]
    latency_ms: float
    """Per snapshot: wall time of the pass, normalisation included, divided by the number of snapshots."""
    memory_gb: float
    """10⁹ bytes after the pass: resident set of the process, or the peak on its CUDA device."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Type, make and model of a snapshot; label and confidence are both None if the model abstains."""

    type_label: str | None
    type_conf: float | None
    make_label: str | None
    make_conf: float | None
    model_label: str | None
    model_conf: float | None
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Colours and plate of a snapshot, which are read without the main model."""

    colors: list[Mapping[str, object]] | None = None
    """In the form of the contract, main colour first; None if none was found or they were not read."""
    plate_text: str | None = None
    plate_conf: float | None = None
    plate_evidence: Mapping[str, object] | None = None
    """The reason why there is no plate, and the best candidate; None if plates are not read."""
    faults: Mapping[str, ReadFailure] = field(default_factory=dict)
    """Key in `evidence` (`colors`, `plate`) → the reason why it was not read."""

"""The open-set rule of a checkpoint: whether a vehicle is unlike those whose makes it was trained on. Pure.

The score is log Σ exp(logit) of one head, the negative free energy. It is low where no name fits, if the head was
trained on vehicles of other makes as well (outlier exposure).
Source: Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from video_analysis.main_worker.classification.labels import OpenSet
from video_analysis.main_worker.types import Logits


@dataclass(frozen=True, slots=True)
class OpenSetScore:
    """The score of one snapshot, and the least score of a vehicle with a known make."""

    score: float
    least: float

    @property
    def is_out_of_distribution(self) -> bool:
        """Whether make and model are unknown."""
        return self.score < self.least

    def to_json(self) -> dict[str, float]:
        """As stored in `evidence.open_set`."""
        return {"score": round(self.score, 4), "threshold": self.least}


def open_set_score(logits: Logits, rule: OpenSet) -> OpenSetScore:
    """The score by `rule`, from finite logits."""
    head = np.asarray(getattr(logits, rule.head), np.float64)
    return OpenSetScore(float(np.logaddexp.reduce(head)), rule.least_score)

"""The loss: vehicles seen together are pushed apart, views of one vehicle are pulled together."""

from __future__ import annotations

import torch
from torch.nn import functional

TEMPERATURE = 0.1
SLOPE, MIDDLE, ABSOLUTE_WEIGHT = 10.0, 0.5, 0.5
"""Of the absolute term: the probability that a pair is one vehicle is the sigmoid of SLOPE · (similarity - MIDDLE)."""


def contrastive_loss(vectors: torch.Tensor, same: torch.Tensor, different: torch.Tensor) -> torch.Tensor:
    """Loss of N vectors; `same` and `different` are N×N, pairs in neither are left out.

    The relative term compares within a clip; the absolute one makes a distance mean the same in all clips, so that
    one threshold serves all.
    """
    unit = functional.normalize(vectors, dim=1)
    similarity = unit @ unit.T
    return relative(similarity, same, different) + ABSOLUTE_WEIGHT * absolute(similarity, same, different)


def relative(similarity: torch.Tensor, same: torch.Tensor, different: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020), each positive pair against the certain negatives."""
    scaled = similarity / TEMPERATURE
    others = scaled.masked_fill(~different, -torch.inf).logsumexp(1, keepdim=True)
    return (torch.logaddexp(scaled, others) - scaled)[same].mean()


def absolute(similarity: torch.Tensor, same: torch.Tensor, different: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy over all pairs, both kinds with the same weight."""
    margin = SLOPE * (similarity - MIDDLE)
    return (functional.softplus(-margin[same]).mean() + functional.softplus(margin[different]).mean()) / 2

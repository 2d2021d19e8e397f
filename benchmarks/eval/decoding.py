"""Alternatives to joint decoding of a model's logits, for comparison only. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import Logits, Verdict

Names = tuple[str | None, str | None, str | None]
"""Type, make, model; None below the end of the hierarchy."""


def heads(logits: Logits, labels: Labels) -> Names:
    """The most likely label of each head alone, without the hierarchy: the model may be of another make."""
    return (
        labels.types[int(np.argmax(logits.type))],
        labels.makes[int(np.argmax(logits.make))],
        labels.models[int(np.argmax(logits.model))],
    )


def greedy(logits: Logits, labels: Labels) -> Names:
    """The most likely type, then the most likely of its makes, then the most likely model of that make."""
    if not labels.hierarchy:
        return heads(logits, labels)
    of_type = heads(logits, labels)[0]
    makes = labels.hierarchy.get(str(of_type), {})
    of_make = _likeliest(logits.make, labels.makes, makes)
    return of_type, of_make, _likeliest(logits.model, labels.models, makes.get(str(of_make), ()))


def names(verdict: Verdict) -> Names:
    """The labels of a verdict."""
    return verdict.type_label, verdict.make_label, verdict.model_label


def _likeliest(head: NDArray[np.float32], known: Sequence[str], among: Iterable[str]) -> str | None:
    return max(among, key=lambda name: head[known.index(name)], default=None)

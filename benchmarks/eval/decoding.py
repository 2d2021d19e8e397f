"""What else could be made of a model's logits than joint decoding: for comparison, never for a row. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import Logits, Verdict

Names = tuple[str | None, str | None, str | None]
"""Type, make, model; None where the hierarchy ends above."""


def heads(logits: Logits, labels: Labels) -> Names:
    """Each head's own favourite, the hierarchy unheard: the model may be another make's."""
    return (
        labels.types[int(np.argmax(logits.type))],
        labels.makes[int(np.argmax(logits.make))],
        labels.models[int(np.argmax(logits.model))],
    )


def greedy(logits: Logits, labels: Labels) -> Names:
    """The likeliest type, of its makes the likeliest, of that one's models the likeliest."""
    if not labels.hierarchy:
        return heads(logits, labels)
    of_type = heads(logits, labels)[0]
    makes = labels.hierarchy.get(str(of_type), {})
    of_make = _likeliest(logits.make, labels.makes, makes)
    return of_type, of_make, _likeliest(logits.model, labels.models, makes.get(str(of_make), ()))


def names(verdict: Verdict) -> Names:
    """What a verdict says."""
    return verdict.type_label, verdict.make_label, verdict.model_label


def _likeliest(head: NDArray[np.float32], known: Sequence[str], among: Iterable[str]) -> str | None:
    return max(among, key=lambda name: head[known.index(name)], default=None)

"""Type → make → model from the logits of three heads, with abstention. Pure.

The heads do not know the hierarchy, so the verdict is the best valid path: the one whose product of the three
heads' softmax probabilities is largest, never a model of another make. Paths differ in depth, and a head can
only tell apart the paths that reach its level: among the nodes that have children the probability is shared
anew by the best path through each, while their sum, and what the nodes without children have, stay. So a path
is neither rewarded nor punished for its depth, and a head that knows nothing changes nothing above it.

Confidences, of the label and all those above it being right, for heads that are calibrated and independent:
of a type, its share of the best paths × what the type head gives it ÷ what that head gives its own favourite; of
a make, that of its type × its share among the type's makes × what the make head gives to all of those; of a
model, that of its make × what the model head gives it. A head that would rather name something else makes its
level unsure. The heads of one network do not err independently, so a checkpoint may say how its verdicts' confidences
are to be bent to how often they are right (labels.Calibration). Under a hierarchy they never grow downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.labels import Bend, Calibration, Labels, Level
from video_analysis.main_worker.evidence import LevelCode
from video_analysis.main_worker.types import Logits, Verdict

LEVELS = ("type", "make", "model")
TOP = 5
LEAST = 1e-6
"""Confidences are bent as if they lay between this and 1 less this: of 0 and 1 there is no logit."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """The best that can be said at one level, before any threshold."""

    label: str
    conf: float


def decide(logits: Logits, labels: Labels) -> Verdict:
    """The verdict on one picture. ValueError where the logits are not finite numbers of the labels' widths."""
    heads = [_log_softmax(getattr(logits, level), labels.widths[level]) for level in LEVELS]
    names = (labels.types, labels.makes, labels.models)
    candidates = _descend(heads, names, labels.tree) if labels.hierarchy else _greedy(heads, names)
    if labels.calibration:
        candidates = _calibrated(candidates, labels.calibration, ceiling=bool(labels.hierarchy))
    thresholds = [float(getattr(labels.thresholds, level)) for level in LEVELS]
    reasons = _abstentions(candidates, thresholds)
    evidence = {
        level: {
            "top": _top(heads[depth], names[depth]),
            "candidate": _pair(candidates[depth]),
            "threshold": thresholds[depth],
            "abstained": reasons[depth],
        }
        for depth, level in enumerate(LEVELS)
    }
    said = [_pair(None if reason else candidate) for candidate, reason in zip(candidates, reasons, strict=True)]
    (type_label, type_conf), (make_label, make_conf), (model_label, model_conf) = (
        pair or (None, None) for pair in said
    )
    return Verdict(type_label, type_conf, make_label, make_conf, model_label, model_conf, evidence)


def joint(heads: Sequence[Array], tree: Sequence[Level]) -> list[Array]:
    """Log-confidence of every node of the tree, from the heads' log-probabilities (see the module's text).

    The type head's doubt in the type is not in it: the best path wins first, and is doubted then.
    """
    _, makes, models = tree
    by_type, of_make, of_model = (head[level.labels] for head, level in zip(heads, tree, strict=True))
    by_make = by_type[makes.parents] + of_make
    by_model = by_make[models.parents] + of_model
    by_make = _heard(by_make, by_model, models.parents)
    by_type = _heard(by_type, by_make, makes.parents)
    shares = by_make - _per_parent(np.logaddexp, by_make, makes.parents, by_type.size)[makes.parents]
    possible = _per_parent(np.logaddexp, of_make, makes.parents, by_type.size)[makes.parents]
    make_confs = by_type[makes.parents] + shares + possible
    return [by_type, make_confs, make_confs[models.parents] + of_model]


def _heard(above: Array, below: Array, parents: NDArray[np.intp]) -> Array:
    """The masses above, those of nodes with children shared anew by the best of their children, their sum kept."""
    if not parents.size:
        return above
    with_children = np.unique(parents)
    best = _per_parent(np.maximum, below, parents, above.size)[with_children]
    heard = above.copy()
    heard[with_children] = best - np.logaddexp.reduce(best) + np.logaddexp.reduce(above[with_children])
    return heard


def _per_parent(gather: np.ufunc, values: Array, parents: NDArray[np.intp], size: int) -> Array:
    gathered = np.full(size, -np.inf)
    gather.at(gathered, parents, values)
    return gathered


def _descend(heads: Sequence[Array], names: Sequence[Sequence[str]], tree: Sequence[Level]) -> list[_Candidate | None]:
    candidates: list[_Candidate | None] = [None] * len(LEVELS)
    chosen, doubt = -1, 0.0  # -1 is the parent of all types
    for depth, confs in enumerate(joint(heads, tree)):
        children = np.flatnonzero(tree[depth].parents == chosen)
        if not children.size:
            break
        chosen = int(children[np.argmax(confs[children])])
        if depth == 0:
            doubt = heads[0][tree[0].labels[chosen]] - heads[0].max()
        candidates[depth] = _Candidate(names[depth][tree[depth].labels[chosen]], _probability(confs[chosen] + doubt))
    return candidates


def _greedy(heads: Sequence[Array], names: Sequence[Sequence[str]]) -> list[_Candidate | None]:
    """Without a hierarchy each head speaks for itself, with its own softmax as confidence."""
    return [_Candidate(of[int(head.argmax())], _probability(head.max())) for head, of in zip(heads, names, strict=True)]


def _calibrated(
    candidates: Sequence[_Candidate | None], calibration: Calibration, *, ceiling: bool
) -> list[_Candidate | None]:
    """The same names, as sure as such names have been right; with a `ceiling` none surer than what is above it."""
    bent: list[_Candidate | None] = []
    most = 1.0
    for level, candidate in zip(LEVELS, candidates, strict=True):
        if candidate is None:
            bent.append(None)
            continue
        conf = min(most, _bent(candidate.conf, getattr(calibration, level)))
        bent.append(replace(candidate, conf=conf))
        most = conf if ceiling else most
    return bent


def _bent(conf: float, bend: Bend) -> float:
    inside = min(max(conf, LEAST), 1 - LEAST)
    return float(1 / (1 + np.exp(-(bend.slope * np.log(inside / (1 - inside)) + bend.bias))))


def _abstentions(candidates: Sequence[_Candidate | None], thresholds: Sequence[float]) -> list[LevelCode | None]:
    """Why each level's label is null; None where it is not. All levels below a null one are null."""
    reasons: list[LevelCode | None] = []
    for candidate, threshold in zip(candidates, thresholds, strict=True):
        if candidate is None:
            reasons.append("no_children")
        elif any(reasons):
            reasons.append("parent_abstained")
        elif candidate.conf < threshold:
            reasons.append("below_threshold")
        else:
            reasons.append(None)
    return reasons


def _log_softmax(logits: NDArray[np.float32], width: int) -> Array:
    """log(exp(z) / Σ exp(z)), in float64."""
    z = np.asarray(logits, dtype=np.float64)
    if z.shape != (width,) or not np.isfinite(z).all():
        raise ValueError(f"the model gave {z.shape} logits, {np.isfinite(z).sum()} of them finite, not {width}")
    return np.asarray(z - np.logaddexp.reduce(z))


def _top(head: Array, names: Sequence[str]) -> list[list[str | float]]:
    """The head's own favourites with their softmax, before the hierarchy has spoken."""
    best = np.argsort(-head, kind="stable")[:TOP]
    return [[names[index], round(_probability(head[index]), 4)] for index in best]


def _probability(log: float) -> float:
    return min(1.0, float(np.exp(log)))


def _pair(candidate: _Candidate | None) -> tuple[str, float] | None:
    return None if candidate is None else (candidate.label, round(candidate.conf, 4))

"""Type → make → model from the logits of three heads, with abstention. Pure.

The outputs of the heads do not depend on the hierarchy. The verdict is the best valid path: the path with the largest
product of the three heads' softmax probabilities. A model therefore always belongs to its make. Paths have different
lengths, and a head distinguishes only paths that reach its level. At each level the probability of the nodes that have
children is redistributed among these nodes, in proportion to the best path through each node. The sum of their
probabilities does not change, and neither does the probability of a node without children. A path therefore has no
advantage or disadvantage from its length, and a head that gives equal probabilities changes nothing above its level.

A confidence is the probability that a label and all labels above it are right, if the heads are calibrated and their
errors independent:
- type: its share of the best paths × p(type) ÷ the largest p of the type head;
- make: confidence of its type × its share among the type's makes × the make head's sum over all makes of that type;
- model: confidence of its make × p(model).
A head that prefers a name outside the chosen path therefore lowers the confidence of its level. The errors of the
heads of one network are correlated, so a checkpoint may have a calibration for the confidences (labels.Calibration).
With a hierarchy a confidence is never larger than the one above it.

A checkpoint may have an open-set rule (labels.OpenSet). A vehicle that it finds unlike those of the training has no
make and no model, and the type head alone decides: the other two heads would only mislead it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.labels import (
    Calibration,
    Labels,
    Level,
    OpenSet,
    PlattScaling,
    Thresholds,
)
from video_analysis.main_worker.classification.open_set import open_set_score
from video_analysis.main_worker.evidence import LevelCode
from video_analysis.main_worker.types import Logits, Verdict

LEVELS = ("type", "make", "model")
"""The levels of the hierarchy, from the top. Each is an output of the main model (OUTPUTS in main_worker/types.py)."""
TOP = 5
MIN_CONF = 1e-6
"""Confidences are clamped to MIN_CONF … 1 − MIN_CONF before calibration, since 0 and 1 have no logit."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """The best label at one level, before the threshold."""

    label: str
    conf: float


@dataclass(frozen=True, slots=True)
class _Decision:
    """What is decided at one level; `abstained` is the reason why its label is null."""

    candidate: _Candidate | None
    threshold: float
    abstained: LevelCode | None


def decide(logits: Logits, labels: Labels) -> Verdict:
    """The verdict on one snapshot. ValueError if the logits are not finite or do not match the labels in number."""
    heads = [_log_softmax(getattr(logits, level), labels.widths[level]) for level in LEVELS]
    rule = labels.open_set
    score = None if rule is None else open_set_score(logits, rule)
    if rule is not None and score is not None and score.is_out_of_distribution:
        decisions = _type_alone(heads[0], labels, rule)
    else:
        decisions = _by_thresholds(_candidates(heads, labels), labels.thresholds)
    evidence: dict[str, object] = {
        level: _level_evidence(head, labels.names[level], decision)
        for level, head, decision in zip(LEVELS, heads, decisions, strict=True)
    }
    if score is not None:
        evidence["open_set"] = score.to_json()
    named = [(None, None) if one.abstained else _pair(one.candidate) or (None, None) for one in decisions]
    (type_label, type_conf), (make_label, make_conf), (model_label, model_conf) = named
    return Verdict(type_label, type_conf, make_label, make_conf, model_label, model_conf, evidence)


def _candidates(heads: Sequence[Array], labels: Labels) -> list[_Candidate | None]:
    """The best label of each level, with its calibrated confidence."""
    names = [labels.names[level] for level in LEVELS]
    candidates = _pick_best_path(heads, names, labels.tree) if labels.hierarchy else _greedy(heads, names)
    if labels.calibration is None:
        return candidates
    return _calibrated(candidates, labels.calibration, ceiling=bool(labels.hierarchy))


def _by_thresholds(candidates: Sequence[_Candidate | None], thresholds: Thresholds) -> list[_Decision]:
    values = [float(getattr(thresholds, level)) for level in LEVELS]
    reasons = _abstentions(candidates, values)
    return [_Decision(*one) for one in zip(candidates, values, reasons, strict=True)]


def _type_alone(head: Array, labels: Labels, rule: OpenSet) -> list[_Decision]:
    """The decisions on a vehicle of unknown make and model."""
    best = int(head.argmax())
    conf = _probability(head[best])
    if rule.calibration is not None:
        conf = _apply_calibration(conf, rule.calibration)
    reason: LevelCode | None = "below_threshold" if conf < rule.threshold else None
    return [
        _Decision(_Candidate(labels.types[best], conf), rule.threshold, reason),
        _Decision(None, labels.thresholds.make, "out_of_distribution"),
        _Decision(None, labels.thresholds.model, "parent_abstained"),
    ]


def _level_evidence(head: Array, names: Sequence[str], decision: _Decision) -> dict[str, object]:
    return {
        "top": _top(head, names),
        "candidate": _pair(decision.candidate),
        "threshold": decision.threshold,
        "abstained": decision.abstained,
    }


def joint_log_probs(heads: Sequence[Array], tree: Sequence[Level]) -> list[Array]:
    """Log-confidence of every node of the tree, from the heads' log-probabilities (see the module's docstring).

    The factor p(type) ÷ largest p of the type head is not included: it is applied after the best path is chosen.
    """
    _, makes, models = tree
    type_paths, make_probs, model_probs = (head[level.labels] for head, level in zip(heads, tree, strict=True))
    make_paths = type_paths[makes.parents] + make_probs
    model_paths = make_paths[models.parents] + model_probs
    make_paths = _propagate_child_evidence(make_paths, model_paths, models.parents)
    type_paths = _propagate_child_evidence(type_paths, make_paths, makes.parents)
    make_shares = make_paths - _per_parent(np.logaddexp, make_paths, makes.parents, type_paths.size)[makes.parents]
    make_sums = _per_parent(np.logaddexp, make_probs, makes.parents, type_paths.size)[makes.parents]
    make_confs = type_paths[makes.parents] + make_shares + make_sums
    return [type_paths, make_confs, make_confs[models.parents] + model_probs]


def _propagate_child_evidence(above: Array, below: Array, parents: NDArray[np.intp]) -> Array:
    """Redistribute the probability of nodes with children by their best children. Log scale; the sum stays equal."""
    if not parents.size:
        return above
    with_children = np.unique(parents)
    best = _per_parent(np.maximum, below, parents, above.size)[with_children]
    redistributed = above.copy()
    redistributed[with_children] = best - np.logaddexp.reduce(best) + np.logaddexp.reduce(above[with_children])
    return redistributed


def _per_parent(reduction: np.ufunc, values: Array, parents: NDArray[np.intp], size: int) -> Array:
    reduced = np.full(size, -np.inf)
    reduction.at(reduced, parents, values)
    return reduced


def _pick_best_path(
    heads: Sequence[Array], names: Sequence[Sequence[str]], tree: Sequence[Level]
) -> list[_Candidate | None]:
    candidates: list[_Candidate | None] = [None] * len(LEVELS)
    chosen, type_penalty = -1, 0.0  # -1 is the parent of all types
    for depth, confs in enumerate(joint_log_probs(heads, tree)):
        children = np.flatnonzero(tree[depth].parents == chosen)
        if not children.size:
            break
        chosen = int(children[np.argmax(confs[children])])
        if depth == 0:
            type_penalty = heads[0][tree[0].labels[chosen]] - heads[0].max()
        label = names[depth][tree[depth].labels[chosen]]
        candidates[depth] = _Candidate(label, _probability(confs[chosen] + type_penalty))
    return candidates


def _greedy(heads: Sequence[Array], names: Sequence[Sequence[str]]) -> list[_Candidate | None]:
    """Without a hierarchy the heads are independent, and the softmax is the confidence."""
    pairs = zip(heads, names, strict=True)
    return [_Candidate(labels[int(head.argmax())], _probability(head.max())) for head, labels in pairs]


def _calibrated(
    candidates: Sequence[_Candidate | None], calibration: Calibration, *, ceiling: bool
) -> list[_Candidate | None]:
    """The candidates with calibrated confidences; with `ceiling`, none larger than the one above it."""
    calibrated: list[_Candidate | None] = []
    upper = 1.0
    for level, candidate in zip(LEVELS, candidates, strict=True):
        if candidate is None:
            calibrated.append(None)
            continue
        conf = min(upper, _apply_calibration(candidate.conf, getattr(calibration, level)))
        calibrated.append(replace(candidate, conf=conf))
        upper = conf if ceiling else upper
    return calibrated


def _apply_calibration(conf: float, scaling: PlattScaling) -> float:
    clamped = min(max(conf, MIN_CONF), 1 - MIN_CONF)
    return float(1 / (1 + np.exp(-(scaling.slope * np.log(clamped / (1 - clamped)) + scaling.bias))))


def _abstentions(candidates: Sequence[_Candidate | None], thresholds: Sequence[float]) -> list[LevelCode | None]:
    """The reason why the label of each level is null, or None if it has a label. Levels below a null one are null."""
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
        raise ValueError(f"the model returned {z.shape} logits, {np.isfinite(z).sum()} of them finite, not {width}")
    return np.asarray(z - np.logaddexp.reduce(z))


def _top(head: Array, names: Sequence[str]) -> list[list[str | float]]:
    """The names with the largest softmax of one head, before the hierarchy is applied."""
    best = np.argsort(-head, kind="stable")[:TOP]
    return [[names[index], round(_probability(head[index]), 4)] for index in best]


def _probability(log: float) -> float:
    return min(1.0, float(np.exp(log)))


def _pair(candidate: _Candidate | None) -> tuple[str, float] | None:
    return None if candidate is None else (candidate.label, round(candidate.conf, 4))

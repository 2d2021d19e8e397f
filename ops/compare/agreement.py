"""Measures how far two main models agree about the same snapshots. Pure.

At each level both models name the same label or different labels, or one or both of them abstain. They disagree about a
snapshot if both name a level and the labels differ. The first such level is the level of the disagreement. Its
confidence is the lower of the two models' confidences there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.ops.compare.stored_verdicts import ComparedSnapshot, StoredVerdict
from video_analysis.worker_utils.db.row_types import Variant

Outcome = Literal["same", "differ", "baseline_only", "cmt_only", "neither"]
OUTCOMES: tuple[Outcome, ...] = ("same", "differ", "baseline_only", "cmt_only", "neither")
VARIANTS: tuple[Variant, ...] = ("baseline", "cmt")
TOP_PAIRS = 10
NO_CHECKPOINT = "unknown"
"""Replaces the checkpoint of a row that has none."""
LabelPair = tuple[str | None, str | None]
"""(label of baseline, label of cmt); None: the model abstains."""


@dataclass(frozen=True, slots=True)
class LevelAgreement:
    """One level over all snapshots."""

    counts: Mapping[Outcome, int]
    confidence: Mapping[Variant, Mapping[str, float | None]]
    """Mean per variant and case: both models are `agreeing` or `disagreeing`, or this variant names the level `alone`.

    None if no snapshot is in the case.
    """

    @property
    def agreement(self) -> float | None:
        """The share of equal labels among the snapshots for which both name the level."""
        both = self.counts["same"] + self.counts["differ"]
        return round(self.counts["same"] / both, 4) if both else None


@dataclass(frozen=True, slots=True)
class Latency:
    """One variant's latency per snapshot, in ms; None if no row has it."""

    median: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A snapshot about which the models disagree."""

    snapshot: ComparedSnapshot
    level: str
    """The first level at which they disagree."""
    confidence: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """All figures about a set of snapshots."""

    snapshots: int
    levels: Mapping[str, LevelAgreement]
    types: Mapping[LabelPair, int]
    """The number of snapshots with each pair of types, equal pairs included."""
    frequent: Mapping[str, Sequence[tuple[LabelPair, int]]]
    """The most frequent disagreements about makes, and about models (named with their make)."""
    latency: Mapping[Variant, Latency]
    checkpoints: Mapping[Variant, Mapping[str, int]]
    """The number of rows of each checkpoint."""
    disagreements: Sequence[Disagreement]
    """Highest confidence first."""


def measure(snapshots: Sequence[ComparedSnapshot]) -> Agreement:
    """Compare the two verdicts of each snapshot."""
    found = (disagreement(one) for one in snapshots)
    return Agreement(
        snapshots=len(snapshots),
        levels={level: _level(snapshots, depth) for depth, level in enumerate(LEVELS)},
        types=Counter(label_pair(one, 0) for one in snapshots),
        frequent={level: _frequent(snapshots, LEVELS.index(level)) for level in ("make", "model")},
        latency={variant: _latency(_verdicts(snapshots, variant)) for variant in VARIANTS},
        checkpoints={
            variant: Counter(one.checkpoint or NO_CHECKPOINT for one in _verdicts(snapshots, variant))
            for variant in VARIANTS
        },
        disagreements=sorted((one for one in found if one is not None), key=lambda one: -one.confidence),
    )


def label_pair(one: ComparedSnapshot, depth: int) -> LabelPair:
    """The two labels at a level."""
    return one.baseline.labels[depth], one.cmt.labels[depth]


def outcome(pair: LabelPair) -> Outcome:
    """How the two labels of a level compare."""
    baseline, cmt = pair
    if baseline is None or cmt is None:
        return "neither" if baseline is cmt else "cmt_only" if baseline is None else "baseline_only"
    return "same" if baseline == cmt else "differ"


def disagreement(one: ComparedSnapshot) -> Disagreement | None:
    """The first level at which the models disagree; None if there is none."""
    for depth, level in enumerate(LEVELS):
        if outcome(label_pair(one, depth)) == "differ":
            confidence = min(one.baseline.confs[depth] or 0.0, one.cmt.confs[depth] or 0.0)
            return Disagreement(one, level, confidence)
    return None


def _verdicts(snapshots: Iterable[ComparedSnapshot], variant: Variant) -> list[StoredVerdict]:
    return [one.baseline if variant == "baseline" else one.cmt for one in snapshots]


def _level(snapshots: Sequence[ComparedSnapshot], depth: int) -> LevelAgreement:
    outcomes = [outcome(label_pair(one, depth)) for one in snapshots]
    counted = Counter(outcomes)
    confidence = {}
    for variant in VARIANTS:
        confs = [verdict.confs[depth] for verdict in _verdicts(snapshots, variant)]
        confidence[variant] = {
            kind: _mean(conf for conf, found in zip(confs, outcomes, strict=True) if found == wanted)
            for kind, wanted in (("agreeing", "same"), ("disagreeing", "differ"), ("alone", f"{variant}_only"))
        }
    return LevelAgreement({one: counted[one] for one in OUTCOMES}, confidence)


def _mean(confs: Iterable[float | None]) -> float | None:
    known = [conf for conf in confs if conf is not None]
    return round(sum(known) / len(known), 4) if known else None


def _frequent(snapshots: Sequence[ComparedSnapshot], depth: int) -> list[tuple[LabelPair, int]]:
    pairs: Counter[LabelPair] = Counter(
        (_with_make(one.baseline, depth), _with_make(one.cmt, depth))
        for one in snapshots
        if outcome(label_pair(one, depth)) == "differ"
    )
    return pairs.most_common(TOP_PAIRS)


def _with_make(verdict: StoredVerdict, depth: int) -> str:
    """Make and model, since the name of a model may occur with several makes."""
    return " ".join(name for name in verdict.labels[1 : depth + 1] if name is not None)


def _latency(verdicts: Sequence[StoredVerdict]) -> Latency:
    known = [verdict.latency_ms for verdict in verdicts if verdict.latency_ms is not None]
    if not known:
        return Latency(None, None)
    median, p95 = np.percentile(known, (50, 95))
    return Latency(round(float(median), 1), round(float(p95), 1))

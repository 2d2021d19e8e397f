"""Where two main models agree about the same snapshots, counted. Pure.

At a level both name the same, or name different things, or one of them abstains, or both do. They disagree about a
snapshot where both name a level and name it differently: the first such level is the one they differ at, and the
less sure of the two there says how sure the disagreement is.
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

Meeting = Literal["same", "differ", "baseline_only", "cmt_only", "neither"]
MEETINGS: tuple[Meeting, ...] = ("same", "differ", "baseline_only", "cmt_only", "neither")
VARIANTS: tuple[Variant, ...] = ("baseline", "cmt")
MOST_FREQUENT = 10
NO_CHECKPOINT = "not said"
"""What stands for the checkpoint of a row that names none."""
Named = tuple[str | None, str | None]
"""What baseline and what cmt name; None: it abstains."""


@dataclass(frozen=True, slots=True)
class LevelAgreement:
    """One level over all snapshots."""

    counts: Mapping[Meeting, int]
    confidence: Mapping[Variant, Mapping[str, float | None]]
    """Mean by variant, when `agreeing`, `disagreeing`, or named `alone`; None where that never was."""

    @property
    def agreement(self) -> float | None:
        """Of the snapshots that both name, the share that they name the same."""
        both = self.counts["same"] + self.counts["differ"]
        return round(self.counts["same"] / both, 4) if both else None


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one variant, in ms a picture; None where no row says it."""

    median: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A snapshot about which they disagree."""

    snapshot: ComparedSnapshot
    level: str
    """The first at which they do."""
    sureness: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """All that is told of a set of snapshots."""

    snapshots: int
    levels: Mapping[str, LevelAgreement]
    types: Mapping[Named, int]
    """How often each pair of types was named, the equal ones too."""
    frequent: Mapping[str, Sequence[tuple[Named, int]]]
    """The most frequent disagreements about makes and about models, which are named with their make."""
    latency: Mapping[Variant, Latency]
    checkpoints: Mapping[Variant, Mapping[str, int]]
    """How many rows each checkpoint wrote."""
    disagreements: Sequence[Disagreement]
    """The surest first."""


def measure(snapshots: Sequence[ComparedSnapshot]) -> Agreement:
    """Compare all of them."""
    found = (disagreement(one) for one in snapshots)
    return Agreement(
        snapshots=len(snapshots),
        levels={level: _level(snapshots, depth) for depth, level in enumerate(LEVELS)},
        types=Counter(named(one, 0) for one in snapshots),
        frequent={level: _frequent(snapshots, LEVELS.index(level)) for level in ("make", "model")},
        latency={variant: _latency(_of(snapshots, variant)) for variant in VARIANTS},
        checkpoints={
            variant: Counter(one.checkpoint or NO_CHECKPOINT for one in _of(snapshots, variant)) for variant in VARIANTS
        },
        disagreements=sorted((one for one in found if one is not None), key=lambda one: -one.sureness),
    )


def named(one: ComparedSnapshot, depth: int) -> Named:
    """What the two name at a level."""
    return one.baseline.labels[depth], one.cmt.labels[depth]


def meeting(of: Named) -> Meeting:
    """How two names meet."""
    baseline, cmt = of
    if baseline is None or cmt is None:
        return "neither" if baseline is cmt else "cmt_only" if baseline is None else "baseline_only"
    return "same" if baseline == cmt else "differ"


def disagreement(one: ComparedSnapshot) -> Disagreement | None:
    """What they disagree about; None where they do not."""
    for depth, level in enumerate(LEVELS):
        if meeting(named(one, depth)) == "differ":
            sureness = min(one.baseline.confs[depth] or 0.0, one.cmt.confs[depth] or 0.0)
            return Disagreement(one, level, sureness)
    return None


def _of(snapshots: Iterable[ComparedSnapshot], variant: Variant) -> list[StoredVerdict]:
    return [one.baseline if variant == "baseline" else one.cmt for one in snapshots]


def _level(snapshots: Sequence[ComparedSnapshot], depth: int) -> LevelAgreement:
    meetings = [meeting(named(one, depth)) for one in snapshots]
    counted = Counter(meetings)
    confidence = {}
    for variant in VARIANTS:
        confs = [verdict.confs[depth] for verdict in _of(snapshots, variant)]
        confidence[variant] = {
            kind: _mean(conf for conf, how in zip(confs, meetings, strict=True) if how == wanted)
            for kind, wanted in (("agreeing", "same"), ("disagreeing", "differ"), ("alone", f"{variant}_only"))
        }
    return LevelAgreement({how: counted[how] for how in MEETINGS}, confidence)


def _mean(confs: Iterable[float | None]) -> float | None:
    known = [conf for conf in confs if conf is not None]
    return round(sum(known) / len(known), 4) if known else None


def _frequent(snapshots: Sequence[ComparedSnapshot], depth: int) -> list[tuple[Named, int]]:
    pairs: Counter[Named] = Counter(
        (_with_make(one.baseline, depth), _with_make(one.cmt, depth))
        for one in snapshots
        if meeting(named(one, depth)) == "differ"
    )
    return pairs.most_common(MOST_FREQUENT)


def _with_make(verdict: StoredVerdict, depth: int) -> str:
    """A model's name alone does not say whose it is."""
    return " ".join(name for name in verdict.labels[1 : depth + 1] if name is not None)


def _latency(verdicts: Sequence[StoredVerdict]) -> Latency:
    known = [verdict.latency_ms for verdict in verdicts if verdict.latency_ms is not None]
    if not known:
        return Latency(None, None)
    median, p95 = np.percentile(known, (50, 95))
    return Latency(round(float(median), 1), round(float(p95), 1))

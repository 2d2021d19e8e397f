"""Figures of one set of vehicles: precision at coverage, calibration, and known against unknown vehicles. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.main_worker.types import Verdict
from video_analysis.training.calibration import calibration_error
from video_analysis.training.label_groups import Group

CONFIDENT = 0.9
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Points of the risk–coverage curve."""
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """One vehicle's verdict and the names that are right per level; an empty set is unknown."""

    verdict: Verdict
    right: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, verdict: Verdict, types: Group | None, make: str | None, model: str | None) -> Judged:
        """With what is known of the vehicle."""
        single = {"make": make, "model": model}
        known = {level: frozenset() if name is None else frozenset((name,)) for level, name in single.items()}
        return cls(verdict, {"type": frozenset(types or ()), **known})

    def label(self, level: str) -> str | None:
        """The label of the row."""
        name: str | None = getattr(self.verdict, f"{level}_label")
        return name

    def candidate(self, level: str) -> tuple[str | None, float]:
        """(best name, confidence) before the threshold; (None, 0) if there is none."""
        pair = self._evidence(level)["candidate"]
        return (None, 0.0) if pair is None else (str(pair[0]), float(pair[1]))

    @property
    def familiarity(self) -> float:
        """How certainly make and model are known ones: the open-set score, else the make's confidence."""
        rule = self._evidence("open_set")
        return float(rule["score"]) if rule else self.candidate("make")[1]

    def _evidence(self, key: str) -> Mapping[str, Any]:
        part = self.verdict.evidence.get(key)
        return part if isinstance(part, Mapping) else {}


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Per level the figures of one set; those of names that are unknown are None."""
    return {"vehicles": len(judged), **{level: level_figures(judged, level) for level in LEVELS}}


def level_figures(judged: Sequence[Judged], level: str) -> dict[str, Any]:
    """The figures of one level; only the first two if a name is unknown."""
    named = [one for one in judged if one.label(level) is not None]
    coverage = {"named": len(named), "coverage": _share(len(named), len(judged))}
    if not all(one.right[level] for one in judged):
        return coverage
    right = np.array([one.candidate(level)[0] in one.right[level] for one in judged], np.bool_)
    confidences = np.array([one.candidate(level)[1] for one in judged], np.float64)
    hits = sum(one.label(level) in one.right[level] for one in named)
    return {
        **coverage,
        "right": hits,
        "precision": _share(hits, len(named)) if named else None,
        "wrong_and_confident": sum(
            one.label(level) not in one.right[level] and one.candidate(level)[1] > CONFIDENT for one in named
        ),
        "top1": _share(int(right.sum()), len(judged)),
        "ece": round(calibration_error(confidences, right), 4),
        "precision_at_coverage": risk_coverage(confidences, right),
    }


def risk_coverage(confidences: Floats, right: Bools) -> dict[str, float]:
    """Precision of the most confident share of all, for each coverage (El-Yaniv and Wiener, JMLR 2010)."""
    hits = np.cumsum(right[np.argsort(-confidences, kind="stable")])
    counts = {share: max(1, round(share * len(right))) for share in COVERAGES}
    return {f"{share:g}": _share(int(hits[count - 1]), count) for share, count in counts.items()}


def auroc(known: Floats, unknown: Floats) -> float:
    """The probability that a known vehicle has a higher score than an unknown one (Mann–Whitney), ties as a half."""
    both = np.concatenate([known, unknown])
    order = np.argsort(both, kind="stable")
    ranks = np.empty(len(both))
    ranks[order] = np.arange(1, len(both) + 1)
    values, places = np.unique(both, return_inverse=True)
    means = np.bincount(places, ranks) / np.bincount(places, minlength=len(values))
    total = float(means[places[: len(known)]].sum()) - len(known) * (len(known) + 1) / 2
    return round(total / (len(known) * len(unknown)), 4)


def _share(part: int, whole: int) -> float:
    return round(part / max(1, whole), 4)

"""HOTA, IDF1 and MOTA of one sequence, in counts that can be added up over sequences.

IDF1 and MOTA are py-motmetrics'. As MOTChallenge does it, a box on a vehicle that nobody is asked to find in that
frame is taken out first, and counts neither way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from video_analysis.benchmarks.eval import hota
from video_analysis.benchmarks.eval.hota import CompareFrame, HotaCounts
from video_analysis.benchmarks.eval.matching import LEAST_IOU, paired, shared_areas
from video_analysis.benchmarks.mot import Labelled
from video_analysis.simulator.truth import SeenVehicle
from video_analysis.training.ground_truth_filter import is_required


@dataclass(frozen=True, slots=True)
class MotCounts:
    """What motmetrics sums over sequences, under its own names."""

    num_objects: int = 0
    num_misses: int = 0
    num_false_positives: int = 0
    num_switches: int = 0
    idtp: int = 0
    idfp: int = 0
    idfn: int = 0

    def __add__(self, other: MotCounts) -> MotCounts:
        return MotCounts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def mota(self) -> float:
        """1 - (misses + false positives + switches) ÷ true boxes."""
        wrong = self.num_misses + self.num_false_positives + self.num_switches
        return 1 - wrong / max(1, self.num_objects)

    def idf1(self) -> float:
        """F1 of the boxes that lie on the right vehicle under its one best track."""
        return 2 * self.idtp / max(1, 2 * self.idtp + self.idfp + self.idfn)


@dataclass(frozen=True, slots=True, eq=False)
class Tracking:
    """One sequence, or several together."""

    mot: MotCounts
    hota: HotaCounts

    def __add__(self, other: Tracking) -> Tracking:
        return Tracking(self.mot + other.mot, self.hota + other.hota)


def nothing() -> Tracking:
    """What a sum begins with."""
    return Tracking(MotCounts(), hota.nothing())


def count(truth: Sequence[Sequence[SeenVehicle]], found: Sequence[Sequence[Labelled]]) -> Tracking:
    """Of one sequence, frame by frame."""
    frames = [asked(*frame) for frame in zip(truth, found, strict=True)]
    return Tracking(mot(frames), hota.count(frames))


def asked(true: Sequence[SeenVehicle], found: Sequence[Labelled]) -> CompareFrame:
    """A frame without the vehicles that need not be found in it, nor the boxes that lie on those."""
    wanted = [one for one in true if is_required(one)]
    names = {one.id for one in wanted}
    beside = {track for track, vehicle in paired(true, found).items() if vehicle not in names}
    left = [one for one in found if one[0] not in beside]
    return CompareFrame([one.id for one in wanted], [track for track, _ in left], shared_areas(wanted, left))


def mot(frames: Sequence[CompareFrame]) -> MotCounts:
    """motmetrics' counts at IoU 0.5."""
    import motmetrics  # noqa: PLC0415  # brings pandas

    events = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        distances = np.where(frame.shared >= LEAST_IOU, 1 - frame.shared, np.nan)
        events.update(list(frame.true), list(frame.found), distances)
    names = [one.name for one in fields(MotCounts)]
    if not any(frame.true or frame.found for frame in frames):
        return MotCounts()
    counted = motmetrics.metrics.create().compute(events, metrics=names, return_dataframe=False)
    return MotCounts(**{name: int(counted[name]) for name in names})

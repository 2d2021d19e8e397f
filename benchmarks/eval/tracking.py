"""HOTA, IDF1 and MOTA of one sequence, as counts that can be added over sequences.

IDF1 and MOTA are computed by py-motmetrics. As in MOTChallenge, a box on a vehicle that is not required in that frame
is removed first and does not count.
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
    """Counts of motmetrics, with its own names."""

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
        """F1 of the boxes with the identity of the best track assignment."""
        return 2 * self.idtp / max(1, 2 * self.idtp + self.idfp + self.idfn)


@dataclass(frozen=True, slots=True, eq=False)
class Tracking:
    """One sequence, or several together."""

    mot: MotCounts
    hota: HotaCounts

    def __add__(self, other: Tracking) -> Tracking:
        return Tracking(self.mot + other.mot, self.hota + other.hota)


def nothing() -> Tracking:
    """The zero of a sum."""
    return Tracking(MotCounts(), hota.nothing())


def count(truth: Sequence[Sequence[SeenVehicle]], found: Sequence[Sequence[Labelled]]) -> Tracking:
    """Counts of one sequence."""
    frames = [without_ignored(*frame) for frame in zip(truth, found, strict=True)]
    return Tracking(mot(frames), hota.count(frames))


def without_ignored(true: Sequence[SeenVehicle], found: Sequence[Labelled]) -> CompareFrame:
    """A frame without optional vehicles and without the boxes matched to them."""
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

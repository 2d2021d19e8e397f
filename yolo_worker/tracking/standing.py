"""Vehicles that stand still and are not detected: they keep their place and are found again there.

A detection shows a standing vehicle if it overlaps its place, or lies in it (then it shows a part, since something is
in front), and the appearance is similar. A detection that contains two of them shows neither, unless one of them has a
detection of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.detection.postprocess import containment_of, overlaps
from video_analysis.yolo_worker.tracking.appearance_metric import nearest
from video_analysis.yolo_worker.tracking.association import APPEARANCE_COST, Pairs, assign
from video_analysis.yolo_worker.tracking.geometry import Corners
from video_analysis.yolo_worker.tracking.observation import Observation
from video_analysis.yolo_worker.tracking.track_state import SAME_PLACE_IOU, TrackStore, VehicleTrack

PLACE_IOU, PLACE_CONTAINMENT = 0.4, 0.7
"""A detection lies in a place if it overlaps it by the first, or if the second share of it is inside."""
PLACE_DISTANCE = 1.0
"""Largest appearance distance in thresholds."""
LATE_PLACE_IOU, LATE_PLACE_DISTANCE = 0.6, 0.7
"""The least overlap and the largest distance of a vehicle whose end was reported: another one may be in its place."""
MERGED_CONTAINMENT = 0.7
"""A detection that contains this share of two standing vehicles or more, which nothing else shows, shows both."""
MOST_PLACES = 256
"""Vehicles that are remembered; the one that was seen longest ago is forgotten first."""


def in_place(tracks: Sequence[VehicleTrack], seen: Observation, rows: Sequence[int], match_distance: float) -> Pairs:
    """(index of a standing track, row) for the `rows` that show it. `match_distance` is the appearance threshold."""
    if not tracks or not rows:
        return []
    places, boxes = places_of(tracks), seen.boxes[rows]
    shared = overlaps(places, boxes)
    distance = nearest([track.gallery for track in tracks], seen.features(rows)) / match_distance
    possible = (shared >= PLACE_IOU) | (containment_of(boxes, places).T >= PLACE_CONTAINMENT)
    possible &= distance <= PLACE_DISTANCE
    is_late = np.array([track.is_final for track in tracks])[:, None]
    possible &= ~is_late | (shared >= LATE_PLACE_IOU) & (distance <= LATE_PLACE_DISTANCE)
    pairs = assign(np.where(possible, 1 - shared + APPEARANCE_COST * distance, np.inf))
    return [(index, rows[column]) for index, column in pairs]


def is_merged(tracks: Sequence[VehicleTrack], boxes: Corners) -> NDArray[np.bool_]:
    """Of each box: it contains two of the standing `tracks` or more that no other box shows.

    A large vehicle behind two smaller ones contains them, too; but then each of them has its own box.
    """
    if len(tracks) < 2:
        return np.zeros(len(boxes), np.bool_)
    places = places_of(tracks)
    contained = containment_of(places, boxes) >= MERGED_CONTAINMENT
    shown = overlaps(places, boxes) >= PLACE_IOU
    is_shown_by_others = shown.sum(1, keepdims=True) > shown
    merged: NDArray[np.bool_] = (contained & ~is_shown_by_others).sum(0) >= 2
    return merged


def places_of(tracks: Sequence[VehicleTrack]) -> Corners:
    """N×4: where each track was at rest."""
    return np.stack([track.place for track in tracks])


class ParkedVehicles(TrackStore):
    """Standing vehicles whose tracks ended inside the picture. Memory is bounded by MOST_PLACES."""

    def keep(self, tracks: Sequence[VehicleTrack]) -> list[VehicleTrack]:
        """Remember `tracks`. Returns those that are forgotten instead."""
        self.tracks += tracks
        forgotten, self.tracks = self.tracks[:-MOST_PLACES], self.tracks[-MOST_PLACES:]
        return forgotten

    def take(self, pairs: Pairs) -> list[tuple[VehicleTrack, int]]:
        """(vehicle, row) of the pairs from `in_place`. These vehicles have a track again."""
        found = [(self.tracks[index], row) for index, row in pairs]
        taken = {index for index, _ in pairs}
        self.tracks = [track for index, track in enumerate(self.tracks) if index not in taken]
        return found

    def displace(self, tracks: Sequence[VehicleTrack]) -> list[VehicleTrack]:
        """Forget the vehicles in whose places others stand now. Returns them."""
        if not tracks or not self.tracks:
            return []
        is_gone = (overlaps(places_of(self.tracks), places_of(tracks)) >= SAME_PLACE_IOU).any(1)
        gone = [parked for parked, is_one in zip(self.tracks, is_gone, strict=True) if is_one]
        self.tracks = [parked for parked, is_one in zip(self.tracks, is_gone, strict=True) if not is_one]
        return gone

    def overdue(self, before_s: float) -> list[VehicleTrack]:
        """The vehicles that were last detected before that time and whose end has not been reported."""
        return [parked for parked in self.tracks if parked.seen_s < before_s and not parked.is_reported]

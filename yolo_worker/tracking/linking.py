"""Links a newly confirmed track to a vehicle that vanished inside the picture before: both get the same track_id.

Geometry excludes pairs: a vehicle is not at two places at once, is not much faster than before, does not turn back or
to the side while it is not detected, keeps about its size, and does not come back after it left the picture. Appearance
decides among the other pairs, one-to-one and with a margin. Similar pairs stay apart: two snapshots of one vehicle are
better than none of another.

A vehicle that vanishes at the edge of the picture has left it and is not linked. The others wait for `link_s` of video
time; then their snapshot is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.detection.postprocess import containment_of, overlaps
from video_analysis.yolo_worker.tracking.appearance_metric import nearest
from video_analysis.yolo_worker.tracking.association import Pairs
from video_analysis.yolo_worker.tracking.geometry import along_and_beside, centres, sizes
from video_analysis.yolo_worker.tracking.track_state import TrackStore, VehicleTrack

Distances = NDArray[np.float64]
"""N×O: new tracks, older ones; in appearance thresholds."""
Possible = NDArray[np.bool_]
"""N×O."""

SAME_DISTANCE, PLACE_DISTANCE = 0.6, 0.8
"""Largest appearance distance in thresholds; the second where the new track begins in the place of the older one."""
MARGIN = 0.15
"""The second best distance of either track is larger by this at least, in thresholds."""
PLACE_IOU, PLACE_CONTAINMENT = 0.3, 0.8
"""A track begins in a place if it overlaps it by the first, or if the second share of it is inside."""
DRIVING_SIZES = 0.5
"""A vehicle drives if it moved by more on its course, in box sizes."""
BACKWARD_SIZES, FORWARD_SIZES, SPEED_FACTOR = 0.25, 1.0, 1.5
"""Along its course the older one reaches from the first behind its last box to the second in front of it, in box
sizes, and as far as it comes at its speed times the third."""
SIDEWAYS_SIZES, SIDEWAYS_SPEED = 0.5, 0.5
"""Beside its course it reaches as far as the first, plus the second for each second, in box sizes."""
LEAST_COSINE = -0.5
"""Of the angle between both courses: 120°."""
SIZE_FACTOR = 2.0
"""Its size changes by this factor at most."""


def continued(
    new: Sequence[VehicleTrack],
    older: Sequence[VehicleTrack],
    rivals: Sequence[VehicleTrack],
    match_distance: float,
    longest_gap_s: float,
) -> Pairs:
    """(index of a new track, index of the older one that it continues).

    `rivals` are further tracks that may continue an older one, and make its link unclear. `match_distance` is the
    appearance threshold.
    """
    if not new or not older:
        return []
    limit = _limits(new, older)
    distance = _distances(new, older, limit, longest_gap_s) / match_distance
    pairs = _clear(distance, limit)
    if not pairs or not rivals:
        return pairs
    contested = [older[column] for _, column in pairs]
    other = _distances(rivals, contested, _limits(rivals, contested), longest_gap_s).min(0) / match_distance
    return [pair for pair, nearest_rival in zip(pairs, other, strict=True) if nearest_rival >= distance[pair] + MARGIN]


def chains(tracks: Sequence[VehicleTrack], match_distance: float, longest_gap_s: float) -> Pairs:
    """(index of a track, index of the one that it continues), among all `tracks`, by their courses alone.

    Long after a vehicle stood in a place, another one may be there.
    """
    if len(tracks) < 2:
        return []
    limit = np.where(_is_reachable(tracks, tracks), SAME_DISTANCE, 0)
    distance = _distances(tracks, tracks, limit, longest_gap_s) / match_distance
    return _clear(np.where(_is_third_between(distance), np.inf, distance), limit)


class RecentVehicles(TrackStore):
    """Vehicles that were lost a short time ago."""

    def keep(self, tracks: Iterable[VehicleTrack]) -> None:
        """Remember `tracks`."""
        self.tracks += tracks

    def overdue(self, before_s: float) -> list[VehicleTrack]:
        """Forget those that were last detected before that time. Returns them."""
        overdue = [track for track in self.tracks if track.seen_s < before_s]
        self.tracks = [track for track in self.tracks if track.seen_s >= before_s]
        return overdue


def _limits(new: Sequence[VehicleTrack], older: Sequence[VehicleTrack]) -> Distances:
    """The largest appearance distance of each pair; 0 where place and course exclude it."""
    limit = np.where(_begins_in_place(new, older), PLACE_DISTANCE, 0)
    return np.where(_is_reachable(new, older), np.maximum(limit, SAME_DISTANCE), limit)


def _is_third_between(distance: Distances) -> Possible:
    """Of each pair: a third track continues the one and is continued by the other, and is as near to both."""
    between = np.zeros(distance.shape, np.bool_)
    for row, column in np.argwhere(np.isfinite(distance)):
        between[row, column] = (np.maximum(distance[row], distance[:, column]) <= distance[row, column]).any()
    return between


def _is_clear(distance: Distances, row: int, column: int) -> bool:
    """No other pair of either track is nearly as good."""
    others = np.concatenate([np.delete(distance[row], column), np.delete(distance[:, column], row)])
    return bool((others >= distance[row, column] + MARGIN).all())


def _clear(distance: Distances, limit: Distances) -> Pairs:
    """The pairs within `limit` that are better than all others of either track."""
    pairs = np.argwhere(distance <= limit)
    return [(int(row), int(column)) for row, column in pairs if _is_clear(distance, row, column)]


def _distances(
    new: Sequence[VehicleTrack], older: Sequence[VehicleTrack], limit: Distances, longest_gap_s: float
) -> NDArray[np.float64]:
    """The smallest cosine distance between an embedding of the one track and one of the other.

    It is infinite where `limit` is 0, and where a track overlaps the other in time or begins too long after it.
    """
    gap_s = _gaps_s(new, older)
    possible = (limit > 0) & (gap_s > 0) & (gap_s <= longest_gap_s)
    distances = np.full(limit.shape, np.inf)
    for row in np.flatnonzero(possible.any(1)):
        columns = np.flatnonzero(possible[row])
        galleries = [older[column].gallery for column in columns]
        distances[row, columns] = nearest(galleries, np.stack(new[row].gallery)).min(1)
    return distances


def _gaps_s(new: Sequence[VehicleTrack], older: Sequence[VehicleTrack]) -> NDArray[np.float64]:
    """N×O: time from the end of the older track to the beginning of the new one; negative where they overlap."""
    return np.subtract.outer([track.first_s for track in new], [track.seen_s for track in older])


def _begins_in_place(new: Sequence[VehicleTrack], older: Sequence[VehicleTrack]) -> Possible:
    """The new track is in the place of the older one, which did not drive. Parts of a standing vehicle are, too."""
    places = np.stack([track.place for track in older])
    extents = np.stack([track.extent() if track.is_standing() else track.place for track in older])
    in_place = np.zeros((len(new), len(older)), np.bool_)
    for boxes in (np.stack([track.first_box for track in new]), np.stack([track.box for track in new])):
        in_place |= (overlaps(boxes, places) >= PLACE_IOU) | (containment_of(boxes, extents) >= PLACE_CONTAINMENT)
    return np.asarray(in_place & [not _drives(track) for track in older], np.bool_)


def _drives(track: VehicleTrack) -> bool:
    return not track.is_standing() and track.is_motion_known() and track.travel_sizes() > DRIVING_SIZES


def _is_reachable(new: Sequence[VehicleTrack], older: Sequence[VehicleTrack]) -> Possible:
    """The new track begins where the older vehicle can have come to, and has about its size."""
    begins, ends = np.stack([track.first_box for track in new]), np.stack([track.box for track in older])
    gap_s, size = _gaps_s(new, older), sizes(ends)[:, 0]
    velocity = np.stack([track.velocity() for track in older])
    speed = np.linalg.norm(velocity, axis=1)
    along, sideways = along_and_beside(centres(begins)[:, None] - centres(ends), velocity)
    reachable = (along >= -BACKWARD_SIZES * size) & (along <= FORWARD_SIZES * size + SPEED_FACTOR * speed * gap_s)
    reachable &= sideways <= (SIDEWAYS_SIZES + SIDEWAYS_SPEED * gap_s) * size
    factor = sizes(begins) / size
    reachable &= (factor <= SIZE_FACTOR) & (factor >= 1 / SIZE_FACTOR) & ~_is_opposite(new, velocity)
    return np.asarray(reachable & [not track.is_leaving() for track in older], np.bool_)


def _is_opposite(new: Sequence[VehicleTrack], velocity: NDArray[np.float64]) -> Possible:
    """The new track drives against the older one's course, O×2."""
    drives = np.array([_drives(track) for track in new])[:, None]
    own = np.stack([track.velocity() for track in new])
    length = np.linalg.norm(own, axis=1)[:, None] * np.linalg.norm(velocity, axis=1)
    return np.asarray(drives & (own @ velocity.T < LEAST_COSINE * length), np.bool_)

"""Which detection continues which track: DeepSORT's association, mended where vehicles move fast or frames are few.

DeepSORT (Wojke et al., 2017) first goes by appearance, within the Kalman filter's gate, then by the overlap of a
track's predicted box with the detections; a track that is not confirmed, or was missed once, has only the overlap or
only the appearance. Two additions serve vehicles that jump by most of their width from one processed frame to the next:

- a last step on boxes grown on all sides by as much as a vehicle may have moved since it was seen (buffered IoU: Yang
  et al., "Hard to Track Objects with Irregular Motions and Similar Appearances?", WACV 2023), from the predicted box or
  from the last observed one, whichever fits better (as in OC-SORT: Cao et al., CVPR 2023); a track unseen for longer
  than `gap_s` is looked for where it must be by now, and must look the same;
- a filter whose speed may change as much in a long processed interval as it really can.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from deep_sort_realtime.deep_sort import linear_assignment
from deep_sort_realtime.deep_sort.detection import Detection
from deep_sort_realtime.deep_sort.tracker import Tracker as LibraryTracker
from numpy.typing import NDArray

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.postprocess import MOTORCYCLE, overlaps
from video_analysis.yolo_worker.tracking.appearance_metric import AppearanceMetric
from video_analysis.yolo_worker.tracking.settings import hits, max_age
from video_analysis.yolo_worker.types import Boxes, Embedding

FILTER_INTERVAL_S = 0.13
"""Up to here the library's constants for the filter hold; it was tuned on pedestrians at 7 to 30 frames a second."""
SMALLEST_BUFFER, LARGEST_BUFFER = 0.5, 1.5
"""Shares of a box's size that it grows by on each side: less finds no vehicle that moves by its own width from one
processed frame to the next, with more everything overlaps with everything."""
SAME_IOU, NEIGHBOUR_IOU = 0.5, 0.1
"""A detection is a track's beyond doubt where they overlap by the first at least, and no other comes near either."""
IMPOSSIBLE = linear_assignment.INFTY_COST

Matches = tuple[list[tuple[int, int]], list[int], list[int]]
"""(track index, detection index), then the unmatched of both."""
Box = NDArray[np.float64]
"""x1, y1, x2, y2 in px."""


class VehicleTracker(LibraryTracker):  # type: ignore[misc]  # the library has no types
    """deep-sort-realtime's tracker with its association replaced; everything else is the library's."""

    tracks: list[Any]

    def __init__(self, settings: TrackSettings, interval_s: float) -> None:
        """`interval_s` lies between two processed frames."""
        super().__init__(
            AppearanceMetric(settings.max_cosine, settings.nn_budget),
            max_iou_distance=settings.max_iou_distance,
            max_age=max_age(settings, interval_s),
            n_init=hits(settings, interval_s),
        )
        self.kf._std_weight_velocity *= max(1.0, interval_s / FILTER_INTERVAL_S)
        self._interval_s = interval_s
        self._speed = settings.speed
        self._gap_s = max(settings.gap_s, interval_s)
        self._look_s = settings.embed_interval_s
        self._frames = 0
        self._looked_at: dict[str, int] = {}
        self._observed: dict[str, Box] = {}

    def unambiguous_matches(self, boxes: Boxes) -> dict[int, Embedding]:
        """The detections that are a track's beyond doubt, and what that looked like when it was last looked at.

        A look says nothing there, and costs more than all the rest. Asked between `predict` and `update`. A track is
        looked at again every `embed_interval_s`, since its vehicle turns and comes nearer.
        """
        if not len(boxes) or not self.tracks:
            return {}
        shared = overlaps(np.array([track.to_ltrb() for track in self.tracks]), boxes)
        near = shared > NEIGHBOUR_IOU
        alone = near & (near.sum(0) == 1) & (near.sum(1, keepdims=True) == 1) & (shared >= SAME_IOU)
        alone[:, (overlaps(boxes, boxes) > NEIGHBOUR_IOU).sum(0) > 1] = False
        return {
            int(column): self.tracks[row].features[-1]
            for row, column in np.argwhere(alone)
            if self._is_fresh(self.tracks[row])
        }

    def _is_fresh(self, track: Any) -> bool:
        """Seen a frame ago, and looked at not long before."""
        age_s = (self._frames + 1 - self._looked_at[track.track_id]) * self._interval_s
        return int(track.time_since_update) == 1 and age_s < self._look_s

    def update(self, detections: Sequence[Detection], today: None = None) -> None:
        """Associate, then remember where each track was last observed, and when it was last looked at."""
        known = {track.track_id: track.features[-1] for track in self.tracks}
        super().update(detections, today)
        self._frames += 1
        self._looked_at = {
            name: self._looked_at[name] if known.get(name) is track.features[-1] else self._frames
            for name, track in ((track.track_id, track) for track in self.tracks)
        }
        self._observed = {
            track.track_id: np.array(track.to_ltrb(orig=True), np.float64)
            if track.time_since_update == 0
            else self._observed[track.track_id]
            for track in self.tracks
        }

    def drop_exited(self, frame_shape: tuple[int, ...]) -> None:
        """Forget each unseen track whose predicted box lies wholly outside the frame of H×W: its vehicle has left.

        It cannot be found again there, and its snapshot need not wait until it is too old.
        """
        height, width = frame_shape[:2]
        self.tracks = [
            track for track in self.tracks if track.time_since_update == 0 or _touches(track.to_ltrb(), width, height)
        ]

    def _match(self, detections: Sequence[Detection]) -> Matches:
        confirmed = [index for index, track in enumerate(self.tracks) if track.is_confirmed()]
        matches, unmatched, free = linear_assignment.matching_cascade(
            self._appearance_cost, self.metric.matching_threshold, self.max_age, self.tracks, detections, confirmed
        )
        tentative = [index for index, track in enumerate(self.tracks) if not track.is_confirmed()]
        candidates = tentative + [
            row for row in sorted(unmatched) if self.tracks[row].time_since_update <= self.max_age
        ]
        for cost in (self._overlap_cost, self._buffered_cost):
            found, candidates, free = linear_assignment.min_cost_matching(
                cost, self.max_iou_distance, self.tracks, detections, candidates, free
            )
            matches = matches + found
        matched = {track for track, _ in matches}
        return matches, [index for index in range(len(self.tracks)) if index not in matched], list(free)

    def _appearance_cost(self, tracks: Any, detections: Any, rows: list[int], columns: list[int]) -> Any:
        cost = self._appearance_distance(tracks, detections, rows, columns)
        cost[class_mismatch(tracks, detections, rows, columns)] = IMPOSSIBLE
        return linear_assignment.gate_cost_matrix(self.kf, cost, tracks, detections, rows, columns)

    def _overlap_cost(self, tracks: Any, detections: Any, rows: list[int], columns: list[int]) -> Any:
        seen = np.array([detections[column].to_tlbr() for column in columns])
        predicted = np.array([tracks[row].to_ltrb() for row in rows])
        return self._where_possible(1 - overlaps(predicted, seen), tracks, detections, rows, columns)

    def _buffered_cost(self, tracks: Any, detections: Any, rows: list[int], columns: list[int]) -> Any:
        seen = np.array([detections[column].to_tlbr() for column in columns])
        cost = np.ones((len(rows), len(columns)))
        for line, row in enumerate(rows):
            late = self._is_late(tracks[row])
            reach = SMALLEST_BUFFER if late else self._speed * self._unseen_s(tracks[row])
            share = float(np.clip(reach, SMALLEST_BUFFER, LARGEST_BUFFER))
            places = [tracks[row].to_ltrb()] if late else [tracks[row].to_ltrb(), self._observed[tracks[row].track_id]]
            own = np.array(places)
            cost[line] = 1 - overlaps(inflate(own, share), inflate(seen, share)).max(0)
        return self._where_possible(cost, tracks, detections, rows, columns)

    def _where_possible(self, cost: Any, tracks: Any, detections: Any, rows: list[int], columns: list[int]) -> Any:
        """Rule out another kind of vehicle, and another look where the place alone no longer tells."""
        cost[class_mismatch(tracks, detections, rows, columns)] = IMPOSSIBLE
        for line, row in enumerate(rows):
            if self._is_late(tracks[row]):
                unlike = (
                    self._appearance_distance(tracks, detections, [row], columns)[0] > self.metric.matching_threshold
                )
                cost[line, unlike] = IMPOSSIBLE
        return cost

    def _appearance_distance(self, tracks: Any, detections: Any, rows: list[int], columns: list[int]) -> Any:
        """Smallest cosine distance between what a track looked like and each detection: 0 is the same."""
        features = np.array([detections[column].feature for column in columns])
        return self.metric.distance(features, [tracks[row].track_id for row in rows])

    def _is_late(self, track: Any) -> bool:
        return bool(track.is_confirmed()) and self._unseen_s(track) > self._gap_s

    def _unseen_s(self, track: Any) -> float:
        return int(track.time_since_update) * self._interval_s


def class_mismatch(tracks: Any, detections: Any, rows: list[int], columns: list[int]) -> NDArray[np.bool_]:
    """A motorcycle never becomes a car, while cars, vans and trucks are easily taken for one another."""
    of_tracks = np.array([[tracks[row].det_class == MOTORCYCLE] for row in rows], np.bool_)
    of_detections = np.array([[detections[column].class_name == MOTORCYCLE for column in columns]], np.bool_)
    return np.logical_xor(of_tracks, of_detections)


def _touches(box: Box, width_px: int, height_px: int) -> bool:
    x1, y1, x2, y2 = box
    return bool(x2 > 0 and y2 > 0 and x1 < width_px and y1 < height_px)


def inflate(boxes: Box, share: float) -> Box:
    """Each box larger by `share` of its width and height on each of its sides."""
    margin = (boxes[:, 2:4] - boxes[:, :2]) * share
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:4] + margin], axis=1)

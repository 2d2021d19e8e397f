"""The tracks of one video, frame by frame: DeepSORT with time instead of frame counts.

Boxes are in px without the camera's shift; times in seconds. The association is in `association`, the motion in
`kalman`. A track ends when it was not detected for `max_age_s`, or when it has left the frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.detection.postprocess import overlaps, containment_of
from video_analysis.yolo_worker.tracking import association
from video_analysis.yolo_worker.tracking.appearance_metric import nearest
from video_analysis.yolo_worker.tracking.association import Candidates, Pairs
from video_analysis.yolo_worker.tracking.kalman import Corners, KalmanBank, sizes
from video_analysis.yolo_worker.tracking.track_state import VehicleTrack
from video_analysis.yolo_worker.types import Boxes, Embeddings

FEWEST_HITS = 2
"""A vehicle that was detected in only one frame counts as a false detection."""
COVERED = 0.3
"""A detection that others in front cover by this share is not embedded for later comparisons."""
STANDING_S = 1.0
PLACE_IOU, PLACE_INSIDE, PLACE_DISTANCE = 0.4, 0.7, 1.25

Embed = Callable[[Sequence[int]], Embeddings]
"""One embedding per given row of the frame's boxes."""


class VehicleTracker:
    """All open tracks of one video."""

    def __init__(self, settings: TrackSettings, match_distance: float) -> None:
        """`match_distance`: largest cosine distance between two embeddings of one vehicle."""
        self._settings = settings
        self._match_distance = match_distance
        self._bank = KalmanBank()
        self.tracks: list[VehicleTrack] = []
        self._time_s = 0.0
        self._before_s = 0.0
        self._last_key = 0
        self.places: list[VehicleTrack] = []

    def step(self, time_s: float, boxes: Boxes, embed: Embed, shift=(0.0, 0.0), size=(1, 1)) -> list[VehicleTrack]:
        """Process one frame. Returns the tracks that ended."""
        self._before_s, elapsed_s, self._time_s = self._time_s, time_s - self._time_s, time_s
        self._frame = np.array([-shift[0], -shift[1], size[0] - shift[0], size[1] - shift[1]])
        ended = self._expire()
        self._bank.predict(elapsed_s)
        detected = boxes[:, :4].astype(np.float64) - np.array(shift * 2)
        pairs, features = self._associate(detected, boxes, embed)
        ended += self._apply(pairs, detected, boxes, features)
        return ended

    def _expire(self) -> list[VehicleTrack]:
        """Ends by time, before the frame's detections can continue a track."""
        s = self._settings
        def over(t: VehicleTrack) -> bool:
            age = self._time_s - t.seen_s
            limit = s.max_age_s if t.seen_s < self._before_s else 10.0
            return age > limit
        gone = [t for t in self.tracks if over(t)]
        self._keep([i for i, t in enumerate(self.tracks) if not over(t)])
        ended = []
        for t in gone:
            if t.is_confirmed and t.is_standing(STANDING_S):
                self.places.append(t)
            else: ended.append(t)
        return ended

    def _associate(self, detected, boxes, embed):
        N, M = len(self.tracks), len(boxes)
        for t in self.tracks: t.row = None
        features: dict[int, NDArray] = {}
        self._free, self.revived, self._partial = [], [], []
        if not M: return [], features
        fresh = [i for i, t in enumerate(self.tracks) if t.seen_s == self._before_s]
        sure = [(fresh[a], b) for a, b in association.certain(self._bank.boxes[fresh], detected)] if fresh else []
        # exclusivity must consider all tracks
        allnear = (overlaps(self._bank.boxes, detected) > association.NEIGHBOUR_IOU).sum(0) if N else np.zeros(M)
        sure = [(a, b) for a, b in sure if allnear[b] == 1]
        taken = {b for _, b in sure}
        need = [j for j in range(M) if j not in taken]
        need += [b for a, b in sure if self._time_s - self.tracks[a].embedded_s >= self._settings.embed_interval_s]
        if need: features = dict(zip(need, embed(need), strict=True))
        pairs = list(sure)
        merged = self._merged(detected)
        free = [j for j in range(M) if j not in taken and not merged[j]]
        rest = [i for i in range(N) if i not in {a for a, _ in sure}]
        s = self._settings
        for cost in (association.overlapping, lambda c: association.alike(c, s.speed), lambda c: association.near(c, s.speed)):
            if not rest or not free: break
            c = self._candidates(rest, free, detected, boxes, features)
            found = [(rest[a], free[b]) for a, b in association.assign(cost(c))]
            pairs += found
            rest = [i for i in rest if i not in {a for a, _ in found}]
            free = [j for j in free if j not in {b for _, b in found}]
        self._free = free
        self._partial = self._in_place(rest, detected, boxes, features)
        self._revive(detected, boxes, features)
        return pairs, features

    def _merged(self, detected):
        """Detections that hold two standing vehicles or more."""
        known = [t.place for t in [*self.tracks, *self.places] if t.is_confirmed and t.is_standing(STANDING_S)]
        if len(known) < 2: return np.zeros(len(detected), bool)
        known = np.stack(known)
        return (containment_of(known, detected) >= 0.7).sum(0) >= 2

    def _in_place(self, rest, detected, boxes, features):
        rows = [i for i in rest if self.tracks[i].is_confirmed and self.tracks[i].is_standing(STANDING_S)]
        if not rows or not self._free: return []
        P = np.stack([self.tracks[i].place for i in rows]); D = detected[self._free]
        iou = overlaps(P, D); inside = containment_of(D, P).T
        dist = nearest([self.tracks[i].gallery for i in rows], np.stack([features[j] for j in self._free])) / self._match_distance
        ok = ((iou >= PLACE_IOU) | (inside >= PLACE_INSIDE)) & (dist <= PLACE_DISTANCE)
        found = association.assign(np.where(ok, 1 - iou + .5*dist, np.inf))
        out = [(rows[a], self._free[b]) for a, b in found]
        used = {b for _, b in out}
        self._free = [j for j in self._free if j not in used]
        return out

    def _revive(self, detected, boxes, features):
        self.revived = []
        if not self.places or not self._free: return
        P = np.stack([p.place for p in self.places]); D = detected[self._free]
        iou = overlaps(P, D); inside = containment_of(D, P).T
        dist = nearest([p.gallery for p in self.places], np.stack([features[j] for j in self._free])) / self._match_distance
        ok = ((iou >= PLACE_IOU) | (inside >= PLACE_INSIDE)) & (dist <= PLACE_DISTANCE)
        cost = np.where(ok, 1 - iou + .5*dist, np.inf)
        found = association.assign(cost)
        for a, b in found: self.revived.append((self.places[a], self._free[b]))
        gone = {a for a, _ in found}; used = {self._free[b] for _, b in found}
        self.places = [p for i, p in enumerate(self.places) if i not in gone]
        self._free = [j for j in self._free if j not in used]

    def _candidates(self, rows, columns, detected, boxes, features):
        T = [self.tracks[i] for i in rows]
        return Candidates(
            predicted=self._bank.boxes[rows], observed=np.stack([t.box for t in T]),
            unseen_s=np.array([self._time_s - t.seen_s for t in T]),
            travel=np.stack([t.travel() for t in T]),
            types=np.array([t.type for t in T]), detected=detected[columns], detected_types=boxes[columns, 5].astype(int),
            distance=nearest([t.gallery for t in T], np.stack([features[j] for j in columns])) / self._match_distance)

    def _apply(self, pairs, detected, boxes, features):
        s = self._settings
        covered = self._covered(detected)
        matched = set()
        free = []
        for a, b in self._partial:
            t = self.tracks[a]; matched.add(a)
            t.seen_s = self._time_s; t.row = b; self._bank.stop(np.array([a]), t.place[None])
        for a, b in pairs:
            t = self.tracks[a]; matched.add(a)
            t.observe(detected[b], self._time_s, int(boxes[b, 5]), float(boxes[b, 4]), b)
            if t.off_s is not None: self._bank.stop(np.array([a]), t.place[None])
            else: free.append((a, b))
            if b in features and covered[b] < COVERED:
                t.gallery.append(features[b]); t.embedded_s = self._time_s
            if not t.is_confirmed: t.is_confirmed = self._is_enough(t)
        if free:
            rows = np.array([a for a, _ in free]); cols = np.array([b for _, b in free])
            self._bank.update(rows, detected[cols])
        missed = [i for i in range(len(self.tracks)) if i not in matched]
        first = [i for i in missed if self.tracks[i].seen_s == self._before_s]
        if first:
            self._bank.make_rigid(np.array(first), self._frame)
            still = [i for i in first if len(self.tracks[i].course) > 3 and np.linalg.norm(self.tracks[i].travel()) < 0.25 * sizes(self.tracks[i].box[None])[0, 0]]
            if still: self._bank.speeds[still] = 0
        dead = {i for i in missed if not self.tracks[i].is_confirmed}
        ended = [self.tracks[i] for i in dead]
        self._keep([i for i in range(len(self.tracks)) if i not in dead])
        for t, b in self.revived:
            t.observe(detected[b], self._time_s, int(boxes[b, 5]), float(boxes[b, 4]), b)
            if covered[b] < COVERED: t.gallery.append(features[b]); t.embedded_s = self._time_s
            self.tracks.append(t); self._bank.add(detected[b][None])
        for b in self._free:
            self._last_key += 1
            box = detected[b]
            self.tracks.append(VehicleTrack(self._last_key, box, self._time_s, box, self._time_s, int(boxes[b, 5]),
                deque([features[b]], maxlen=s.nn_budget), self._time_s, box, self._time_s, row=b, confidence=float(boxes[b, 4])))
        if self._free: self._bank.add(detected[self._free])
        return ended

    def _covered(self, detected):
        n = len(detected)
        if n < 2: return np.zeros(n)
        inside = containment_of(detected, detected)
        infront = detected[None, :, 3] > detected[:, None, 3]
        np.fill_diagonal(infront, False)
        return np.where(infront, inside, 0).max(1)

    def _is_enough(self, t):
        s = self._settings; elapsed = t.seen_s - t.first_s
        return t.hits >= s.n_init or (t.hits >= FEWEST_HITS and elapsed * t.hits / (t.hits - 1) > s.confirm_s)

    def _keep(self, rows):
        if len(rows) < len(self.tracks):
            self._bank.keep(np.array(rows, int)); self.tracks = [self.tracks[i] for i in rows]

    def drop_exited(self, left, top, right, bottom):
        out = []
        if not self.tracks: return out
        B = self._bank.boxes
        touch = (B[:, 2] > left) & (B[:, 3] > top) & (B[:, 0] < right) & (B[:, 1] < bottom)
        gone = [i for i, t in enumerate(self.tracks) if t.row is None and not touch[i]]
        out = [self.tracks[i] for i in gone]
        self._keep([i for i in range(len(self.tracks)) if i not in set(gone)])
        return out

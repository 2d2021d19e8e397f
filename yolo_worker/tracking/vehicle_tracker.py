"""The tracks of one video, frame by frame: DeepSORT's tracks with times instead of frame counts.

A track is confirmed after a few detections. It ends when it was not detected for `max_age_s` or has left the frame. A
standing vehicle keeps its place for longer, see `standing`. A vehicle that vanished inside the picture may be continued
by another track, see `linking`. The snapshots of both wait for `link_s` at most. The association is in `association`,
the motion in `kalman`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.tracking import association, linking, standing
from video_analysis.yolo_worker.tracking.appearance_metric import nearest
from video_analysis.yolo_worker.tracking.association import Candidates, Pairs
from video_analysis.yolo_worker.tracking.geometry import cut_edges, touches
from video_analysis.yolo_worker.tracking.kalman import KalmanBank
from video_analysis.yolo_worker.tracking.linking import RecentVehicles
from video_analysis.yolo_worker.tracking.observation import Embed, Observation
from video_analysis.yolo_worker.tracking.settings import LONGEST_STEP_S, is_confirming
from video_analysis.yolo_worker.tracking.standing import ParkedVehicles
from video_analysis.yolo_worker.tracking.track_state import Changes, VehicleTrack

RESTING_SIZES = 0.25
"""A track that moved by less on its course, in box sizes, is not extrapolated where it is not detected."""


@dataclass(slots=True, eq=False)
class _Matches:
    """What the detections of a frame are. Every row is in one of these, or shows several vehicles in one box."""

    whole: Pairs
    """(index of a track, row)."""
    partial: Pairs = field(default_factory=list)
    """(index of a standing track, row): a part of the vehicle, so that it has not moved."""
    parked: list[tuple[VehicleTrack, int]] = field(default_factory=list)
    """A standing vehicle that had no track any more, and its row."""
    new: list[int] = field(default_factory=list)
    """Rows of new vehicles."""


class VehicleTracker:
    """All open tracks of one video."""

    def __init__(self, settings: TrackSettings) -> None:
        self._settings = settings
        self._bank = KalmanBank()
        """Its rows are those of `tracks`."""
        self._parked = ParkedVehicles()
        self._vanished = RecentVehicles()
        """Those that were lost inside the picture, while they moved."""
        self._final = RecentVehicles()
        """Those whose ends were reported. No track continues them, but they make links of others unclear: as the older
        vehicle of a link, and as the newer one."""
        self._time_s = self._previous_s = 0.0
        self._last_key = 0
        self.tracks: list[VehicleTrack] = []

    def step(self, seen: Observation, embed: Embed) -> Changes:
        """Process one frame."""
        self._previous_s, self._time_s = self._time_s, seen.time_s
        ended = self._expire(seen)
        self._bank.predict(self._time_s - self._previous_s)
        for track in self.tracks:
            track.row = None
        matches = self._match(seen, embed)
        self._continue(matches, seen)
        self._extrapolate(seen)
        lost = self._remove(self._lost(seen))
        left = [track for track in lost if track.is_motion_known()]
        ended += left + self._without_vanished((track for track in lost if track not in left), seen)
        self._start(matches, seen)
        ended += self._parked.displace(self._standing(track for track in self.tracks if track.row is not None))
        changes = self._reported(track for track in ended if track not in self.tracks)
        return Changes(changes.ended, changes.joined + [track for track, _ in matches.parked if track.is_final])

    def end_all(self) -> Changes:
        """End all tracks."""
        ended = [*self.tracks, *self._parked.clear(), *self._vanished.clear()]
        self._keep([])
        changes = self._reported(ended)
        self._final.clear()
        return changes

    def link(self, confirmed: Sequence[VehicleTrack]) -> None:
        """Give each of the newly `confirmed` tracks that continues an older one the track_id of that."""
        if not confirmed:
            return
        undetected = (track for track in self.tracks if track.row is None)
        open_ends = [track for track in (*undetected, *self._parked.tracks, *self._vanished.tracks) if track.track_id]
        older = list(dict.fromkeys([*open_ends, *self._final.tracks]))
        pairs = linking.continued(confirmed, older, self._known(), self._settings.max_cosine, self._settings.link_s)
        pairs = [(new, old) for new, old in pairs if old < len(open_ends)]
        for new, old in pairs:
            confirmed[new].continue_from(older[old])
        self._discard([older[old] for _, old in pairs])

    def _link_finally(self, ending: Sequence[VehicleTrack]) -> tuple[list[VehicleTrack], list[VehicleTrack]]:
        """Link vehicles once more before their ends are reported: now more of their embeddings are known.

        Returns the tracks that continue others, and those others.
        """
        if not ending:
            return [], []
        tracks = sorted(dict.fromkeys([*self._known(), *ending]), key=lambda track: track.first_s)
        pairs = linking.chains(tracks, self._settings.max_cosine, self._settings.link_s)
        pairs = [(new, old) for new, old in pairs if tracks[new] in ending or tracks[old] in ending]
        pairs = [(new, old) for new, old in pairs if not (tracks[new].is_final or tracks[old].is_final)]
        for new, old in pairs:
            tracks[new].continue_from(tracks[old])
        joined, continued = [tracks[new] for new, _ in pairs], [tracks[old] for _, old in pairs]
        self._discard(continued)
        return joined, continued

    def _known(self) -> list[VehicleTrack]:
        """The tracks of all vehicles that a link can concern."""
        tracks = (*self.tracks, *self._parked.tracks, *self._vanished.tracks, *self._final.tracks)
        return [track for track in dict.fromkeys(tracks) if track.track_id]

    def _discard(self, continued: Sequence[VehicleTrack]) -> None:
        """Forget tracks that another one continues."""
        self._remove([index for index, track in enumerate(self.tracks) if track in continued])
        self._parked.discard(continued)
        self._vanished.discard(continued)

    def _expire(self, seen: Observation) -> list[VehicleTrack]:
        """End tracks by time, before a detection can continue them; standing vehicles keep their place."""
        old = [index for index, track in enumerate(self.tracks) if self._is_too_old(track)]
        gone = self._remove(old)
        parked = self._standing(gone)
        ended = self._without_vanished((track for track in gone if track not in parked), seen)
        limit_s = self._time_s - self._settings.link_s
        self._final.overdue(limit_s - self._settings.link_s)
        return ended + self._parked.keep(parked) + self._parked.overdue(limit_s) + self._vanished.overdue(limit_s)

    def _without_vanished(self, gone: Iterable[VehicleTrack], seen: Observation) -> list[VehicleTrack]:
        """Keep the vehicles that vanished inside the picture for linking. Returns the other tracks."""
        tracks = list(gone)
        vanished = [track for track in tracks if track.track_id and not cut_edges(track.box[None], seen.frame).any()]
        self._vanished.keep(vanished)
        return [track for track in tracks if track not in vanished]

    def _is_too_old(self, track: VehicleTrack) -> bool:
        was_missed = track.seen_s < self._previous_s
        return self._time_s - track.seen_s > (self._settings.max_age_s if was_missed else LONGEST_STEP_S)

    def _standing(self, tracks: Iterable[VehicleTrack]) -> list[VehicleTrack]:
        return [track for track in tracks if track.is_confirmed and track.is_standing()]

    def _match(self, seen: Observation, embed: Embed) -> _Matches:
        """Find out what each detection is: first by certain overlap, then with the embeddings of the remaining ones."""
        is_fresh = np.array([track.seen_s == self._previous_s for track in self.tracks], np.bool_)
        certain = association.certain(self._bank.boxes, seen.boxes, is_fresh)
        due_s = self._time_s - self._settings.embed_interval_s
        due = [row for index, row in certain if self.tracks[index].embedded_s <= due_s and not seen.covered[row]]
        taken = {row for _, row in certain}
        seen.embed([row for row in range(len(seen)) if row not in taken] + due, embed)
        merged = standing.is_merged(self._standing(self.tracks), seen.boxes)
        rows = [row for row in range(len(seen)) if row not in taken and not merged[row]]
        return self._resolve(_Matches(certain), rows, seen)

    def _resolve(self, matches: _Matches, rows: list[int], seen: Observation) -> _Matches:
        """Match `rows` to the tracks that have no certain detection, then to places; the remaining ones are new."""
        limit, certain = self._settings.max_cosine, {index for index, _ in matches.whole}
        free = [index for index in range(len(self.tracks)) if index not in certain]
        for step in association.STEPS:
            if free and rows:
                found = association.assign(step(self._candidates(free, rows, seen), self._settings))
                matches.whole += [(free[index], rows[column]) for index, column in found]
                free, rows = _without(free, [i for i, _ in found]), _without(rows, [column for _, column in found])
        still = [index for index in free if self._standing([self.tracks[index]])]
        found = standing.in_place([self.tracks[index] for index in still], seen, rows, limit)
        matches.partial = [(still[index], row) for index, row in found]
        rows = [row for row in rows if row not in {row for _, row in found}]
        matches.parked = self._parked.take(standing.in_place(self._parked.tracks, seen, rows, limit))
        matches.new = [row for row in rows if row not in {row for _, row in matches.parked}]
        return matches

    def _candidates(self, indices: Sequence[int], rows: Sequence[int], seen: Observation) -> Candidates:
        tracks = [self.tracks[index] for index in indices]
        distance = nearest([track.gallery for track in tracks], seen.features(rows))
        return Candidates(
            predicted=self._bank.boxes[indices],
            observed=np.stack([track.box for track in tracks]),
            unseen_s=np.array([self._time_s - track.seen_s for track in tracks]),
            step_s=self._time_s - self._previous_s,
            travel=np.stack([track.travel() for track in tracks]),
            travel_sizes=np.array([track.travel_sizes() for track in tracks]),
            types=np.array([track.type for track in tracks]),
            detected=seen.boxes[rows],
            detected_types=seen.types[rows],
            distance=distance / self._settings.max_cosine,
            is_known=np.array([track.is_whole for track in tracks]),
        )

    def _continue(self, matches: _Matches, seen: Observation) -> None:
        """Update the matched tracks. Those that stand still stay in their place, also if only a part is seen."""
        for index, row in matches.whole:
            self._observe(self.tracks[index], row, seen)
        for index, row in matches.partial:
            self.tracks[index].seen_partly(self._time_s, row)
        moving = [(index, row) for index, row in matches.whole if self.tracks[index].off_place_s is None]
        resting = [index for index, _ in matches.whole if self.tracks[index].off_place_s is not None]
        resting += [index for index, _ in matches.partial]
        if moving:
            indices, rows = map(list, zip(*moving, strict=True))
            self._bank.update(indices, seen.boxes[rows])
        if resting:
            self._bank.stop(resting, standing.places_of([self.tracks[index] for index in resting]))

    def _observe(self, track: VehicleTrack, row: int, seen: Observation) -> None:
        track.observe(seen.boxes[row], seen.time_s, int(seen.types[row]), seen.confidences[row], row)
        track.exit = seen.exit(row)
        embedding = seen.lesson(row)
        if embedding is not None:
            track.learn(embedding, seen.is_whole(row))
        track.is_confirmed |= is_confirming(self._settings, track.hits, track.seen_s - track.first_s)

    def _extrapolate(self, seen: Observation) -> None:
        """Prepare the motion of the tracks that were detected in the previous frame and are not in this one."""
        lost = [
            index for index, track in enumerate(self.tracks) if track.row is None and track.seen_s == self._previous_s
        ]
        if not lost:
            return
        self._bank.make_rigid(lost, seen.frame)
        for index in lost:
            track = self.tracks[index]
            if track.is_motion_known() and track.travel_sizes() < RESTING_SIZES:
                self._bank.speeds[index] = 0

    def _lost(self, seen: Observation) -> list[int]:
        """The tracks without a detection that are tentative or whose predicted box has left the frame."""
        within = touches(self._bank.boxes, seen.frame)
        return [
            index
            for index, track in enumerate(self.tracks)
            if track.row is None and not (track.is_confirmed and within[index])
        ]

    def _start(self, matches: _Matches, seen: Observation) -> None:
        """Add the tracks of new vehicles, and of parked ones that are detected again."""
        for track, row in matches.parked:
            self._observe(track, row, seen)
        self.tracks += [track for track, _ in matches.parked] + [self._new(row, seen) for row in matches.new]
        self._bank.add(seen.boxes[[row for _, row in matches.parked] + matches.new])

    def _new(self, row: int, seen: Observation) -> VehicleTrack:
        self._last_key += 1
        box, now = seen.boxes[row], seen.time_s
        return VehicleTrack(
            key=self._last_key,
            box=box,
            seen_s=now,
            type=int(seen.types[row]),
            confidence=seen.confidences[row],
            row=row,
            gallery=deque(seen.features([row]), maxlen=self._settings.nn_budget),
            embedded_s=now,
            is_whole=seen.is_whole(row),
            exit=seen.exit(row),
            first_s=now,
            first_box=box,
            place=box,
            place_s=now,
        )

    def _remove(self, indices: Sequence[int]) -> list[VehicleTrack]:
        """Remove tracks, and return them."""
        removed = [self.tracks[index] for index in indices]
        if removed:
            self._keep(_without(range(len(self.tracks)), indices))
        return removed

    def _keep(self, indices: Sequence[int]) -> None:
        self._bank.keep(list(indices))
        self.tracks = [self.tracks[index] for index in indices]

    def _reported(self, ended: Iterable[VehicleTrack]) -> Changes:
        """The ends that were not reported before. Those of vehicles that another track continues are not reported."""
        unreported = [track for track in dict.fromkeys(ended) if not track.is_reported]
        joined, continued = self._link_finally([track for track in unreported if track.track_id])
        unreported = [track for track in unreported if track not in continued]
        for track in unreported:
            track.is_reported, track.is_final = True, track.track_id is not None
        self._final.keep(track for track in unreported if track.track_id)
        return Changes(unreported, joined)


def _without(items: Sequence[int], positions: Iterable[int]) -> list[int]:
    """All but those at `positions`."""
    excluded = set(positions)
    return [item for position, item in enumerate(items) if position not in excluded]

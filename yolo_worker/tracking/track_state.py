"""The state of one track inside the tracker."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from video_analysis.yolo_worker.tracking.geometry import Corner, Point, iou, share_inside, size
from video_analysis.yolo_worker.types import Embedding

SAME_PLACE_IOU = 0.6
"""A box that overlaps its place less has moved."""
MOVED_SHARE = 0.9
"""A box that is off the place has moved to one side if less of it lies in the place, and less of the place in it."""
DEPARTURE_S = 0.6
"""A vehicle that was at rest has departed when its boxes were off its place for longer; until then a smaller box may
show a part of it, a larger one two vehicles."""
STANDING_S = 1.0
"""A vehicle is standing if it did not leave its place in the last such time in which it was detected."""
PLACE_MEAN_S = 1.0
"""Time constant of the mean box of a vehicle that does not move. A vehicle that moves by less than a quarter of its
width in this time is standing."""
COURSE_S, COURSE_STEP_S = 8.0, 0.1
"""A track keeps the boxes of the first time, at the distance of the second. Shorter courses are noise where few frames
are processed or a vehicle crawls."""
LEAST_COURSE_BOXES = 4
"""Fewer do not show how a vehicle moves. So many are kept, however old they are."""


@dataclass(slots=True, eq=False)
class VehicleTrack:
    """One track: what was detected of it, and where it was. Boxes are without the camera's shift."""

    key: int
    box: Corner
    """The last detected box."""
    seen_s: float
    """Time of the last detection."""
    type: int
    confidence: float
    """The highest confidence of its detections."""
    row: int | None
    """Row of its detection in the current frame."""
    gallery: deque[Embedding]
    """The latest embeddings; one at least."""
    embedded_s: float
    """Time of the last one."""
    first_s: float
    first_box: Corner
    place: Corner
    """Mean box since `place_s`, as long as the vehicle does not move."""
    place_s: float
    hits: int = 1
    is_whole: bool = True
    """One of its embeddings shows the whole vehicle; until then a large distance is no evidence."""
    exit: Point = field(default_factory=lambda: np.zeros(2))
    """Directions (right, down: -1, 0 or 1) in which the frame's edge cuts its last box."""
    is_confirmed: bool = False
    track_id: int | None = None
    is_final: bool = False
    """The end of one of the vehicle's tracks was reported: its snapshot is final."""
    is_reported: bool = False
    """Its end was reported, and it was not detected since then."""
    off_place_s: float | None = None
    """Since when its boxes are not in its place."""
    course: deque[tuple[float, Corner]] = field(init=False)
    """Time and box of detections of the last COURSE_S, the first detection included."""

    def __post_init__(self) -> None:
        self.course = deque([(self.first_s, self.first_box)])

    def is_standing(self) -> bool:
        """It did not move during the last second in which it was detected."""
        return self.seen_s - self.place_s >= STANDING_S

    def travel(self) -> Point:
        """How far the centre moved on its course."""
        corners = self.box - self.course[0][1]
        moved: Point = (corners[:2] + corners[2:]) / 2
        return moved

    def travel_sizes(self) -> float:
        """The same distance in sizes of its first or last box; of the larger one, since the other may show a part."""
        right, down = self.travel().tolist()
        return math.hypot(right, down) / max(size(self.course[0][1]), size(self.box))

    def is_motion_known(self) -> bool:
        """It has enough boxes: speeds are noise before."""
        return len(self.course) >= LEAST_COURSE_BOXES

    def extent(self) -> Corner:
        """The smallest box that contains those of its course."""
        boxes = np.stack([box for _, box in self.course])
        return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])

    def velocity(self) -> Point:
        """Mean speed on its course, in px per second."""
        elapsed_s = self.seen_s - self.course[0][0]
        return self.travel() / elapsed_s if elapsed_s > 0 else np.zeros(2)

    def is_leaving(self) -> bool:
        """It was last seen while it moved out of the picture."""
        return self.is_motion_known() and not self.is_standing() and bool((self.exit * self.travel() > 0).any())

    def continue_from(self, older: VehicleTrack) -> None:
        """Take over the identity of an older track of the same vehicle."""
        self.track_id, self.is_final = older.track_id, older.is_final
        self.first_s, self.first_box = older.first_s, older.first_box
        self.confidence, self.is_whole = max(self.confidence, older.confidence), self.is_whole or older.is_whole
        self.gallery = deque([*older.gallery, *self.gallery], maxlen=self.gallery.maxlen)

    def observe(self, box: Corner, time_s: float, kind: int, confidence: float, row: int) -> None:
        """Take a detection into account."""
        weight = 1 - math.exp(min(0.0, self.seen_s - time_s) / PLACE_MEAN_S)
        self.box, self.seen_s, self.type, self.row, self.is_reported = box, time_s, kind, row, False
        self.hits += 1
        self.confidence = max(self.confidence, confidence)
        if time_s - self.course[-1][0] >= COURSE_STEP_S:
            self._extend_course(box, time_s)
        if iou(self.place, box) >= SAME_PLACE_IOU:
            self.place = self.place + weight * (box - self.place)
            self.off_place_s = None
        else:
            self._leave_place(box, time_s)

    def seen_partly(self, time_s: float, row: int) -> None:
        """Take a detection of a part into account: the vehicle is in its place."""
        self.seen_s, self.row, self.is_reported = time_s, row, False

    def _extend_course(self, box: Corner, time_s: float) -> None:
        self.course.append((time_s, box))
        while len(self.course) > LEAST_COURSE_BOXES and time_s - self.course[1][0] >= COURSE_S:
            self.course.popleft()

    def _leave_place(self, box: Corner, time_s: float) -> None:
        """Start a new place: at once if the vehicle did not stand still or moved to one side, else after a while."""
        since_s = time_s if self.off_place_s is None else self.off_place_s
        if max(share_inside(box, self.place), share_inside(self.place, box)) < MOVED_SHARE:
            self.place, self.place_s, self.off_place_s = box, time_s, None
        elif time_s - since_s > DEPARTURE_S or since_s - self.place_s < STANDING_S:
            self.place, self.place_s, self.off_place_s = box, since_s, None
        else:
            self.off_place_s = since_s

    def learn(self, embedding: Embedding, is_whole: bool) -> None:
        """Add an embedding of the current detection to the gallery."""
        self.gallery.append(embedding)
        self.is_whole |= is_whole
        self.embedded_s = self.seen_s


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What a step decided of tracks."""

    ended: list[VehicleTrack]
    joined: list[VehicleTrack]
    """Tracks that have the track_id of an older one now, because they show the same vehicle; and those of standing
    vehicles that are found again after their end was reported."""


class TrackStore:
    """Tracks that ended, and whose vehicles may be seen again."""

    def __init__(self) -> None:
        self.tracks: list[VehicleTrack] = []
        """In the order in which they were added."""

    def discard(self, continued: Sequence[VehicleTrack]) -> None:
        """Forget those that another track continues."""
        self.tracks = [track for track in self.tracks if track not in continued]

    def clear(self) -> list[VehicleTrack]:
        """Forget all vehicles. Returns them."""
        forgotten, self.tracks = self.tracks, []
        return forgotten

"""Which frame of the video is the best one of a vehicle, and how far a run came. Pure.

The offset in a row is not always that of its frame: a row whose track and offset another run has already is stored with
the next free ms, so it moves by one ms with each further run. The stored input of the tracker has the frames.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace

from video_analysis.ops.diff.vehicles import MOST_SHIFTED_MS, SHIFTED_MS, Vehicle, equals_one
from video_analysis.ops.run_row import RunRow
from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.runs.frame_input import FrameInput


def located(vehicles: Iterable[Vehicle], frames: Sequence[FrameInput]) -> list[Vehicle]:
    """The vehicles with the offsets of their frames, as far as these can be found."""
    offsets_ms = [frame.offset_ms for frame in frames]
    return [replace(vehicle, frame_ms=_frame_ms(vehicle, frames, offsets_ms)) for vehicle in vehicles]


def end_ms(run: RunRow, vehicles: Sequence[Vehicle], frames: Iterable[FrameInput]) -> int | None:
    """Up to which offset a run has sent the vehicles of the video. None if it is completed.

    That is its latest vehicle, or the last frame that it processed less the time for which a vehicle waits until it is
    sent. A vehicle that is in the picture for longer may be missing. `frames` are those of the video, of this run or
    another one.
    """
    if run.status == "completed":
        return None
    snapshot = run.config_snapshot or {}
    tracker = {**dict(TrackSettings()), **snapshot.get("tracker", {})}
    wait_ms = 1000 * float(tracker["max_age_s"] + tracker["link_s"])
    last_index = ((run.frames_done or 0) - 1) * int(snapshot.get("stride", 1))
    processed = (round(frame.offset_ms - wait_ms) for frame in frames if frame.index <= last_index)
    return max([0, *processed, *(vehicle.offset_ms for vehicle in vehicles)])


def _frame_ms(vehicle: Vehicle, frames: Sequence[FrameInput], offsets_ms: Sequence[int]) -> int | None:
    """The latest frame that has the vehicle's box; else that of its offset."""
    end = bisect_right(offsets_ms, vehicle.offset_ms)
    if vehicle.box is None or end == 0:
        return None
    for position in range(end - 1, bisect_left(offsets_ms, vehicle.offset_ms - MOST_SHIFTED_MS) - 1, -1):
        if equals_one(vehicle.box, frames[position].boxes):
            return offsets_ms[position]
    latest_ms = offsets_ms[end - 1]
    return latest_ms if vehicle.offset_ms - latest_ms <= SHIFTED_MS else None

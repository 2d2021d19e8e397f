"""Frames that a damaged part of a file took with it: gaps in the timestamps where data is missing. Pure.

A gap alone is no damage: recordings pause, and rates vary. It counts where the demuxer or the decoder reported an
error, or where the file has bytes that gave no packet.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median

GAP_STEPS = 1.5
"""Two frames that are more usual steps apart have a gap between them."""
REMEMBERED_STEPS = 15
DELAYED_PACKETS = 9
"""An error of the decoder may come so many packets late, because of its threads."""
MARKED_EARLY = 3
"""The packet before a gap is marked as corrupt, or one shortly before it: the demuxer reads ahead."""
MOST_PLACES = 1000
"""The decoder may drop the packets behind a damaged part up to the next key frame."""
UNREAD_SHARE = 0.5
"""Of the bytes that the missing frames would have."""
UNREAD_BYTES = 4096
"""Fewer are headers, padding, or the index."""

UnsoundBytes = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Place:
    """What lies between two packets."""

    begin: float
    """Timestamps in ms."""
    end: float
    from_byte: int
    to_byte: int
    unread: int
    """Bytes between the end of the first packet and the second."""
    has_error: bool
    time: float | None = None
    """Timestamp of the second packet."""


@dataclass(slots=True)
class Losses:
    """Compares the gaps between frames with what is known of the packets there."""

    unsound_bytes: UnsoundBytes | None = None
    """How many bytes of a range are not well-formed packets; None where the container does not show it."""
    frames: int = 0
    """How many are missing."""
    end_byte: int = 0
    """Where the last packet ends."""
    _bytes: int = 0
    _packets: int = 0
    _key_bytes: int = 0
    _key_packets: int = 0
    _first_byte: int = 0
    _start_byte: int = 0
    _timed_byte: int = 0
    _unread: int = 0
    _has_error: bool = False
    _after_corrupt: int = MARKED_EARLY
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=DELAYED_PACKETS))
    _places: deque[Place] = field(default_factory=lambda: deque(maxlen=MOST_PLACES))
    _last: tuple[float, float] | None = None
    _shift: float = 0.0
    _steps: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED_STEPS))
    _regular_ms: float = 0.0
    _regular_steps: int = 0

    @property
    def interval_ms(self) -> float | None:
        """Mean time between two frames, without pauses and gaps; None where it is not known."""
        return self._regular_ms / self._regular_steps if self._regular_ms > 0 else None

    def demuxer_failed(self) -> None:
        """What precedes the next packet is damaged."""
        self._has_error = True

    def decoder_failed(self) -> None:
        """One of the last packets, or what precedes it, is damaged."""
        if self._times:
            self._places.append(Place(min(self._times), max(self._times), 0, 0, 0, has_error=True))

    def packet(self, time: float | None, position: int | None, size: int, *, is_key: bool, is_corrupt: bool) -> None:
        """Take the next packet into account; `position` is its first byte in the file.

        A gap behind a corrupt packet that ends at a key frame is no error: recordings were joined there. The second
        one may have another rate.
        """
        position = self.end_byte if position is None or position < self._start_byte else position
        if self._packets:
            self._unread = max(self._unread, position - self.end_byte)
        else:
            self._first_byte = position
        self._after_corrupt = 0 if is_corrupt else self._after_corrupt + 1
        if is_key and not is_corrupt:
            self._after_corrupt = MARKED_EARLY
        self._has_error |= self._after_corrupt < MARKED_EARLY and not is_key
        if time is not None:
            before = self._times[-1] if self._times else time
            ends = min(before, time), max(before, time)
            self._places.append(Place(*ends, self._timed_byte, position, self._unread, self._has_error, time))
            self._times.append(time)
            self._timed_byte, self._unread, self._has_error = position, 0, False
        self._start_byte, self.end_byte = position, max(self.end_byte, position + size)
        self._bytes, self._packets = self._bytes + size, self._packets + 1
        self._key_bytes, self._key_packets = self._key_bytes + size * is_key, self._key_packets + is_key

    def frame(self, time: float | None, offset_ms: float) -> None:
        """Take the next frame into account, in the order of presentation."""
        time = offset_ms + self._shift if time is None else time
        self._shift = time - offset_ms
        if self._last is not None:
            before, before_ms = self._last
            if time < before:
                self._forget_before(time)
            step_ms = offset_ms - before_ms
            usual_ms = median(self._steps) if self._steps else step_ms
            if step_ms > GAP_STEPS * usual_ms > 0:
                self.frames += self._lost(before, time, round(step_ms / usual_ms) - 1, usual_ms)
            else:
                self._regular_ms, self._regular_steps = self._regular_ms + step_ms, self._regular_steps + 1
            self._steps.append(step_ms)
        self._last = time, offset_ms

    def other_stream(self, position: int | None, size: int) -> None:
        """Take a packet of another stream into account: its bytes are not missing."""
        if position is not None and self._packets:
            self._unread = max(self._unread, position - self.end_byte)
            self.end_byte = max(self.end_byte, position + size)

    def are_unread(self, frames: int, size: int) -> bool:
        """Whether `size` bytes that gave no packet are enough for so many frames."""
        return self._packets > 0 and size >= max(UNREAD_BYTES, UNREAD_SHARE * frames * self._bytes / self._packets)

    def in_bytes(self, size: int, passed_over: int) -> int:
        """About how many frames so many bytes have, those of other streams included.

        `passed_over`: bytes between the packets that were not read.
        """
        read = self.end_byte - self._first_byte - passed_over
        return round(size * self._packets / read) if size > 0 and read > 0 else 0

    def _forget_before(self, time: float) -> None:
        """Forget what precedes the newest packet with this timestamp: the clock restarted."""
        places = list(self._places)
        while places and places[-1].time != time:
            places.pop()
        for _ in places[:-1]:
            self._places.popleft()

    def _lost(self, begin: float, end: float, gap: int, usual_ms: float) -> int:
        """How many frames are missing between two timestamps: at most `gap`, which is what the time has room for.

        Where bytes were lost, their number shows how many: the rest of the gap is a pause. The decoder drops further
        packets, whose timestamps are known. Where there is only an error, the whole gap counts.
        """
        places = [place for place in self._places if place.begin < end and place.end > begin]
        unread = [self._unread_bytes(place) for place in places]
        frames = sum(map(partial(self._frames_unread, usual_ms), places, unread))
        if frames:
            dropped = sum(place.time is not None and begin < place.time < end for place in places)
            return min(gap, frames + dropped)
        return gap if any(place.has_error for place in places) or (self.unsound_bytes and any(unread)) else 0

    def _unread_bytes(self, place: Place) -> int:
        if self.unsound_bytes is None:
            return place.unread
        return self.unsound_bytes(place.from_byte, place.to_byte) if place.to_byte > place.from_byte else 0

    def _frames_unread(self, usual_ms: float, place: Place, unread: int) -> int:
        """How many frames these bytes have. Few bytes of a transport stream remain where packets were removed."""
        gap = round((place.end - place.begin) / usual_ms) - 1
        if unread < UNREAD_BYTES or gap <= 0:
            return 0
        return gap if self.are_unread(gap, unread) else min(gap, self._small_frames(unread))

    def _small_frames(self, size: int) -> int:
        """How many frames so many bytes have where none of them is a key frame, which is larger."""
        count, total = self._packets - self._key_packets, self._bytes - self._key_bytes
        return math.ceil(size * count / total) if total else math.ceil(size * self._packets / self._bytes)

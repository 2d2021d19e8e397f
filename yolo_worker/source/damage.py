"""How much of a video is missing, and whether that matters. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source.losses import Losses

MINOR_S = 2.0
MINOR_SHARE = 0.01
SILENT_SHARE = 0.5
"""Packets may give no picture without any error: second fields, frames that are not coded. A larger share is damage."""


@dataclass(slots=True)
class Tally:
    """What the demuxer and the decoder report while a file is read."""

    packets: int = 0
    """With content, hidden ones included."""
    empty: int = 0
    """Packets without content, which an AVI has for a frame that repeats the one before it."""
    hidden: int = 0
    """Packets that an edit list hides."""
    lead_in: int = 0
    """Packets before the first key frame, and pictures that refer to what lies before it: not decodable, not damage."""
    frames: int = 0
    corrupt: int = 0
    """Packets that the container marks as incomplete. Most of them still give a frame."""
    refused: int = 0
    """Errors of the decoder after the first key frame."""
    last_ms: float = 0.0
    """Offset of the last frame."""
    losses: Losses = field(default_factory=Losses)
    _key_time: int | None = field(default=None, init=False, repr=False)
    _has_key: bool = field(default=False, init=False, repr=False)

    def count(self, time: int | None, *, is_key: bool, is_hidden: bool, is_corrupt: bool) -> None:
        """Take one packet into account; `time` is its presentation time."""
        self.packets += 1
        self.corrupt += is_corrupt
        if is_key and not self._has_key:
            self._has_key, self._key_time = True, time
        if is_hidden:
            self.hidden += 1
        elif not self._has_key or (time is not None and self._key_time is not None and time < self._key_time):
            self.lead_in += 1

    def refuse(self) -> None:
        """Take an error of the decoder into account."""
        self.refused += self._has_key
        self.losses.decoder_failed()

    def advance(self, time_ms: float | None, offset_ms: float) -> None:
        """Take a frame's timestamp and offset into account, in the order of presentation."""
        self.last_ms = offset_ms
        self.losses.frame(time_ms, offset_ms)


@dataclass(frozen=True, slots=True)
class Announced:
    """What the container states about its length."""

    packets: int | None
    """Number of packets with content in its table, hidden ones included; None where there is no table."""
    is_exact: bool
    """The table lists the whole file, or all up to the end of a fragmented MP4 that was cut inside its media."""
    frames: int | None
    """The count of an AVI's header, empty frames included, or of its index; None where nothing is stated."""
    length_ms: float | None
    """By the header; None where that is an estimate."""
    bytes: int
    is_cut: bool
    """A part of the file runs past its end."""
    unlisted_bytes: int = 0
    """Length of the media that no table lists, since the table of its fragment is damaged."""
    is_broken: bool = False
    """Behind a damaged part the decoder reads nothing more."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What is missing from a file."""

    read: int
    due: int | None
    """How many frames should be there; None where the file was cut and does not state its length."""
    interval_ms: float
    is_cut: bool
    size: str = ""
    """`X of Y bytes`, for a file that was cut."""
    late_ms: int | None = None
    """Offset of a frame so late that reading ended there."""

    @property
    def is_none(self) -> bool:
        """All frames were read."""
        return self.late_ms is None and self.due is not None and self.read >= self.due

    @property
    def is_minor(self) -> bool:
        """Too little to refuse the file for: at most 2 s or 1% of the announced frames."""
        if self.due is None or self.late_ms is not None:
            return False
        missing = self.due - self.read
        return missing * self.interval_ms <= MINOR_S * 1000 or missing <= MINOR_SHARE * self.due

    @property
    def refusal(self) -> BadVideo:
        """The failure of a video for which this is too much."""
        if self.late_ms is not None:
            return BadVideo(str(self), code="too_long")
        if self.is_cut:
            return BadVideo(str(self), code="truncated")
        return BadVideo(str(self), code="damaged")

    def __str__(self) -> str:
        if self.late_ms is not None:
            return f"frame {self.read} is {self.late_ms} ms into the video: more than a year"
        if self.due is None:
            return f"truncated: {self.read} frames of a file cut at {self.size}"
        return f"{'truncated' if self.is_cut else 'damaged'}: {self.read} of {self.due} frames"


def found(tally: Tally, announced: Announced, size_bytes: int, interval_ms: float) -> Damage:
    """Compare what was read with what was announced."""
    size = f"{size_bytes} of {announced.bytes} bytes"
    due = _due(tally, announced, size_bytes, interval_ms)
    return Damage(tally.frames, due, interval_ms, announced.is_cut, size)


def check(damage: Damage | None) -> None:
    """BadVideo if more is missing than a finished video may lack."""
    if damage is not None and not damage.is_minor:
        raise damage.refusal


def _due(tally: Tally, announced: Announced, size_bytes: int, interval_ms: float) -> int | None:
    if announced.packets is not None and (announced.is_exact or not announced.is_cut):
        behind = (size_bytes - tally.losses.end_byte) * announced.is_broken
        unlisted = tally.losses.in_bytes(announced.unlisted_bytes + max(0, behind), announced.unlisted_bytes)
        return tally.frames + _lost(tally, announced.packets) + unlisted
    if announced.packets is not None:  # a fragmented file that was cut inside a table
        return None
    if announced.is_exact and announced.frames is not None:
        undelivered = max(0, announced.frames - tally.packets + tally.corrupt - tally.empty)
        return tally.frames + max(tally.losses.frames, tally.refused + undelivered)
    lost = max(tally.refused, tally.losses.frames)
    if announced.is_exact or announced.length_ms is None:
        return None if announced.is_cut else tally.frames + lost
    unread = min(size_bytes, announced.bytes or size_bytes) - tally.losses.end_byte
    after = max(0, round((announced.length_ms - tally.last_ms) / interval_ms) - 1)
    return tally.frames + lost + after * (announced.is_cut or tally.losses.are_unread(after, unread))


def _lost(tally: Tally, packets: int) -> int:
    """Packets of the table that gave no frame, although they should."""
    shown = tally.packets - tally.hidden - tally.lead_in
    without_frame = max(0, shown - tally.frames)
    if not (tally.refused or tally.corrupt) and without_frame <= SILENT_SHARE * shown:
        without_frame = 0
    return max(0, packets - tally.packets) + without_frame

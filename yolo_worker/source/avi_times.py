"""Times of the packets of an AVI, by its index. The demuxer counts packets: behind a hole its times are early."""

from __future__ import annotations

from av.index import IndexEntries
from av.packet import Packet
from av.video.stream import VideoStream

CHUNK_HEADER_BYTES = 8


class AviTimes:
    """Packets are matched with the entries of the index by their positions, which rise."""

    def __init__(self, entries: IndexEntries | None) -> None:
        """`entries`: the index as the file stores it; None where it has none."""
        self._entries = entries
        self._length = 0 if entries is None else len(entries)
        self._next = 0
        self._shift = 0

    def correct(self, packet: Packet[VideoStream]) -> None:
        """Set the packet's times to those of the index. Without an entry it follows the packet before it."""
        if packet.dts is None:
            return
        listed = self._listed(packet.pos)
        if listed is not None:
            self._shift = listed - packet.dts
        packet.dts += self._shift
        packet.pts = None if packet.pts is None else packet.pts + self._shift

    def _listed(self, position: int | None) -> int | None:
        begin = -1 if position is None else position - CHUNK_HEADER_BYTES
        while self._entries is not None and self._next < self._length:
            entry = self._entries[self._next]
            if entry.pos >= begin:
                return entry.timestamp if entry.pos == begin else None
            self._next += 1
        return None

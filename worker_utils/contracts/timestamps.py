"""Converts frame times to offsets in the video, and offsets to instants. Pure.

RFC 3339 text stays text, so that its precision is kept; datetimes are used only for the database and for sums.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?P<fraction>\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def offset_ms(position_ms: float) -> int:
    """A container timestamp in ms, rounded to the nearest ms (halves up, never negative)."""
    return max(0, math.floor(position_ms + 0.5))


def parse_instant(text: str) -> datetime:
    """An RFC 3339 date-time with an offset, as an aware UTC datetime (microseconds; finer digits are cut off).

    ValueError if it is naive, malformed, or outside the years 1 to 9999 in UTC.
    """
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("is not an RFC 3339 date-time with an offset, such as 2026-01-31T08:30:00+08:00")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def add_ms(text: str, offset: int) -> str:
    """The RFC 3339 instant `offset` ms after `text`, in the UTC offset of `text`.

    ValueError if the sum is no valid date.
    """
    start = datetime.fromisoformat(text.upper())
    try:
        return (start + timedelta(milliseconds=offset)).isoformat()
    except OverflowError:
        raise ValueError(f"plus {offset} ms lies beyond the year 9999") from None


def instant_at(recorded_at: datetime | None, offset: int) -> datetime | None:
    """The instant `offset` ms after the start of a video; None if the start is unknown."""
    return None if recorded_at is None else recorded_at + timedelta(milliseconds=offset)

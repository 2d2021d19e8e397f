"""Frame times to offsets in the video, and offsets to instants. Pure.

RFC 3339 text stays text (nothing of a caller's precision is lost on the way through); datetimes are made
only where a database or a sum needs them.
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
    """An RFC 3339 date-time with an offset, as an aware UTC datetime (microseconds; finer digits are cut).

    ValueError where it is naive, malformed, or outside the years 1 to 9999 in UTC.
    """
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("is not an RFC 3339 date-time with an offset, such as 2026-01-31T08:30:00+08:00")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def add_ms(text: str, offset: int) -> str:
    """The RFC 3339 instant `offset` ms after `text`, in `text`'s own UTC offset.

    ValueError where the sum cannot be written as a date.
    """
    start = datetime.fromisoformat(text.upper())
    try:
        return (start + timedelta(milliseconds=offset)).isoformat()
    except OverflowError:
        raise ValueError(f"plus {offset} ms lies beyond the year 9999") from None


def instant_at(recorded_at: datetime | None, offset: int) -> datetime | None:
    """When something `offset` ms into a video happened; None where nobody knows when the video began."""
    return None if recorded_at is None else recorded_at + timedelta(milliseconds=offset)

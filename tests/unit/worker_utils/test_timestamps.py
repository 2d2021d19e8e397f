from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.worker_utils.contracts.timestamps import add_ms, instant_at, offset_ms, parse_instant

instants = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001  # hypothesis wants naive bounds
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@pytest.mark.parametrize(
    ("position_ms", "expected"),
    [(0.0, 0), (2271.5, 2272), (2271.499, 2271), (33.366666, 33), (999_999.5, 1_000_000), (-0.4, 0), (-40.0, 0)],
)
def test_a_container_timestamp_is_rounded_to_the_nearest_millisecond(position_ms: float, expected: int) -> None:
    assert offset_ms(position_ms) == expected


@given(st.floats(0, 2**40))
def test_no_offset_is_further_than_half_a_millisecond_from_its_timestamp(position_ms: float) -> None:
    assert abs(offset_ms(position_ms) - position_ms) <= 0.5


@given(instants)
def test_what_python_writes_as_rfc_3339_is_read_as_the_same_instant(instant: datetime) -> None:
    assert parse_instant(instant.isoformat()) == instant
    assert parse_instant(instant.isoformat()).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T08:30:00Z", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2026-01-31t08:30:00z", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2026-01-31T08:30:00+13:45", datetime(2026, 1, 30, 18, 45, tzinfo=UTC)),
        ("2026-01-31T08:30:00-00:00", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2024-02-29T00:00:00.5Z", datetime(2024, 2, 29, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T08:30:00.123456999Z", datetime(2026, 1, 31, 8, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-01-31T00:00:00+23:59", datetime(2026, 1, 30, 0, 1, tzinfo=UTC)),
    ],
)
def test_rfc_3339_in_all_its_spellings_is_read(text: str, expected: datetime) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T08:30:00",  # naive: whose half past eight?
        "2026-01-31 08:30:00Z",
        "2026-01-31T08:30Z",
        "2026-01-31T08:30:00+0800",
        "2026-01-31T08:30:00+08",
        "2026-01-31T08:30:00+24:00",
        "2026-01-31T08:30:00+08:60",
        "2026-01-31T24:00:00Z",
        "2016-12-31T23:59:60Z",  # a leap second, which no datetime can hold
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-W05-6T08:30:00Z",
        "2026-01-31T08:30:00Z\n",
        "٢٠٢٦-01-31T08:30:00Z",
        "20260131T083000Z",
        "2026-01-31T08:30:00,5Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_is_not_an_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # datetime's own words differ from ours
        parse_instant(text)


@given(instants, st.integers(0, 366 * 24 * 3600 * 1000))
def test_a_sum_keeps_the_utc_offset_and_is_exact(instant: datetime, offset: int) -> None:
    total = add_ms(instant.isoformat(), offset)
    assert parse_instant(total) == instant + timedelta(milliseconds=offset)
    assert datetime.fromisoformat(total).utcoffset() == instant.utcoffset()


@pytest.mark.parametrize("offset", [1000, 2**63 - 1])
def test_a_sum_past_the_year_9999_is_refused(offset: int) -> None:
    with pytest.raises(ValueError, match="beyond the year 9999"):
        add_ms("9999-12-31T23:59:59.500Z", offset)


def test_an_instant_is_known_only_where_the_beginning_is() -> None:
    assert instant_at(None, 2272) is None
    assert instant_at(datetime(2026, 1, 31, tzinfo=UTC), 2272) == datetime(2026, 1, 31, 0, 0, 2, 272_000, tzinfo=UTC)

from __future__ import annotations

from dataclasses import replace

import pytest

from video_analysis.worker_utils.errors import BadVideo
from video_analysis.yolo_worker.source.damage import Announced, Damage, Tally, check, found
from video_analysis.yolo_worker.source.losses import Losses

SIZE = 1000


def read(
    frames: int, packets: int | None = None, *, last_ms: float = 0.0, losses: Losses | None = None, **counts: int
) -> Tally:
    shown = frames if packets is None else packets
    return Tally(packets=shown, frames=frames, last_ms=last_ms, losses=losses or Losses(), **counts)


def table(packets: int, is_cut: bool = False) -> Announced:
    return Announced(packets, is_exact=True, frames=packets, length_ms=None, bytes=2 * SIZE, is_cut=is_cut)


def stated(frames: int | None, *, is_cut: bool, is_exact: bool = False, length_ms: float | None = None) -> Announced:
    return Announced(None, is_exact=is_exact, frames=frames, length_ms=length_ms, bytes=2 * SIZE, is_cut=is_cut)


def damage(tally: Tally, announced: Announced) -> Damage:
    return found(tally, announced, SIZE, 40.0)


def test_a_file_whose_frames_are_all_read_is_whole() -> None:
    assert damage(read(100), table(100)).is_none


def test_packets_that_are_never_delivered_are_missing() -> None:
    cut = damage(read(435), table(905, is_cut=True))
    assert (str(cut), cut.is_none, cut.is_minor) == ("truncated: 435 of 905 frames", False, False)


def test_frames_before_the_first_key_frame_and_hidden_ones_do_not_count() -> None:
    assert damage(read(326, packets=476, lead_in=150), table(476)).is_none
    assert damage(read(25, packets=40, hidden=15), table(40)).is_none


def test_packets_without_a_frame_count_where_an_error_is_reported() -> None:
    assert str(damage(read(54, packets=100, refused=46), table(100))) == "damaged: 54 of 100 frames"
    assert str(damage(read(54, packets=100, corrupt=1), table(100))) == "damaged: 54 of 100 frames"


def test_fields_and_frames_that_are_not_coded_are_not_missing() -> None:
    assert damage(read(50, packets=100), table(100)).is_none
    assert str(damage(read(49, packets=100), table(100))) == "damaged: 49 of 100 frames"


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [
        (4000, "truncated: 40 of 100 frames"),
        (1620, "truncated: 40 of 41 frames"),
        (None, "truncated: 40 frames of a file cut at 1000 of 2000 bytes"),
    ],
)
def test_a_cut_file_without_a_table_is_compared_with_its_stated_length(length_ms: float | None, text: str) -> None:
    assert str(damage(read(40, last_ms=39 * 40), stated(None, is_cut=True, length_ms=length_ms))) == text


def test_a_stated_length_is_compared_by_time_whatever_the_rate() -> None:
    slower_later = read(40, last_ms=3960)
    cut = found(slower_later, stated(None, is_cut=True, length_ms=4000), SIZE, 100.0)
    assert cut.is_none


def test_a_cut_fragmented_file_does_not_state_its_length() -> None:
    announced = Announced(204, is_exact=False, frames=6, length_ms=240, bytes=2 * SIZE, is_cut=True)
    cut = damage(read(198), announced)
    assert str(cut) == "truncated: 198 frames of a file cut at 1000 of 2000 bytes"
    assert [cut.is_none, cut.is_minor] == [False] * 2


def test_an_avi_that_is_longer_by_its_header_than_it_is_may_have_all_its_frames() -> None:
    assert damage(read(100), stated(100, is_cut=True, is_exact=True)).is_none


def test_without_a_table_the_decoders_errors_count() -> None:
    assert damage(read(100), stated(None, is_cut=False)).is_none
    assert str(damage(read(100, refused=20), stated(None, is_cut=False))) == "damaged: 100 of 120 frames"


def test_frames_that_an_avi_announces_and_does_not_deliver_are_missing() -> None:
    announced = stated(100, is_cut=False, is_exact=True)
    assert damage(read(90, empty=10), announced).is_none
    assert str(damage(read(80, packets=85, refused=5), announced)) == "damaged: 80 of 100 frames"


def test_lost_frames_and_errors_of_the_decoder_are_the_same_frames() -> None:
    tally = read(100, refused=20, losses=Losses(frames=30))
    assert str(damage(tally, stated(None, is_cut=False))) == "damaged: 100 of 130 frames"


@pytest.mark.parametrize(
    ("end", "announced_bytes", "text"),
    [
        (100, 0, "damaged: 40 of 100 frames"),
        (9 * SIZE, 0, "whole"),
        (100, 10 * SIZE, "damaged: 40 of 100 frames"),
        (100, 100, "whole"),
    ],
    ids=["unread", "read", "unread by its header", "filler"],
)
def test_a_stated_length_counts_where_bytes_of_the_end_give_no_packet(
    end: int, announced_bytes: int, text: str
) -> None:
    losses = Losses()
    losses.packet(0.0, 0, end, is_key=True, is_corrupt=False)
    announced = replace(stated(None, is_cut=False, length_ms=4000), bytes=announced_bytes)
    missing = found(read(40, last_ms=39 * 40, losses=losses), announced, 10 * SIZE, 40.0)
    assert ("whole" if missing.is_none else str(missing)) == text


@pytest.mark.parametrize(
    ("frames", "due", "is_minor"),
    [(50, 100, True), (49, 100, False), (9_900, 10_000, True), (9_899, 10_000, False), (0, 50, True), (0, 51, False)],
)
def test_two_seconds_or_one_percent_are_minor(frames: int, due: int, is_minor: bool) -> None:
    assert Damage(frames, due, interval_ms=40.0, is_cut=True).is_minor == is_minor


@pytest.mark.parametrize(("is_cut", "code"), [(True, "truncated"), (False, "damaged")])
def test_what_is_not_minor_is_refused(is_cut: bool, code: str) -> None:
    check(None)
    check(Damage(50, 100, interval_ms=40.0, is_cut=is_cut))
    with pytest.raises(BadVideo, match=rf"^{code}: 49 of 100 frames$") as refusal:
        check(Damage(49, 100, interval_ms=40.0, is_cut=is_cut))
    assert refusal.value.code == code


def test_the_lead_in_ends_with_the_first_key_frame_and_what_precedes_it_in_time() -> None:
    tally = Tally()
    tally.refuse()
    for time, is_key in ((0, False), (1, False), (4, True), (3, False), (2, False), (5, False), (None, False)):
        tally.count(time, is_key=is_key, is_hidden=False, is_corrupt=False)
    tally.refuse()
    assert (tally.packets, tally.lead_in, tally.refused) == (7, 4, 1)


def test_a_hidden_packet_is_no_lead_in() -> None:
    tally = Tally()
    tally.count(-5, is_key=True, is_hidden=True, is_corrupt=False)
    tally.count(0, is_key=False, is_hidden=False, is_corrupt=True)
    assert (tally.hidden, tally.lead_in, tally.corrupt) == (1, 0, 1)

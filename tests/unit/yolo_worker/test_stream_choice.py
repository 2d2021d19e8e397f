from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.yolo_worker.source.stream_choice import Candidate, main_stream

FULL = Candidate(index=1, codec="h264", width_px=1920, height_px=1080, length_s=60.0)
CANDIDATES = st.builds(
    Candidate,
    index=st.integers(0, 5),
    codec=st.just("h264"),
    width_px=st.integers(0, 4000),
    height_px=st.integers(0, 4000),
    length_s=st.one_of(st.none(), st.floats(0, 1e5)),
    is_default=st.booleans(),
    is_picture=st.booleans(),
    can_be_decoded=st.booleans(),
)


@pytest.mark.parametrize(
    "other",
    [
        Candidate(index=0, codec="mjpeg", width_px=1920, height_px=1080, length_s=0.04, is_default=True),
        Candidate(index=0, codec="mjpeg", width_px=4000, height_px=3000, length_s=0.04),
        Candidate(index=0, codec="h264", width_px=640, height_px=360, length_s=60.0, is_default=True),
        Candidate(index=0, codec="mjpeg", width_px=4000, height_px=3000, length_s=None, is_picture=True),
        Candidate(index=0, codec="vvc", width_px=4000, height_px=3000, length_s=60.0, can_be_decoded=False),
        Candidate(index=2, codec="h264", width_px=1920, height_px=1080, length_s=60.0),
        Candidate(index=0, codec="h264", width_px=0, height_px=0, length_s=None),
    ],
)
def test_the_recording_is_chosen_and_not(other: Candidate) -> None:
    assert main_stream([other, FULL]) == main_stream([FULL, other]) == FULL


def test_of_two_equal_streams_the_default_one_is_chosen() -> None:
    other = Candidate(index=2, codec="h264", width_px=1920, height_px=1080, length_s=60.0, is_default=True)
    assert main_stream([FULL, other]) == other


def test_pictures_alone_are_no_video() -> None:
    assert main_stream([]) is None
    assert main_stream([Candidate(0, "mjpeg", 64, 64, None, is_picture=True)]) is None


def test_a_stream_that_cannot_be_decoded_is_chosen_where_it_is_the_only_one() -> None:
    odd = Candidate(0, "encv", 640, 480, 10.0, can_be_decoded=False)
    picture = Candidate(1, "mjpeg", 64, 64, None, is_picture=True)
    assert main_stream([odd, picture]) == odd


@given(candidates=st.lists(CANDIDATES, max_size=6))
def test_a_picture_is_never_chosen_and_a_film_always_found(candidates: list[Candidate]) -> None:
    chosen = main_stream(candidates)
    assert (chosen is None) == all(candidate.is_picture for candidate in candidates)
    assert chosen is None or not chosen.is_picture


def test_a_candidate_is_named_with_codec_size_and_length() -> None:
    assert str(FULL) == "1: h264 1920×1080 60.0 s"
    assert str(Candidate(0, "vp9", 64, 48, None)) == "0: vp9 64×48"

"""Plates' texts: formats as a prior, never as a filter."""

from __future__ import annotations

import numpy as np
import pytest

from video_analysis.main_worker.attributes.plate_formats import ALPHABET, FORMATS, LENGTHS, CharProbs, normalised, read


def chances(text: str, sure: float = 0.98, **others: float) -> CharProbs:
    """What a reader gives that takes its picture for `text`; others: place3_O=0.3 and so on."""
    rows = np.full((len(text), len(ALPHABET)), (1 - sure) / 35, np.float32)
    for place, sign in enumerate(text):
        rows[place, ALPHABET.index(sign)] = sure
    for name, chance in others.items():
        place_name, sign = name.removeprefix("place").split("_")
        rows[int(place_name), ALPHABET.index(sign)] = chance
    return rows


def text_of(reading: object) -> str:
    return str(getattr(reading, "text", None))


def test_a_plate_is_stored_in_capitals_and_digits_alone() -> None:
    assert normalised(" nbc-1234\n") == "NBC1234"
    assert normalised("é 12·٣A") == "12A"


@pytest.mark.parametrize("country", FORMATS)
def test_every_format_has_letters_and_digits_and_a_length_that_is_read(country: str) -> None:
    for pattern in FORMATS[country]:
        assert set(pattern) == {"L", "D"}, pattern
        assert len(pattern) in LENGTHS, pattern


@pytest.mark.parametrize(
    ("seen", "meant"), [("NBC1O34", "NBC1034"), ("N0C1234", "NOC1234"), ("NIC12I4", "NIC1214"), ("12ABCD", "12ABCD")]
)
def test_twins_are_settled_by_the_country_s_format(seen: str, meant: str) -> None:
    assert text_of(read(chances(seen), ["PH"])) == meant


def test_a_number_that_fits_no_format_is_read_all_the_same() -> None:
    reading = read(chances("M5XSX"), ["PH"])
    assert reading is not None
    assert (reading.text, reading.country) == ("M5XSX", None)


def test_a_format_does_not_overrule_signs_that_are_no_twins() -> None:
    assert text_of(read(chances("NBCX234", sure=0.999), ["PH"])) == "NBCX234"


def test_without_a_country_the_reading_is_unchanged() -> None:
    assert text_of(read(chances("NBC1O34"), [])) == "NBC1O34"


def test_a_format_tells_which_of_two_close_signs_is_meant() -> None:
    torn = chances("NBC1234", place4_2=0.30, place4_Z=0.5)
    assert text_of(read(torn, [])) == "NBC1Z34"
    assert text_of(read(torn, ["PH"])) == "NBC1234"


def test_a_reading_is_as_sure_as_all_its_signs_together() -> None:
    sure, torn = read(chances("NBC1234"), ["PH"]), read(chances("NBC1234", place4_2=0.3, place4_4=0.28), ["PH"])
    assert sure is not None
    assert torn is not None
    assert sure.conf == pytest.approx(0.98**7, abs=0.01)
    assert torn.conf < 0.32


@pytest.mark.parametrize("seen", ["PNBC1234", "NBC1234D"])
def test_a_seal_beside_the_number_is_left_away_where_the_rest_fits(seen: str) -> None:
    reading = read(chances(seen), ["PH"])
    assert reading is not None
    assert (reading.text, reading.country) == ("NBC1234", "PH")
    assert reading.conf < 0.8
    assert text_of(read(chances(seen), [])) == seen


def test_formats_of_other_countries_come_second() -> None:
    slovak = chances("RKO48AH", place2_O=0.6, place2_0=0.35)
    foreign = read(slovak, ["PH"])
    assert foreign is not None
    assert foreign.text == "RK048AH"
    assert foreign.country not in ("PH", None)
    assert text_of(read(slovak, ["PH"], {"PH": FORMATS["PH"]})) == "RKO48AH"
    torn = chances("ABC0123", place3_O=0.6, place3_0=0.38)
    assert text_of(read(torn, ["PH"])) == "ABC0123", "ABCO123 is German"


@pytest.mark.parametrize("text", ["TOYOTA", "0917123", "L300", "ABC123456"])
def test_words_bare_numbers_and_other_lengths_are_no_plates(text: str) -> None:
    assert read(chances(text), ["PH"]) is None

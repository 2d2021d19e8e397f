"""The plate reader: found, read, or left out with a reason."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from video_analysis.main_worker.attributes import plate, plate_lines
from video_analysis.main_worker.attributes.plate import Plate, PlateReader, best_reading, characters, ctc_decode
from video_analysis.main_worker.attributes.plate_formats import ALPHABET, CharProbs, Reading
from video_analysis.main_worker.attributes.plate_lines import Line
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.letterbox import letterbox
from video_analysis.worker_utils.inference import backend

INSTALLED = importlib.util.find_spec(plate.PACKAGE) is not None
needs_the_part = pytest.mark.skipif(not INSTALLED, reason=f"{plate.PACKAGE} is not installed: {plate.REMEDY}")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> backend.Runtime:
    return backend.Runtime("openvino", 1, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def reader(runtime: backend.Runtime) -> PlateReader:
    loaded = PlateReader.load(runtime)
    assert loaded is not None
    return loaded


def vehicle(text: str, width_px: int = 190) -> Image:
    """A dark snapshot with a Philippine plate in it."""
    picture = np.full((640, 640, 3), 60, np.uint8)
    drawn = np.full((72, 300, 3), 250, np.uint8)
    cv2.putText(drawn, text, (10, 52), cv2.FONT_HERSHEY_DUPLEX, 1.55, (20, 20, 20), 4, cv2.LINE_AA)
    sign = cv2.resize(drawn, (width_px, round(width_px * 72 / 300)), interpolation=cv2.INTER_AREA)
    left = 320 - width_px // 2
    picture[430 : 430 + len(sign), left : left + width_px] = sign
    return picture


def line(x: float = 320, y: float = 400, width: float = 120, height: float = 30, angle_deg: float = 0) -> Line:
    return Line(x, y, width, height, angle_deg, 0.9)


@needs_the_part
def test_a_plate_is_found_and_read(reader: PlateReader) -> None:
    seen = reader.read(vehicle("NBC 1234"))
    assert seen.plate is not None
    assert seen.plate.text == "NBC1234"
    assert plate.MIN_CONF <= seen.plate.conf <= 1
    assert (seen.reason, seen.best is not None and seen.best.country) == (None, "PH")


@needs_the_part
def test_the_same_snapshot_gives_the_same_plate_to_the_last_bit(reader: PlateReader) -> None:
    picture = vehicle("NBC 1234")
    assert reader.read(picture).plate == reader.read(picture).plate


@needs_the_part
def test_a_snapshot_without_text_has_no_plate_and_a_reason(reader: PlateReader) -> None:
    seen = reader.read(np.full((640, 640, 3), 90, np.uint8))
    assert (seen.plate, seen.reason) == (None, "no_text_line")


@needs_the_part
def test_a_plate_that_is_too_small_is_given_up_before_it_is_read(
    reader: PlateReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plate, "MIN_WIDTH_PX", 300)
    seen = reader.read(vehicle("NBC 1234"))
    assert (seen.plate, seen.best, seen.reason) == (None, None, "text_too_small")


@needs_the_part
def test_a_real_photograph_s_plate_is_read(shared_data: Path, runtime: backend.Runtime) -> None:
    photograph = cv2.imread(str(shared_data / "plates" / "eu" / "eu11.jpg"))
    loaded = PlateReader.load(runtime, ["CZ", "PL"])
    assert loaded is not None
    found = loaded.read(letterbox(np.asarray(photograph, np.uint8))).plate
    assert found is not None
    assert found.text == "BS47040"


@needs_the_part
def test_a_country_without_formats_stops_the_start(runtime: backend.Runtime) -> None:
    with pytest.raises(ConfigurationError, match="XX"):
        PlateReader.load(runtime, ["PH", "XX"])


def test_without_its_package_there_is_no_reader(runtime: backend.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert PlateReader.load(runtime) is None


def test_a_reading_of_low_confidence_is_only_in_the_evidence() -> None:
    unsure = Reading("NBC1234", plate.MIN_CONF - 0.01, "PH")
    seen = best_reading([(line(), unsure)])
    assert seen.plate is None
    assert seen.best == unsure
    assert seen.reason == "below_threshold"


def test_lines_without_a_text_of_a_plate_s_length_are_no_plate() -> None:
    seen = best_reading([])
    assert (seen.plate, seen.best, seen.reason) == (None, None, "no_plate_text")


def test_a_number_that_fits_its_country_goes_before_a_surer_one_that_fits_none() -> None:
    sticker, number = Reading("4WD2012", 0.99, None), Reading("NBC1234", 0.9, "PH")
    assert best_reading([(line(), sticker), (line(), number)]).plate == Plate("NBC1234", 0.9)


def test_lettering_that_has_no_plate_s_format_is_less_sure_than_it_is_legible() -> None:
    lettering = Reading("310KM", 0.91, None)
    assert best_reading([(line(), lettering)]).plate is None
    assert best_reading([(line(), replace(lettering, conf=1.0))]).plate == Plate("310KM", plate.UNKNOWN_FORMAT_FACTOR)


def test_of_two_numbers_the_one_low_and_in_the_middle_is_the_vehicle_s() -> None:
    reading, other = Reading("NBC1234", 0.9, "PH"), Reading("XYZ9876", 0.9, "PH")
    assert best_reading([(line(x=40, y=60), other), (line(), reading)]).plate == Plate("NBC1234", 0.9)


def steps(signs: str, classes: str) -> CharProbs:
    rows = np.full((len(signs), len(classes)), 0.01, np.float32)
    for row, sign in enumerate(signs):
        rows[row, classes.index(sign)] = 0.9
    return rows


def test_repeats_are_one_sign_blanks_part_two_and_other_signs_are_dropped() -> None:
    classes = "_AaB1-"
    columns = plate._columns(["", *classes[1:]])
    text = ctc_decode(steps("_AA_a--11_1B", classes), columns)
    assert "".join(ALPHABET[sign] for sign in text.argmax(axis=1)) == "AA11B"
    assert ctc_decode(steps("____", classes), columns).shape == (0, 36)


def test_capitals_and_small_letters_count_together() -> None:
    torn = np.array([[0.0, 0.4, 0.5, 0.1]], np.float32)
    assert ctc_decode(torn, plate._columns(["", "C", "c", "0"]))[0, ALPHABET.index("C")] == pytest.approx(0.9)


def field(number: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([number << 3 | 2]) + length + content


def test_the_recogniser_s_characters_are_read_from_its_own_file() -> None:
    other = field(14, field(1, b"author") + field(2, b"nobody"))
    wanted = field(14, field(1, b"character") + field(2, "A\nB\n×".encode()))
    version = bytes([1 << 3, 0x88, 0x01])
    assert characters(version + field(7, b"g" * 300) + other + wanted) == ["", "A", "B", "×", " "]
    with pytest.raises(ConfigurationError, match="has no list of characters"):
        characters(other)


def test_a_block_of_the_map_is_a_line_at_its_position_in_the_snapshot() -> None:
    chances = np.zeros((96, 192), np.float32)
    chances[40:50, 60:110] = 0.9
    (found,) = plate_lines.lines(chances, 0.5, (100, 20))
    assert [found.x, found.y] == pytest.approx([270, 110], abs=2)
    assert [found.width, found.height] == pytest.approx([125, 45], abs=8)
    assert abs(found.angle_deg) < 1


@pytest.mark.parametrize("turn_deg", [-20, 0, 20])
def test_a_turned_line_is_cut_out_level(turn_deg: float) -> None:
    picture = np.zeros((640, 640, 3), np.uint8)
    box = cv2.boxPoints(((320, 400), (160, 40), turn_deg)).astype(np.int32)
    cv2.fillPoly(picture, [box], (255, 255, 255))
    cut = plate_lines.strip(picture, line(width=160, height=40, angle_deg=turn_deg), 48, 256)
    assert cut.shape == (48, 192, 3)
    assert cut.mean() > 245


def test_the_letterbox_s_bars_are_not_searched() -> None:
    assert plate_lines.content(letterbox(np.full((100, 200, 3), 30, np.uint8))) == (0, 160, 640, 480)
    assert plate_lines.content(np.full((640, 640, 3), 114, np.uint8)) == (0, 0, 640, 640)


def test_lines_that_are_steep_or_of_another_shape_are_no_plates() -> None:
    wide, square, steep = line(width=400, height=20), line(width=30, height=30), line(angle_deg=45)
    assert plate_lines.plate_like([wide, line(), square, steep], 640) == [line()]


def test_two_lines_over_each_other_are_taken_for_one_plate() -> None:
    upper, lower, far = line(y=400), line(y=432), line(y=600)
    assert plate_lines.stacked([lower, far, upper]) == [(2, 0)]

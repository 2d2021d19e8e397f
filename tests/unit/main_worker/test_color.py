"""Colours of vehicle pictures: what counts as paint, what it is called, and what an empty picture says."""

from __future__ import annotations

import time
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from video_analysis.main_worker.attributes import color_clusters, paint_mask
from video_analysis.main_worker.attributes.color import Color, colors, name
from video_analysis.main_worker.attributes.color_clusters import DARK_BROWN_FACTOR, clusters
from video_analysis.main_worker.attributes.paint_mask import Paint
from video_analysis.simulator.vehicles.paint import BASES
from video_analysis.worker_utils.imaging.crop import Image
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot, letterbox

GREY = 114
CLEAR = ("Red", "Orange", "Yellow", "Green", "Blue", "Purple", "Pink", "White", "Black", "Brown", "Maroon", "Cyan")
Bgr = tuple[int, int, int]


def shown(base: str, light: Sequence[float] = (1.0, 1.0, 1.0)) -> Bgr:
    """A paint's display value in a light (blue, green, red)."""
    linear = np.clip(np.array(BASES[base][::-1]) * light + 0.01, 0, 1)
    blue, green, red = (255 * linear ** (1 / 2.2)).round().astype(int)
    return int(blue), int(green), int(red)


def car(
    body: Bgr, *, road: Bgr = (105, 105, 105), lower: Bgr | None = None, size: tuple[int, int] = (360, 600)
) -> Image:
    """A car from the side on a road: body, windows, tyres, lamps, plate, and a little noise."""
    height, width = size
    image = np.full((height, width, 3), road, np.uint8)
    left, right, top, bottom = round(0.1 * width), round(0.9 * width), round(0.14 * height), round(0.84 * height)
    waist = (top + bottom) // 2
    cv2.rectangle(image, (left + width // 8, top), (right - width // 8, waist), body, -1)
    cv2.rectangle(image, (left, waist), (right, bottom), body, -1)
    if lower is not None:
        cv2.rectangle(image, (left, round(0.55 * height)), (right, bottom), lower, -1)
    cv2.rectangle(
        image, (left + width // 6, top + height // 14), (right - width // 6, waist - height // 30), (45, 40, 38), -1
    )
    for x in (left + width // 6, right - width // 6):
        cv2.circle(image, (x, bottom), height // 9, (22, 22, 22), -1)
    cv2.rectangle(image, (right - width // 30, waist), (right, waist + height // 9), (20, 20, 230), -1)
    cv2.rectangle(image, (left, waist), (left + width // 30, waist + height // 9), (250, 255, 255), -1)
    noise = np.random.default_rng(7).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def seen(image: Image) -> Image:
    """As main_worker gets it."""
    return check_snapshot(encode_snapshot(image, 92), "image/jpeg")


def main_base(image: Image, yolo_type: str | None = None) -> str:
    return colors(seen(image), yolo_type)[0].base


@pytest.mark.parametrize("base", CLEAR)
def test_a_car_has_the_colour_of_its_body_not_of_its_glass_tyres_lamps_or_road(base: str) -> None:
    assert main_base(car(shown(base))) == base


@pytest.mark.parametrize("base", ["Red", "Blue", "White", "Black"])
def test_the_letterbox_changes_nothing(base: str) -> None:
    wide, high = car(shown(base), size=(200, 640)), car(shown(base), size=(640, 400))
    assert (main_base(wide), main_base(high)) == (base, base)


def test_bars_are_removed_and_the_content_is_scaled() -> None:
    inside = paint_mask.content(letterbox(car(shown("Red"), size=(200, 640))))
    assert inside is not None
    assert inside.shape == (50, 160, 3)
    assert not (np.abs(inside.astype(int) - GREY) <= 6).all(axis=2).all(axis=1).any()


def test_white_in_yellow_street_light_is_not_beige() -> None:
    lamps = (0.35, 0.62, 0.85)
    road = tuple(round(255 * (0.12 * part) ** (1 / 2.2)) for part in lamps)
    assert main_base(car(shown("White", lamps), road=(road[0], road[1], road[2]))) in {"White", "Silver"}


@pytest.mark.parametrize(("base", "said"), [("White", {"White", "Silver"}), ("Black", {"Black"}), ("Red", {"Red"})])
def test_a_dark_road_means_night_and_is_compensated(base: str, said: set[str]) -> None:
    night = (0.11, 0.14, 0.16)
    road = tuple(round(255 * (0.10 * part) ** (1 / 2.2)) for part in night)
    picture = car(shown(base, night), road=(road[0], road[1], road[2]))
    picture[:, :, :] = np.minimum(picture, 140)
    assert main_base(picture) in said


def test_paint_that_is_light_only_where_it_faces_the_light_is_silver_and_not_white() -> None:
    def grey(lightness: Sequence[float]) -> color_clusters.NeutralTone:
        level = np.array(lightness, np.float32)
        none, weight = np.zeros_like(level), np.full_like(level, 1 / len(level))
        return color_clusters.neutral_tone(paint_mask.Paint(level, none, none, weight), None)

    assert grey([80] * 10).whiteness > 1
    assert grey([55] * 4 + [80] * 6).whiteness < -1
    assert grey([55] * 4 + [80] * 6).level == 80


def test_two_coats_are_both_named_and_each_base_once() -> None:
    said = [one.base for one in colors(seen(car(shown("Blue"), lower=shown("Yellow"))))]
    assert set(said) == {"Blue", "Yellow"}
    assert len(said) == 2


def test_two_coats_of_one_name_are_one_colour() -> None:
    said = [one.base for one in colors(seen(car((40, 190, 120), lower=(140, 160, 20))))]
    assert said == ["Green"]


def test_a_light_road_around_a_dark_car_is_not_its_paint() -> None:
    road: Bgr = (200, 200, 200)
    wide = cv2.copyMakeBorder(car(shown("Black"), road=road), 160, 160, 160, 160, cv2.BORDER_CONSTANT, value=road)
    noise = np.random.default_rng(3).normal(0, 3, wide.shape)
    assert main_base(np.clip(wide + noise, 0, 255).astype(np.uint8)) == "Black"


@pytest.mark.parametrize(
    ("glass_to", "yolo_type", "said"),
    [(222, "Car", "White"), (265, "CarouselBus", "White"), (265, "Car", "Black")],
)
def test_dark_glass_hides_white_paint_only_where_it_is_nearly_everything(
    glass_to: int, yolo_type: str, said: str
) -> None:
    vehicle = car(shown("White"), size=(400, 500))
    cv2.rectangle(vehicle, (60, 80), (440, glass_to), (35, 32, 30), -1)
    assert main_base(vehicle, yolo_type) == said


def test_a_pale_brown_load_is_not_a_pickups_paint() -> None:
    loaded = car(shown("White"), lower=(146, 172, 180))
    assert main_base(loaded, "Car") == "Beige"
    assert main_base(loaded, "Utility") != "Beige"


def test_a_riders_shirt_is_not_the_motorcycles_paint() -> None:
    image = np.full((500, 300, 3), 105, np.uint8)
    cv2.rectangle(image, (90, 60), (210, 280), shown("Green"), -1)
    cv2.rectangle(image, (90, 290), (210, 400), shown("Red"), -1)
    assert main_base(image, "Motorcycle") == "Red"
    assert main_base(image) == "Green"


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((640, 640, 3), np.uint8),
        np.full((640, 640, 3), 255, np.uint8),
        np.full((640, 640, 3), GREY, np.uint8),
        np.random.default_rng(1).integers(0, 256, (640, 640, 3), dtype=np.uint8),
        letterbox(np.full((5, 640, 3), 20, np.uint8)),
    ],
    ids=["black", "white", "bars alone", "noise", "a sliver"],
)
def test_a_blank_image_has_no_colours(picture: Image) -> None:
    assert colors(picture) == []


@pytest.mark.parametrize("seed", range(12))
def test_no_image_raises_and_all_results_fit_the_contract(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (int(rng.integers(1, 40)), int(rng.integers(1, 40)), 3), dtype=np.uint8)
    said = colors(letterbox(coarse), None if seed % 2 else "LightTruck")
    assert len(said) <= 3
    for one in said:
        assert one.base in BASES
        assert one.finish in {None, "Matte", "Metallic"}
        assert one.lightness in {None, "Light"}
        assert 0 <= one.conf <= 1


def test_a_burnt_out_night_picture_does_not_raise() -> None:
    picture = np.full((640, 640, 3), 20, np.uint8)
    picture[300:330, 300:330] = 255
    assert all(one.base in BASES for one in colors(picture))


def test_every_place_in_cielab_has_a_name_of_the_contract() -> None:
    names = {
        name(level, chroma, hue) for level in range(0, 101, 5) for chroma in range(0, 130, 5) for hue in range(360)
    }
    assert names == set(BASES) - {"White", "Gray", "Black", "Silver"}


def test_the_json_is_the_contracts() -> None:
    assert Color("Metallic", "Silver", None, 0.123456).to_json() == {
        "finish": "Metallic",
        "base": "Silver",
        "lightness": None,
        "conf": 0.1235,
    }


def test_pale_blue_is_light_and_deep_blue_is_not() -> None:
    pale, deep = colors(seen(car((230, 185, 130))))[0], colors(seen(car((150, 50, 20))))[0]
    assert (pale.base, pale.lightness) == ("Blue", "Light")
    assert (deep.base, deep.lightness) == ("Blue", None)


def test_confidence_is_lower_near_a_bound_between_greys() -> None:
    black, between = (colors(seen(car((grey,) * 3)))[0] for grey in (18, 78))
    assert black.base == "Black"
    assert between.conf < 0.7 < black.conf


def test_equal_pictures_give_equal_colours_to_the_last_bit() -> None:
    picture = seen(car(shown("Maroon"), lower=shown("Silver")))
    first = colors(picture)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        assert colors(picture.copy()) == first
    finally:
        cv2.setNumThreads(threads)


def test_the_picture_is_left_as_it_was() -> None:
    picture = seen(car(shown("Red")))
    before = picture.copy()
    colors(picture)
    assert (picture == before).all()


def test_a_quantile_counts_weight_not_pixels() -> None:
    values, weight = np.array([3, 1, 2], np.float32), np.array([0.1, 0.2, 0.7], np.float32)
    assert [color_clusters.quantile(values, weight, share) for share in (0.1, 0.5, 0.95)] == [1, 2, 3]
    assert color_clusters.quantile(values, np.zeros(3, np.float32), 0.5) == 0


def test_a_picture_takes_about_fifteen_milliseconds() -> None:
    picture = seen(car(shown("Green")))
    colors(picture)
    start = time.process_time()
    for _ in range(5):
        colors(picture)
    assert (time.process_time() - start) / 5 < 0.06, "four times the promise: other work shares the cores"


def partly(value: float, rest: float) -> NDArray[np.float32]:
    return np.repeat(np.array([value, rest], np.float32), [250, 750])


def body(lightness: float, chroma: float, hue: float) -> Paint:
    """A quarter of the paint in this colour, the rest black."""
    return Paint(partly(lightness, 8), partly(chroma, 0), partly(hue, 0), np.full(1000, 0.001, np.float32))


@pytest.mark.parametrize(("lightness", "factor"), [(25, DARK_BROWN_FACTOR), (50, 1.0)])
def test_dark_brown_counts_more_than_other_colours(lightness: float, factor: float) -> None:
    brown = body(lightness, 16, 50)
    found, plain = (clusters(brown, None, one)[0].evidence for one in (DARK_BROWN_FACTOR, 1.0))
    assert found == pytest.approx(factor * plain)

"""The traffic world: its truth is what its pixels show, and a seed says it all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import get_args

import cv2
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from video_analysis.simulator.__main__ import main
from video_analysis.simulator.cameras import looking_at
from video_analysis.simulator.clip import truth_path, write_clip
from video_analysis.simulator.close_ups import CloseUp, close_ups, far_apart_frames
from video_analysis.simulator.flow import Flow
from video_analysis.simulator.rendering.frame import Stage, compose
from video_analysis.simulator.rendering.geometry import Pose
from video_analysis.simulator.rendering.lighting import sample_daylight
from video_analysis.simulator.rendering.ordering import back_to_front
from video_analysis.simulator.rendering.raster import draw
from video_analysis.simulator.scene import Scene
from video_analysis.simulator.scenery.backdrop import Backdrop
from video_analysis.simulator.scenery.props import Prop
from video_analysis.simulator.scenery.roadway import Roadway
from video_analysis.simulator.truth import SeenVehicle
from video_analysis.simulator.vehicles.fleet import CATALOGUE, Look, hierarchy, sample_look
from video_analysis.simulator.vehicles.paint import Paint
from video_analysis.simulator.vehicles.vehicle import Vehicle
from video_analysis.worker_utils.contracts.messages import YoloType
from video_analysis.yolo_worker.types import Image

pytestmark = pytest.mark.slow

TYPES = set(get_args(YoloType))
BASES = {"Red", "Orange", "Yellow", "Green", "Blue", "Purple", "Pink", "White"} | {
    "Gray",
    "Black",
    "Silver",
    "Gold",
    "Brown",
    "Beige",
    "Maroon",
    "Cyan",
}
ROAD = Roadway(2, 3.3, 0.0, 2.0, True, 0.0, {1: 30.0, -1: 8.0})
TRUTH_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["index", "offset_ms", "vehicles"],
    "properties": {
        "index": {"type": "integer", "minimum": 0},
        "offset_ms": {"type": "integer", "minimum": 0},
        "vehicles": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": [
                    "id",
                    "type",
                    "make",
                    "model",
                    "colors",
                    "plate",
                    "box",
                    "visible_fraction",
                    "visible_px",
                    "cut",
                ],
                "properties": {
                    "id": {"type": "integer", "minimum": 1},
                    "type": {"enum": sorted(TYPES)},
                    "make": {"type": "string"},
                    "model": {"type": "string"},
                    "plate": {"type": "string", "pattern": r"^([A-Z]{3} \d{4}|\d{3} [A-Z]{3})$"},
                    "box": {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4},
                    "visible_fraction": {"type": "number", "minimum": 0, "maximum": 1},
                    "visible_px": {"type": "integer", "minimum": 0},
                    "cut": {"type": "boolean"},
                    "colors": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 3,
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["finish", "base", "lightness"],
                            "properties": {
                                "finish": {"enum": [None, "Matte", "Metallic"]},
                                "base": {"enum": sorted(BASES)},
                                "lightness": {"enum": [None, "Light"]},
                            },
                        },
                    },
                },
            },
        },
    },
}


def scene(seed: int = 3, **given: object) -> Scene:
    return Scene.from_seed(seed, **({"camera": "pole", "vehicles_per_frame": 4.0} | given))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    video = tmp_path_factory.mktemp("traffic") / "clip.mp4"
    write_clip(scene(), 0.4, video)
    return video


@pytest.fixture(scope="module")
def free() -> Scene:
    """A scene of which nothing was asked but its seed."""
    return Scene.from_seed(11)


@pytest.fixture(scope="module")
def stage() -> Stage:
    """A grey world that shows vehicles 10 m away, nothing else."""
    camera = looking_at("test", (0.0, -6.0, 5.0), (11.0, 0.0, 0.6), 900.0)
    light = sample_daylight(np.random.default_rng(0), "day", "overcast")
    return Stage(Backdrop(np.full((720, 1280, 3), 110, np.uint8), ()), camera, ROAD, light)


def look(kind: str, base: str = "White") -> Look:
    model = next(one for one in CATALOGUE if one.type == kind)
    drawn = sample_look(np.random.default_rng(1), model)
    paint = Paint(None, base, None)
    return replace(drawn, paints=(paint,), coats=drawn.coats | {"paint": paint.surface()})


def parked(number: int, drawn: Look, x: float, y: float) -> Vehicle:
    return Vehicle(number, drawn, 1, x, y, 0, 0.0, 10.0, 0.0)


def the_only(seen: tuple[SeenVehicle, ...]) -> SeenVehicle:
    assert len(seen) == 1
    return seen[0]


def test_the_same_seed_gives_the_same_bytes(clip: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    write_clip(scene(), 0.4, again)
    assert again.read_bytes() == clip.read_bytes()
    assert truth_path(again).read_bytes() == truth_path(clip).read_bytes()


def test_another_seed_gives_other_traffic(clip: Path, free: Scene) -> None:
    first = json.loads(truth_path(clip).read_text("utf-8").splitlines()[1])
    assert json.loads(free.frame().truth.to_json())["vehicles"] != first["vehicles"]


def test_what_is_given_is_kept_and_the_rest_is_the_seeds(free: Scene) -> None:
    given = Scene.from_seed(11, weather="rain", light="night").facts
    assert (given.weather, given.light) == ("rain", "night")
    assert (given.camera, given.vehicles_per_frame) == (free.facts.camera, free.facts.vehicles_per_frame)


def test_an_unknown_camera_is_refused() -> None:
    with pytest.raises(ValueError, match="known are gantry"):
        Scene.from_seed(1, camera="drone")


def test_the_truth_is_the_facts_and_then_a_line_a_frame(clip: Path) -> None:
    facts, *frames = [json.loads(line) for line in truth_path(clip).read_text("utf-8").splitlines()]
    assert facts["scene"]["seed"] == 3
    assert facts["scene"]["camera"] == "pole"
    assert [frame["index"] for frame in frames] == list(range(6))
    for frame in frames:
        jsonschema.validate(frame, TRUTH_SCHEMA)


def test_the_video_has_the_truths_frames_at_the_truths_offsets(clip: Path) -> None:
    frames = [json.loads(line) for line in truth_path(clip).read_text("utf-8").splitlines()[1:]]
    assert [offset for _, offset in decoded(clip)] == [frame["offset_ms"] for frame in frames]
    assert {image.shape for image, _ in decoded(clip)} == {(720, 1280, 3)}


def decoded(video: Path) -> Iterator[tuple[Image, int]]:
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    while capture.grab():
        offset_ms = int(capture.get(cv2.CAP_PROP_POS_MSEC) + 0.5)
        yield capture.retrieve()[1], offset_ms
    capture.release()


def test_boxes_lie_within_the_frame_and_hold_their_pixels(free: Scene) -> None:
    boxes = [one for picture in free.frames(3) for one in picture.truth.vehicles]
    assert boxes
    for one in boxes:
        x1, y1, x2, y2 = one.box
        assert 0 <= x1 < x2 <= 1280
        assert 0 <= y1 < y2 <= 720
        assert one.visible_px <= (x2 - x1) * (y2 - y1)
        assert one.cut == (x1 == 0 or y1 == 0 or x2 == 1280 or y2 == 720)


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_the_box_is_where_the_vehicle_is_painted(stage: Stage, kind: str) -> None:
    white, black = (compose(stage, [parked(1, look(kind, base), 13.0, 0.0)]) for base in ("White", "Black"))
    one = the_only(white[1])
    differs = (np.abs(white[0].astype(int) - black[0].astype(int)).max(axis=2) > 12).astype(np.uint8)
    x, y, wide, high = cv2.boundingRect(differs)
    x1, y1, x2, y2 = one.box
    assert x1 - 1 <= x
    assert y1 - 1 <= y
    assert x + wide <= x2 + 1
    assert y + high <= y2 + 1
    assert 0.02 * one.visible_px < int(differs.sum()) <= one.visible_px * 1.1


def test_a_vehicle_alone_is_wholly_visible(stage: Stage) -> None:
    one = the_only(compose(stage, [parked(1, look("Car"), 13.0, 0.0)])[1])
    assert one.visible_fraction == 1.0
    assert not one.cut


def test_a_vehicle_behind_another_keeps_its_box_and_loses_visible_pixels(stage: Stage) -> None:
    alone = the_only(compose(stage, [parked(1, look("CarouselBus"), 22.0, 4.0)])[1])
    car = parked(2, look("Van"), 14.0, 0.5)
    behind, before = sorted(compose(stage, [parked(1, look("CarouselBus"), 22.0, 4.0), car])[1], key=lambda one: one.id)
    assert behind.box == alone.box
    assert 0 < behind.visible_px < alone.visible_px
    assert behind.visible_fraction == pytest.approx(behind.visible_px / alone.visible_px, abs=1e-3)
    assert before.visible_fraction == 1.0


def test_street_furniture_before_a_vehicle_takes_from_what_is_visible(stage: Stage) -> None:
    alone = the_only(compose(stage, [parked(1, look("SUV"), 13.0, 0.0)])[1])
    x1, y1, x2, y2 = alone.box
    half = (x2 - x1) // 2
    size = (y2 - y1, half)
    low, high = np.array([3, -3, 0], np.float32), np.array([3.1, -2.9, 4], np.float32)
    board = Prop(x1, y1, np.ones((*size, 3), np.float32), np.ones(size, np.float32), low, high)
    hidden = replace(stage, backdrop=Backdrop(stage.backdrop.picture, (board,)))
    one = the_only(compose(hidden, [parked(1, look("SUV"), 13.0, 0.0)])[1])
    assert one.box == alone.box
    assert 0.3 < one.visible_fraction < 0.7


def test_a_vehicle_across_the_frames_edge_is_cut(stage: Stage) -> None:
    one = the_only(compose(stage, [parked(1, look("CarouselBus"), 9.0, 4.0)])[1])
    assert one.cut
    assert one.visible_fraction == 1.0


def test_every_type_has_three_makes_of_two_models() -> None:
    tree = hierarchy()
    assert set(tree) == TYPES
    for makes in tree.values():
        assert len(makes) >= 3
        assert all(len(set(models)) >= 2 for models in makes.values())


def test_makes_agree_with_their_models_and_no_model_has_two_makes() -> None:
    owners: dict[str, set[str]] = {}
    for one in CATALOGUE:
        owners.setdefault(one.model, set()).add(one.make)
    assert all(len(makes) == 1 for makes in owners.values())


def test_two_models_of_a_make_differ_in_shape(stage: Stage) -> None:
    by_make: dict[tuple[str, str], list[NDArray[np.uint8]]] = {}
    for model in CATALOGUE:
        if model.type in ("Car", "Motorcycle"):
            drawn = replace(look("Car"), model=model, variant=0, coats={})
            picture, _ = compose(stage, [parked(1, drawn, 13.0, 0.0)])
            by_make.setdefault((model.type, model.make), []).append(picture)
    for first, second in by_make.values():
        changed = np.abs(first.astype(int) - second.astype(int)).max(axis=2) > 24
        assert int(changed.sum()) > 1500


def test_wheels_turn(stage: Stage) -> None:
    car = look("Car")
    still, rolled = (
        draw(car.mesh, Pose(10, -2, 1.5), stage.camera, car.dark, stage.light, turn) for turn in (0.0, 0.2)
    )
    assert still is not None
    assert rolled is not None
    assert not np.array_equal(still.colour, rolled.colour)
    assert float(np.abs(still.coverage - rolled.coverage).mean()) < 0.01


def test_a_box_between_the_eye_and_another_is_painted_after_it() -> None:
    near, far = [(2, 0, 0), (3, 1, 1)], [(4, -5, 0), (9, 5, 3)]
    low, high = (np.array([far[i], near[i]], np.float32) for i in (0, 1))
    assert back_to_front(low, high, np.array([0, 0, 2], np.float32)) == [0, 1]
    assert back_to_front(low, high, np.array([20, 0, 2], np.float32)) == [1, 0]


def test_queues_form_at_red_and_nobody_drives_through_another() -> None:
    flow = Flow(ROAD, np.random.default_rng(5), 0.2, (-30.0, 110.0))
    stood: set[int] = set()
    moved: set[int] = set()
    for _ in range(450):
        flow.step(1 / 15)
        for one in flow.vehicles:
            (stood if one.speed < 0.05 else moved).add(one.id)
        assert deepest_overlap_m(flow.vehicles) < 0.5
    assert len(stood & moved) >= 3


def deepest_overlap_m(vehicles: list[Vehicle]) -> float:
    deepest = 0.0
    for index, a in enumerate(vehicles):
        for b in vehicles[index + 1 :]:
            if a.direction == b.direction:
                along = (a.length + b.length) / 2 - abs(a.along - b.along)
                across = (a.width + b.width) / 2 - abs(a.y - b.y)
                deepest = max(deepest, min(along, across))
    return deepest


def test_close_ups_are_the_same_for_the_same_seed_and_show_their_vehicle() -> None:
    first, again = (list(islice(close_ups(2, models=CATALOGUE[:2], stages=1), 4)) for _ in range(2))
    assert [one.truth for one in first] == [one.truth for one in again]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    for one in first:
        assert_framed(one)


def assert_framed(one: CloseUp) -> None:
    height, width = one.image.shape[:2]
    x1, y1, x2, y2 = one.truth.box
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height
    assert (x2 - x1) * (y2 - y1) > 0.4 * height * width
    assert (one.truth.make, one.truth.model) in {("Toyota", "Vios"), ("Toyota", "Wigo")}


def test_frames_far_apart_move_on() -> None:
    first, second = islice(far_apart_frames(9, per_scene=2, every_s=3.0), 2)
    assert second.truth.offset_ms - first.truth.offset_ms == 3000
    assert first.truth.vehicles != second.truth.vehicles


def test_the_command_line_writes_a_clip_and_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = tmp_path / "x.mp4"
    assert main(f"--seed 7 --seconds 0.1 --vehicles-per-frame 2 --light dusk --out {video}".split()) == 0
    assert video.stat().st_size > 10_000
    assert json.loads(truth_path(video).read_text("utf-8").splitlines()[0])["scene"]["light"] == "dusk"
    assert "dusk" in capsys.readouterr().out

"""Training material: single vehicles as a snapshot shows them, and frames far apart in time, without end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from video_analysis.simulator.cameras import reach_m
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.rendering.frame import Image, Stage, compose
from video_analysis.simulator.rendering.sensor import Sensor
from video_analysis.simulator.scene import Picture, Scene, stage_from_seed
from video_analysis.simulator.scenery.roadway import Direction
from video_analysis.simulator.truth import SeenVehicle
from video_analysis.simulator.vehicles.fleet import CATALOGUE, sample_look
from video_analysis.simulator.vehicles.vehicle import Vehicle

TRIES = 60
SCENES_PER_SEED = 100_003
"""The scenes of seed s are those of Scene.from_seed from s times this number on."""
Rect = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class CloseUp:
    """A vehicle's crop (h×w×3 BGR uint8, its box with a margin, at the frame's own scale) and what is true of it.

    The truth's box is in the crop's pixels.
    """

    image: Image
    truth: SeenVehicle


def close_ups(
    seed: int,
    *,
    models: Sequence[Model] = CATALOGUE,
    per_stage: int = 150,
    stages: int = 6,
    least_px: int = 64,
    margin: float = 0.12,
) -> Iterator[CloseUp]:
    """Single vehicles of evenly drawn models at drawn places, poses, paints and lights, other vehicles before some.

    `stages` places are in use at a time, one of them replaced by another every `per_stage` crops (painting one takes
    about a second); `least_px` is the box's smallest long side. Endless; the same seed gives the same crops.
    """
    rng = np.random.default_rng((seed, 41))
    places = [_stage(seed, index) for index in range(stages)]
    count = 0
    while True:
        model = models[int(rng.integers(len(models)))]
        found = _close_up(places[count % stages], model, rng, least_px, margin)
        if found is not None:
            yield found
        count += 1
        if count % per_stage == 0:
            turn = count // per_stage
            places[turn % stages] = _stage(seed, stages + turn)


def far_apart_frames(seed: int, *, per_scene: int = 12, every_s: float = 2.5) -> Iterator[Picture]:
    """Whole frames with their truth from scene after scene, `every_s` seconds apart. Endless."""
    number = 0
    while True:
        scene = Scene.from_seed(seed * SCENES_PER_SEED + number)
        for _ in range(per_scene):
            yield scene.frame()
            scene.skip(every_s)
        number += 1


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    stage: Stage
    sensor: Sensor
    reach: tuple[float, float]


def _stage(seed: int, index: int) -> _Place:
    number = seed * SCENES_PER_SEED + 50_000 + index
    stage = stage_from_seed(number)
    size = (stage.camera.height_px, stage.camera.width_px)
    sensor = Sensor.of(stage.light, size, np.random.default_rng((number, 7)))
    return _Place(stage, sensor, reach_m(stage.camera, stage.road))


def _close_up(place: _Place, model: Model, rng: np.random.Generator, least_px: int, margin: float) -> CloseUp | None:
    """One crop; None where no place was found that shows enough of the vehicle."""
    stage = place.stage
    target, box = _placed(stage, place.reach, model, rng, least_px)
    if target is None:
        return None
    area = _with_margin(box, margin, rng, stage)
    near = stage_part(stage, area)
    seen = [target, *_neighbours(stage, target, rng)]
    image, truths = compose(near, seen)
    truth = next((one for one in truths if one.id == target.id), None)
    if truth is None or truth.visible_fraction < 0.55:
        return None
    image = place.sensor.expose(image, rng, (area[0], area[1]))
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 92))])
    return CloseUp(cv2.imdecode(packed, cv2.IMREAD_COLOR), truth)


def stage_part(stage: Stage, area: Rect) -> Stage:
    """The part of a stage that a rectangle of its picture shows."""
    left, top, right, bottom = area
    rect = (left, top, right - left, bottom - top)
    return Stage(stage.backdrop.cropped(*rect), stage.camera.cropped(*rect), stage.road, stage.light)


def _placed(
    stage: Stage, reach: tuple[float, float], model: Model, rng: np.random.Generator, least_px: int
) -> tuple[Vehicle | None, Rect]:
    """A vehicle somewhere on the road where it lies within the frame and is large enough; near places are likelier."""
    near, far = reach
    look = sample_look(rng, model)
    for _ in range(TRIES):
        direction: Direction = 1 if rng.random() < 0.5 else -1
        lane = int(rng.integers(stage.road.lanes))
        x = near + (far - near) * float(rng.random()) ** 1.8
        offset = float(rng.uniform(-1.2, 1.2) if model.type == "Motorcycle" else rng.normal(0, 0.2))
        speed = float(rng.choice([0.0, rng.uniform(3, 13)]))
        one = Vehicle(
            1, look, direction, x * direction, stage.road.lane_y(direction, lane) + offset, lane, speed, 10.0, 0.0
        )
        one.rolled, one.acceleration = float(rng.uniform(0, 3)), float(rng.choice([0.5, -1.0]))
        one.drift = float(rng.choice([0.0, 0.0, rng.uniform(-1.2, 1.2)])) if speed else 0.0
        box = _extent(stage, one)
        if box is not None and max(box[2] - box[0], box[3] - box[1]) >= least_px:
            return one, box
    return None, (0, 0, 0, 0)


def _extent(stage: Stage, one: Vehicle) -> Rect | None:
    """The projected box of a vehicle, where it lies in the frame all but for a small part."""
    mesh = one.look.mesh
    corners = np.array(
        [[x, y, z] for x in (mesh.low[0], mesh.high[0]) for y in (mesh.low[1], mesh.high[1]) for z in (0, mesh.high[2])]
    )
    pixels, depth = stage.camera.project(one.pose.to_world(corners.astype(np.float32)))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    slack = 0.06 * (high - low)
    size = (stage.camera.width_px, stage.camera.height_px)
    if depth.min() < 2 or (low < -slack).any() or (high > size + slack).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1


def _with_margin(box: Rect, margin: float, rng: np.random.Generator, stage: Stage) -> Rect:
    """The box as a detector would draw it, a little off, with its margin, within the frame."""
    wide, high = box[2] - box[0], box[3] - box[1]
    off = rng.normal(0, 0.025, 4) * [wide, high, wide, high]
    left, top = box[0] - margin * wide + off[0], box[1] - margin * high + off[1]
    right, bottom = box[2] + margin * wide + off[2], box[3] + margin * high + off[3]
    size = stage.camera.width_px, stage.camera.height_px
    return max(int(left), 0), max(int(top), 0), min(int(right), size[0]), min(int(bottom), size[1])


def _neighbours(stage: Stage, target: Vehicle, rng: np.random.Generator) -> list[Vehicle]:
    """Sometimes another vehicle close by, ahead, behind or in another lane."""
    if rng.random() > 0.45:
        return []
    look = sample_look(rng)
    direction: Direction = 1 if rng.random() < 0.5 else -1
    lane = int(rng.integers(stage.road.lanes))
    y = stage.road.lane_y(direction, lane)
    length = float(look.mesh.high[0] - look.mesh.low[0])
    apart = (length + target.length) / 2 + float(rng.uniform(1.5, 5))
    shift = apart * float(rng.choice([-1, 1])) if abs(y - target.y) < 2.4 else float(rng.uniform(-6, 6))
    x = target.x + shift
    return [Vehicle(2, look, direction, x * direction, y, lane, target.speed, 10.0, 0.0)]

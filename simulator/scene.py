"""A scene: a stretch of road in one light and weather, seen by one camera, with its traffic. A seed says it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from video_analysis.simulator.cameras import CAMERAS, reach_m, visible_length_m
from video_analysis.simulator.flow import Flow
from video_analysis.simulator.rendering.frame import Image, Stage, compose
from video_analysis.simulator.rendering.lighting import LIGHTS, WEATHERS, Light, Weather, sample_daylight
from video_analysis.simulator.rendering.sensor import Sensor, caption
from video_analysis.simulator.scenery.backdrop import paint_backdrop
from video_analysis.simulator.scenery.roadway import sample_roadway
from video_analysis.simulator.truth import FrameTruth, SceneFacts

MEAN_SPEED_M_S = {False: 8.5, True: 5.0}
"""Of all traffic, without and with a signal: what turns a density into arrivals."""
SUBSTEP_S = 0.1
RUN_UP_M = 18.0
"""Vehicles come into being this far outside the frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One frame (H×W×3 BGR uint8) and its truth."""

    image: Image
    truth: FrameTruth


@dataclass(slots=True, eq=False)
class Scene:
    """A scene and its clock. Frames come in order; `skip` lets traffic move on unseen."""

    facts: SceneFacts
    stage: Stage
    flow: Flow
    sensor: Sensor
    _rng: np.random.Generator
    _index: int = field(default=0)

    @staticmethod
    def from_seed(
        seed: int, *, weather: Weather | None = None, light: Light | None = None, camera: str | None = None,
        vehicles_per_frame: float | None = None, fps: int = 15,
    ) -> Scene:  # fmt: skip
        """Draw a scene. What is given is not drawn, and does not change what else the seed says.

        `vehicles_per_frame` is roughly how many are in the frame at 20 px height or more. ValueError for a camera
        that is not one of cameras.CAMERAS, and for less than one frame a second.
        """
        if fps < 1:
            raise ValueError(f"fps is {fps}; at least 1")
        drawn = float(np.random.default_rng((seed, 3)).uniform(3, 11))
        wanted = drawn if vehicles_per_frame is None else vehicles_per_frame
        stage = stage_from_seed(seed, weather=weather, light=light, camera=camera)
        view, road, daylight = stage.camera, stage.road, stage.light
        arrivals = wanted * MEAN_SPEED_M_S[road.signal_x is not None] / (visible_length_m(view, road) * 2 * road.lanes)
        near, far = reach_m(view, road)
        flow = Flow(road, np.random.default_rng((seed, 6)), max(arrivals, 1e-4), (near - RUN_UP_M, far + RUN_UP_M))
        flow.warm_up()
        facts = SceneFacts(
            seed, daylight.weather, daylight.light, view.name, fps, view.width_px, view.height_px, round(wanted, 2)
        )
        rng = np.random.default_rng((seed, 7))
        sensor = Sensor.of(daylight, (view.height_px, view.width_px), rng)
        return Scene(facts, stage, flow, sensor, rng)

    def frames(self, count: int) -> Iterator[Picture]:
        """The next `count` frames, 1 ÷ fps seconds apart."""
        for _ in range(count):
            yield self.frame()
            self._index += 1
            self.flow.step(1 / self.facts.fps)

    def frame(self) -> Picture:
        """The scene as it stands now."""
        image, seen = compose(self.stage, self.flow.vehicles)
        image = self.sensor.expose(image, self._rng)
        offset_ms = (self._index * 1000 + self.facts.fps // 2) // self.facts.fps
        caption(image, _clock(self.facts, offset_ms))
        return Picture(image, FrameTruth(self._index, offset_ms, seen))

    def skip(self, seconds: float) -> None:
        """Let time pass without painting; the clock of the frames goes on by whole frames."""
        for _ in range(round(seconds / SUBSTEP_S)):
            self.flow.step(SUBSTEP_S)
        self._index += round(seconds * self.facts.fps)


def stage_from_seed(
    seed: int, *, weather: Weather | None = None, light: Light | None = None, camera: str | None = None
) -> Stage:
    """A scene's road, camera, light and backdrop, without its traffic. ValueError for an unknown camera."""
    rngs = [np.random.default_rng((seed, stream)) for stream in (0, 1, 2, 4, 5)]
    light = light or LIGHTS[int(rngs[0].choice(3, p=[0.55, 0.2, 0.25]))]
    weather = weather or WEATHERS[int(rngs[1].choice(3, p=[0.5, 0.3, 0.2]))]
    name = list(CAMERAS)[int(rngs[2].integers(len(CAMERAS)))] if camera is None else camera
    if name not in CAMERAS:
        raise ValueError(f"camera {name!r}: known are {', '.join(CAMERAS)}")
    road = sample_roadway(rngs[3])
    view = CAMERAS[name](np.random.default_rng((seed, 8)), road)
    daylight = sample_daylight(rngs[4], light, weather)
    return Stage(paint_backdrop(view, road, daylight, rngs[4]), view, road, daylight)


def _clock(facts: SceneFacts, offset_ms: int) -> str:
    """A date and time for the caption that suit the seed and the light."""
    first_h, hours = {"day": (8.0, 8.5), "dusk": (17.8, 0.5), "night": (19.5, 4.0)}[facts.light]
    seconds = int((first_h + hours * (facts.seed * 7919 % 1000) / 1000) * 3600) + offset_ms // 1000
    day = 1 + facts.seed % 28
    return f"2026-03-{day:02d} {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

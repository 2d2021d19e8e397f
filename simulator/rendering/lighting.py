"""Daylight, dusk and street lamps: what a surface sends to the camera.

Colours are BGR, linear; a sunlit white wall is about 1. Diffuse light is a hemisphere (sky above, road below) and
one directional source; reflections are the same surroundings seen in the mirror direction with Schlick's Fresnel
term; metallic flakes add a sheen towards the viewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from video_analysis.simulator.rendering.geometry import Floats
from video_analysis.simulator.vehicles.paint import Skin

Light = Literal["day", "dusk", "night"]
Weather = Literal["clear", "overcast", "rain"]
LIGHTS: tuple[Light, ...] = ("day", "dusk", "night")
WEATHERS: tuple[Weather, ...] = ("clear", "overcast", "rain")


@dataclass(frozen=True, slots=True, eq=False)
class Daylight:
    """The light of one scene. Colours are BGR, linear; `sun` points towards the source."""

    light: Light
    weather: Weather
    sun: Floats
    sun_colour: Floats
    sky: Floats
    horizon: Floats
    bounce: Floats
    exposure: float
    shadow: float
    """How much of the light on the road a cast shadow takes, 0..1."""
    haze: Floats
    haze_per_m: float
    noise: float
    """Sensor noise, standard deviation in 8-bit steps."""
    shutter_s: float

    @property
    def lamps_on(self) -> bool:
        """Whether vehicles drive with their lamps lit."""
        return self.light != "day" or self.weather == "rain"


def shade(
    light: Daylight, skin: Skin, material: NDArray[np.int64], normal: Floats, to_eye: Floats, height: Floats
) -> Floats:
    """Display values [V, 3] (BGR, 0..1) of V points.

    They have a material index, a unit normal, a unit vector to the eye and a height above the road in metres.
    """
    albedo = skin.albedo[material][:, ::-1]
    up = normal[:, 2]
    open_sky = (0.5 + 0.5 * up)[:, None]
    near_road = np.clip(0.5 + 0.75 * height, 0.5, 1.0)[:, None]
    facing_sun = np.maximum(normal @ light.sun, 0.0)[:, None]
    ambient = (light.bounce + (light.sky - light.bounce) * open_sky) * near_road
    diffuse = albedo * (ambient + light.sun_colour * facing_sun)
    towards = np.clip((normal * to_eye).sum(axis=1), 0.0, 1.0)
    diffuse *= (1.0 + skin.flake[material] * (2.2 * towards**3 - 0.8))[:, None]
    fresnel = skin.mirror[material] + (1 - skin.mirror[material]) * (1 - towards) ** 5
    mirror = 2 * towards[:, None] * normal - to_eye
    reflected = surroundings(light, mirror) * (fresnel * skin.gloss[material])[:, None]
    half = to_eye + light.sun
    half = half / np.linalg.norm(half, axis=1, keepdims=True)
    glint = np.clip((normal * half).sum(axis=1), 0, 1) ** 40 * skin.gloss[material] * 0.8
    return tone((diffuse + reflected + glint[:, None] * light.sun_colour) * light.exposure + skin.glow[material])


def surroundings(light: Daylight, direction: Floats) -> Floats:
    """Light arriving from directions [V, 3]: the road below, a dark band of houses, bright sky above."""
    z = direction[:, 2:3]
    above = np.clip((z - 0.08) / 0.35, 0, 1)
    high = np.clip((z - 0.3) / 0.7, 0, 1)
    sky = light.horizon + (light.sky * 1.15 - light.horizon) * high
    houses = light.bounce * 0.65
    below = np.clip(-z * 4, 0, 1)
    ground = houses + (light.bounce * 0.9 - houses) * below
    seen: Floats = ground + (sky - ground) * above
    return seen


def tone(linear: Floats) -> Floats:
    """Linear light to display values 0..1: a shoulder above 0.8, then gamma 2.2."""
    knee = np.where(linear > 0.7, 0.7 + (1 - np.exp(-(linear - 0.7) / 0.3)) * 0.3, linear)
    shown: Floats = np.power(np.maximum(knee, 0), 1 / 2.2).astype(np.float32)
    return shown


def haze(shown: Floats, light: Daylight, distance_m: float) -> Floats:
    """Display colours seen through the air in between."""
    clear = math.exp(-light.haze_per_m * distance_m)
    veiled: Floats = (shown * clear + light.haze * (1 - clear)).astype(np.float32)
    return veiled


def sample_daylight(rng: np.random.Generator, light: Light, weather: Weather) -> Daylight:
    """Draw sun, sky and exposure for a light and a weather."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), _elevation(rng, light)
    sun = np.array(
        [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], np.float32
    )
    direct = _direct(rng, light, weather)
    sky = _SKIES[light] * (0.75 if weather == "rain" else 1.0) * rng.uniform(0.85, 1.15)
    if weather == "clear" and light == "day":
        sky = sky * 0.72
    elif weather != "clear":
        sky = sky * np.array([0.95, 1.0, 1.04], np.float32)
    sunlit = _SUNS[light] * direct
    bounce = 0.24 * (sky + sunlit * max(0.2, float(sun[2])))
    level = float((sky + sunlit * 0.6).mean())
    sunny = 1.28 if light == "day" and weather == "clear" else 1.0
    exposure = sunny * rng.uniform(0.92, 1.1) * {"day": 1.0, "dusk": 0.72, "night": 0.5}[light] / level
    return Daylight(
        light, weather, sun, sunlit.astype(np.float32), sky.astype(np.float32), _horizon(light, weather, sky),
        bounce.astype(np.float32), exposure, float(np.clip(direct * 0.6, 0.15, 0.8)),
        _haze(light, weather), {"clear": 0.0012, "overcast": 0.0022, "rain": 0.0065}[weather],
        {"day": 1.6, "dusk": 2.6, "night": 4.0}[light] * rng.uniform(0.8, 1.3),
        {"day": 1 / 250, "dusk": 1 / 90, "night": 1 / 50}[light],
    )  # fmt: skip


_SKIES = {
    "day": np.array([0.50, 0.44, 0.40], np.float32),
    "dusk": np.array([0.42, 0.34, 0.33], np.float32),
    "night": np.array([0.10, 0.095, 0.10], np.float32),
}
_SUNS = {
    "day": np.array([0.66, 0.77, 0.84], np.float32),
    "dusk": np.array([0.16, 0.33, 0.55], np.float32),
    "night": np.array([0.15, 0.24, 0.32], np.float32),
}
"""By night the directional source is the row of street lamps overhead."""


def _elevation(rng: np.random.Generator, light: Light) -> float:
    low, high = {"day": (38, 72), "dusk": (9, 20), "night": (62, 85)}[light]
    return float(np.radians(rng.uniform(low, high)))


def _direct(rng: np.random.Generator, light: Light, weather: Weather) -> float:
    if light == "night":
        return float(rng.uniform(0.7, 1.0))
    return float({"clear": rng.uniform(1.1, 1.35), "overcast": 0.22, "rain": 0.12}[weather])


def _horizon(light: Light, weather: Weather, sky: Floats) -> Floats:
    tint = {"day": (1.25, 1.3, 1.35), "dusk": (1.0, 1.45, 1.95), "night": (0.8, 0.9, 1.0)}[light]
    bright = sky * np.array(tint if weather == "clear" else (1.2, 1.22, 1.25), np.float32)
    return bright.astype(np.float32)


def _haze(light: Light, weather: Weather) -> Floats:
    shown = {"day": (0.80, 0.78, 0.75), "dusk": (0.50, 0.47, 0.50), "night": (0.13, 0.12, 0.12)}[light]
    dim = 0.85 if weather == "rain" else 1.0
    return np.array(shown, np.float32) * np.float32(dim)

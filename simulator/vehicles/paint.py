"""Body paint in the words of the contract: finish, base and lightness, and how each reflects light. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from video_analysis.simulator.rendering.geometry import Floats
from video_analysis.simulator.rendering.materials import NAMES, SURFACES, Rgb, Surface

Finish = Literal["Matte", "Metallic"]


@dataclass(frozen=True, slots=True)
class Paint:
    """One colour of a vehicle, as the contract's `colors` name it."""

    finish: Finish | None
    base: str
    lightness: Literal["Light"] | None

    def surface(self) -> Surface:
        """Its reflectance: gloss clear coat, a broad metallic sheen, or none."""
        albedo = BASES[self.base]
        if self.lightness == "Light":
            albedo = _paler(albedo)
        if self.finish == "Matte":
            return Surface(albedo, 0.03, 0.06)
        if self.finish == "Metallic":
            return Surface(albedo, 0.06, 0.85, flake=0.55)
        return Surface(albedo, 0.045, 0.9)


BASES: dict[str, Rgb] = {
    "White": (0.80, 0.80, 0.79),
    "Black": (0.010, 0.010, 0.011),
    "Silver": (0.45, 0.46, 0.47),
    "Gray": (0.10, 0.105, 0.11),
    "Red": (0.44, 0.012, 0.014),
    "Maroon": (0.11, 0.008, 0.014),
    "Orange": (0.70, 0.17, 0.012),
    "Yellow": (0.80, 0.52, 0.015),
    "Gold": (0.45, 0.32, 0.12),
    "Brown": (0.11, 0.055, 0.028),
    "Beige": (0.56, 0.47, 0.34),
    "Green": (0.015, 0.16, 0.045),
    "Cyan": (0.03, 0.42, 0.47),
    "Blue": (0.012, 0.05, 0.30),
    "Purple": (0.10, 0.022, 0.22),
    "Pink": (0.72, 0.20, 0.34),
}
"""Linear reflectance (red, green, blue) of each base colour of the contract."""

_COMMON = {
    "White": 24, "Black": 16, "Silver": 15, "Gray": 14, "Red": 9, "Blue": 6, "Brown": 3, "Maroon": 3, "Beige": 2,
    "Orange": 2, "Yellow": 1.5, "Green": 2, "Gold": 1, "Cyan": 1, "Purple": 0.7, "Pink": 0.7,
}  # fmt: skip
"""How often a colour drives by, roughly (manufacturers' surveys of South-East Asia)."""
_BRIGHT = dict.fromkeys(("Red", "Blue", "Green", "Yellow", "Orange", "Cyan", "Purple", "Pink", "White", "Black"), 1.0)
_LIGHT = {"White": 10.0, "Silver": 2.0, "Blue": 2.0, "Beige": 1.0, "Green": 1.0, "Red": 1.0, "Yellow": 0.8, "Cyan": 0.5}
_CAN_BE_LIGHT = ("Blue", "Green", "Brown", "Purple", "Pink", "Gray", "Yellow")


def sample_paint(rng: np.random.Generator, palette: str = "common", apart_from: str | None = None) -> Paint:
    """Draw a paint of another base than `apart_from`.

    The palette is `common` as cars wear it, `bright` for liveries and motorcycles, `light` for trucks and buses.
    """
    weights = dict({"common": _COMMON, "bright": _BRIGHT, "light": _LIGHT}[palette])
    if apart_from is not None:
        weights.pop(apart_from, None)
    names = list(weights)
    share = np.array(list(weights.values()))
    base = names[int(rng.choice(len(names), p=share / share.sum()))]
    light = base in _CAN_BE_LIGHT and rng.random() < 0.2
    return Paint(_finish(rng, base), base, "Light" if light else None)


def _finish(rng: np.random.Generator, base: str) -> Finish | None:
    if base in ("Silver", "Gold"):
        return "Metallic"
    draw = rng.random()
    metallic = 0.1 if base in ("White", "Yellow", "Pink", "Beige") else 0.45
    return "Metallic" if draw < metallic else "Matte" if draw > 0.95 else None


def _paler(albedo: Rgb) -> Rgb:
    mixed = [0.52 * value**0.8 + 0.30 for value in albedo]
    return (mixed[0], mixed[1], mixed[2])


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """Every material's properties for one vehicle, as arrays over materials.NAMES."""

    albedo: Floats
    mirror: Floats
    gloss: Floats
    flake: Floats
    glow: Floats
    """Light of its own, BGR."""

    @staticmethod
    def of(coats: dict[str, Surface]) -> Skin:
        """The table with the materials in `coats` replaced."""
        surfaces = [coats.get(name, SURFACES[name]) for name in NAMES]
        return Skin(
            np.array([one.albedo for one in surfaces], np.float32),
            np.array([one.mirror for one in surfaces], np.float32),
            np.array([one.gloss for one in surfaces], np.float32),
            np.array([one.flake for one in surfaces], np.float32),
            np.array([one.glow[::-1] for one in surfaces], np.float32),
        )

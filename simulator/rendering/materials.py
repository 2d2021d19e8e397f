"""What vehicles are made of besides paint: reflectances and gloss of each material, by name. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[float, float, float]
"""Linear reflectance, red, green, blue, 0..1."""


@dataclass(frozen=True, slots=True)
class Surface:
    """How a material answers light: diffuse reflectance, mirror share at normal incidence, and how clear it mirrors."""

    albedo: Rgb
    mirror: float = 0.04
    gloss: float = 0.0
    """0: no reflections at all; 1: the surroundings stand in it."""
    flake: float = 0.0
    """Metallic paint's own sheen, towards and away from the viewer."""
    glow: Rgb = (0.0, 0.0, 0.0)
    """Light of its own, in units of a sunlit white wall."""


PAINTS = ("paint", "paint2", "paint3")
"""Materials that an appearance fills in."""

SURFACES: dict[str, Surface] = {
    "paint": Surface((0.6, 0.6, 0.6), 0.05, 0.9),
    "paint2": Surface((0.6, 0.6, 0.6), 0.05, 0.9),
    "paint3": Surface((0.6, 0.6, 0.6), 0.05, 0.9),
    "cloth": Surface((0.25, 0.2, 0.2)),
    "trousers": Surface((0.05, 0.06, 0.1)),
    "helmet": Surface((0.1, 0.1, 0.1), 0.05, 0.8),
    "cargo": Surface((0.5, 0.5, 0.48), 0.04, 0.15),
    "glass": Surface((0.012, 0.016, 0.016), 0.07, 1.0),
    "clear": Surface((0.05, 0.06, 0.06), 0.06, 1.0),
    "black": Surface((0.012, 0.012, 0.013), 0.05, 0.5),
    "plastic": Surface((0.03, 0.03, 0.032), 0.04, 0.12),
    "seam": Surface((0.02, 0.02, 0.02)),
    "under": Surface((0.008, 0.008, 0.008)),
    "chrome": Surface((0.22, 0.22, 0.22), 0.55, 1.0),
    "steel": Surface((0.35, 0.36, 0.37), 0.2, 0.5),
    "silver": Surface((0.45, 0.46, 0.47), 0.12, 0.5),
    "lamp": Surface((0.62, 0.64, 0.66), 0.1, 1.0),
    "drl": Surface((0.85, 0.87, 0.9), 0.1, 1.0),
    "housing": Surface((0.06, 0.065, 0.07), 0.08, 1.0),
    "fog": Surface((0.55, 0.55, 0.5), 0.1, 0.8),
    "tail": Surface((0.42, 0.012, 0.015), 0.08, 0.9),
    "reverse": Surface((0.5, 0.48, 0.46), 0.08, 0.9),
    "amber": Surface((0.75, 0.25, 0.02), 0.08, 0.8),
    "tyre": Surface((0.018, 0.018, 0.019), 0.03, 0.05),
    "tread": Surface((0.012, 0.012, 0.012)),
    "rim": Surface((0.42, 0.43, 0.44), 0.15, 0.5),
    "darkrim": Surface((0.05, 0.05, 0.055), 0.12, 0.5),
    "gap": Surface((0.015, 0.015, 0.016)),
    "plate": Surface((0.78, 0.78, 0.78), 0.03, 0.1),
    "print": Surface((0.8, 0.8, 0.8), 0.04, 0.2),
    "skin": Surface((0.36, 0.2, 0.12)),
    "hair": Surface((0.012, 0.01, 0.01)),
    "wood": Surface((0.22, 0.13, 0.06)),
    "canvas": Surface((0.12, 0.16, 0.1)),
    "sack": Surface((0.5, 0.43, 0.3)),
    "crate": Surface((0.35, 0.22, 0.1)),
    "seat": Surface((0.03, 0.03, 0.032), 0.04, 0.1),
    "white": Surface((0.75, 0.75, 0.74), 0.05, 0.6),
    "red": Surface((0.5, 0.02, 0.02), 0.05, 0.7),
    "blue": Surface((0.02, 0.06, 0.35), 0.05, 0.7),
    "yellow": Surface((0.8, 0.55, 0.03), 0.05, 0.6),
    "green": Surface((0.03, 0.3, 0.08), 0.05, 0.6),
}

NAMES = tuple(SURFACES)
INDEX = {name: index for index, name in enumerate(NAMES)}

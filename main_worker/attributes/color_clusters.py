"""The coats of a vehicle: what has one hue, whatever light and shade do to it, and the grey that is left. Pure.

The constants were set by hand with 180 photographs (../shared/data/colour) and the first scenes of the traffic world
in view; benchmarks/colour.py counts those scenes apart from the ones that nobody had seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from video_analysis.main_worker.attributes.paint_mask import Floats, Paint

MOST = 3
HALF_HUE = 28
"""Degrees on each side of a coat's strongest hue that belong to it."""
LEAST_CHROMA = ((0, 60, 75, 95, 125, 190, 225, 300, 330, 360), (8, 8, 6, 6, 11, 11, 15, 15, 9, 8))
"""Hue, and the CIELAB chroma above which it is one: glass and grey paint mirror the sky, so blue needs more."""
MOST_CHROMA = 34.0
"""Beyond it a colour is no more evident: tail lamps are small and more colourful than any paint."""
LOADED = ("Utility", "LightTruck")
"""Types on which a pale brown may be a load."""
LIT, LIT_SHARE, LIT_SHARE_GLAZED = 46.0, 0.36, 0.22
"""Pixels lighter than that are the paint if they are that share of the grey ones; less where there is much glass."""
WHITE_LIGHTNESS = 72.0
WHITENESS = (-7.15, 0.16, -0.075, 0.03)
"""Weights of 1, the light pixels' lower quartile and median, and what 95% of the picture is darker than (CIELAB).
White is light from every side, silver only where it faces the sky or the camera. Logistic regression on photographs
and the traffic world, mean of the fits to either half."""
GLAZED = ("CarouselBus", "E-Jeepney", "LightTruck", "Van")


@dataclass(frozen=True, slots=True)
class Coat:
    """Pixels of one hue: their share of the body, and their middle in CIELAB."""

    share: float
    lightness: float
    chroma: float
    hue: float
    """Degrees."""
    evidence: float
    """How much speaks for it being paint."""


@dataclass(frozen=True, slots=True)
class Grey:
    """The paint without a hue."""

    level: float
    """CIELAB lightness."""
    whiteness: float
    """Log odds of white against silver, should it be one of the two."""
    white_share: float
    """Of the body."""


def coats(body: Paint, yolo_type: str | None) -> list[Coat]:
    """The hues of a body, the most evident first."""
    left, found = body.weight * colourfulness(body), []
    for _ in range(MOST):
        strength = left * body.chroma
        bins = np.bincount((body.hue / 10).astype(np.int64) % 36, strength, 36)
        centre = 10 * int((np.roll(bins, 1) + 2 * bins + np.roll(bins, -1)).argmax()) + 5
        offset = (body.hue - centre + 180) % 360 - 180
        inside = np.abs(offset) < HALF_HUE
        share = float(left[inside].sum())
        if share < 0.02:
            break
        lightness, chroma, aside = (
            quantile(one[inside], strength[inside], 0.5) for one in (body.lightness, body.chroma, offset)
        )
        hue = (centre + aside) % 360
        found.append(Coat(share, lightness, chroma, hue, _evidence(share, lightness, chroma, hue, yolo_type)))
        left = np.where(inside, 0, left)
    return sorted(found, key=lambda coat: -coat.evidence)


def colourfulness(body: Paint) -> Floats:
    """0 for grey pixels to 1 for coloured ones; in near black a hue is noise."""
    ramp = np.clip((body.chroma - np.interp(body.hue, *LEAST_CHROMA)) / 6, 0, 1)
    return np.asarray(ramp * np.clip((body.lightness - 3) / 6, 0, 1), np.float32)


def _evidence(share: float, lightness: float, chroma: float, hue: float, yolo_type: str | None) -> float:
    """Share × chroma, less for what looks like tail lamps or cardboard, more for pale brown on anything unloaded."""
    evidence = share * min(chroma, MOST_CHROMA)
    if 10 < hue < 45 and chroma > 45 and share < 0.2:
        return evidence * 0.5
    if lightness > 56 and 55 < hue < 105 and chroma < 25:
        return evidence * (0.5 if yolo_type in LOADED else 1.8)
    return evidence


def grey_of(body: Paint, yolo_type: str | None) -> Grey:
    """What paint without a hue is like: of the light pixels if there are enough of them, else of all.

    Glass, tyres and grilles are dark on every vehicle, so dark pixels tell of paint only where there is nothing else.
    """
    grey = np.asarray(body.weight * (1 - colourfulness(body)), np.float32)
    light = np.where(body.lightness > LIT, grey, 0)
    least = LIT_SHARE_GLAZED if yolo_type in GLAZED else LIT_SHARE
    paint_px = light if light.sum() > least * grey.sum() else grey
    low, level = (quantile(body.lightness, paint_px, share) for share in (0.25, 0.5))
    seen = (1, low, level, float(np.percentile(body.lightness, 95)))
    white = float(grey[body.lightness > WHITE_LIGHTNESS].sum())
    return Grey(level, float(np.dot(WHITENESS, seen)), white)


def quantile(values: Floats, weight: Floats, share: float) -> float:
    """The value below which `share` of the weight lies; 0 for no weight."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weight[order], dtype=np.float64)
    if not len(running) or running[-1] <= 0:
        return 0.0
    return float(values[order[int(np.searchsorted(running, share * running[-1]))]])

"""Clusters of vehicle paint: pixels of one hue, bright or shaded, and the neutral tone of the rest. Pure.

The constants were set by hand on 180 photographs and the first simulated scenes. benchmarks/colour.py therefore
reports those scenes separately from unseen ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from video_analysis.main_worker.attributes.paint_mask import Floats, Paint

MAX_CLUSTERS = 3
HALF_WIDTH_DEG = 28
"""A cluster has the hues within this distance of its peak."""
MIN_CLUSTER_SHARE = 0.02
MIN_CHROMA = ((0, 60, 75, 95, 125, 190, 225, 300, 330, 360), (8, 8, 6, 6, 11, 11, 15, 15, 9, 8))
"""(hues, CIELAB chroma above which a pixel has that hue). Higher for blue: glass and grey paint reflect the sky."""
MAX_CHROMA = 34.0
"""A higher chroma adds no evidence: tail lamps are small and more saturated than paint."""
DARK_BROWN_FACTOR = 2.2
"""Factor of the evidence of dark brown: most of such a vehicle is too dark to have a hue. benchmarks/colour_folds.py
compares it with others."""
LOADED = ("Utility", "LightTruck")
"""Types on which pale brown may be a load."""
BRIGHT_LIGHTNESS, BRIGHT_SHARE, BRIGHT_SHARE_GLAZED = 46.0, 0.36, 0.22
"""Neutral pixels above this lightness are taken as paint if their share of all neutral pixels exceeds the second value;
for GLAZED types, the third value."""
WHITE_LIGHTNESS = 72.0
WHITENESS = (-7.15, 0.16, -0.075, 0.03)
"""Weights of a constant, the lower quartile and median lightness of the paint, and the image's 95th percentile.
White is bright on every side, silver only on sides that face the sky or the camera. The weights are from a logistic
regression on photographs and simulated scenes: the mean of the fits to both halves."""
GLAZED = ("CarouselBus", "E-Jeepney", "LightTruck", "Van")
"""Types with large windows."""


@dataclass(frozen=True, slots=True)
class ColorCluster:
    """Pixels of one hue: their share of the body, and their median in CIELAB."""

    share: float
    lightness: float
    chroma: float
    hue: float
    """Degrees."""
    evidence: float
    """Share × chroma, weighted: a higher value is more likely paint."""


@dataclass(frozen=True, slots=True)
class NeutralTone:
    """Paint without a hue."""

    level: float
    """CIELAB lightness."""
    whiteness: float
    """Log odds of white against silver, if it is one of the two."""
    white_share: float
    """Share of the white pixels in the body."""


def clusters(body: Paint, yolo_type: str | None, dark_brown_factor: float = DARK_BROWN_FACTOR) -> list[ColorCluster]:
    """The hues of a body, highest evidence first."""
    remaining, found = body.weight * colourfulness(body), []
    for _ in range(MAX_CLUSTERS):
        strength = remaining * body.chroma
        bins = np.bincount((body.hue / 10).astype(np.int64) % 36, strength, 36)
        centre = 10 * int((np.roll(bins, 1) + 2 * bins + np.roll(bins, -1)).argmax()) + 5
        offset = (body.hue - centre + 180) % 360 - 180
        inside = np.abs(offset) < HALF_WIDTH_DEG
        share = float(remaining[inside].sum())
        if share < MIN_CLUSTER_SHARE:
            break
        lightness, chroma, shift = (
            quantile(one[inside], strength[inside], 0.5) for one in (body.lightness, body.chroma, offset)
        )
        hue = (centre + shift) % 360
        evidence = _evidence(share, lightness, chroma, hue, yolo_type)
        evidence *= dark_brown_factor if _is_dark_brown(lightness, chroma, hue) else 1
        found.append(ColorCluster(share, lightness, chroma, hue, evidence))
        remaining = np.where(inside, 0, remaining)
    return sorted(found, key=lambda cluster: -cluster.evidence)


def colourfulness(body: Paint) -> Floats:
    """Per pixel, 0 (neutral) to 1 (has a hue); near black the hue is noise."""
    ramp = np.clip((body.chroma - np.interp(body.hue, *MIN_CHROMA)) / 6, 0, 1)
    return np.asarray(ramp * np.clip((body.lightness - 3) / 6, 0, 1), np.float32)


def _is_dark_brown(lightness: float, chroma: float, hue: float) -> bool:
    return lightness < 36 and chroma < 28 and 30 < hue < 72


def _evidence(share: float, lightness: float, chroma: float, hue: float, yolo_type: str | None) -> float:
    """Share × chroma; lower for colours of tail lamps and cardboard, higher for pale brown on types without loads."""
    evidence = share * min(chroma, MAX_CHROMA)
    if 10 < hue < 45 and chroma > 45 and share < 0.2:
        return evidence * 0.5
    if lightness > 56 and 55 < hue < 105 and chroma < 25:
        return evidence * (0.5 if yolo_type in LOADED else 1.8)
    return evidence


def neutral_tone(body: Paint, yolo_type: str | None) -> NeutralTone:
    """The tone of the bright neutral pixels if there are enough of them, else of all neutral pixels.

    Glass, tyres and grilles are dark on every vehicle, so dark pixels are taken as paint only if there are few others.
    """
    neutral = np.asarray(body.weight * (1 - colourfulness(body)), np.float32)
    bright = np.where(body.lightness > BRIGHT_LIGHTNESS, neutral, 0)
    min_share = BRIGHT_SHARE_GLAZED if yolo_type in GLAZED else BRIGHT_SHARE
    paint = bright if bright.sum() > min_share * neutral.sum() else neutral
    quartile, median = (quantile(body.lightness, paint, share) for share in (0.25, 0.5))
    features = (1, quartile, median, float(np.percentile(body.lightness, 95)))
    white = float(neutral[body.lightness > WHITE_LIGHTNESS].sum())
    return NeutralTone(median, float(np.dot(WHITENESS, features)), white)


def quantile(values: Floats, weight: Floats, share: float) -> float:
    """The value below which `share` of the weight lies; 0 if the weight is 0."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weight[order], dtype=np.float64)
    if not len(running) or running[-1] <= 0:
        return 0.0
    return float(values[order[int(np.searchsorted(running, share * running[-1]))]])

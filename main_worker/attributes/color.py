"""The colours of a vehicle in the contract's terms: finish, base, lightness, confidence. Pure.

Each cluster of paint pixels is named once, by its median colour. Hue takes precedence over neutral tones, since glass,
tyres and grilles are grey on every vehicle. The bounds between names are the CIELAB hues at which the English
name changes. The bounds between neutral tones come from the same photographs as the constants in color_clusters.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import exp
from typing import Literal

from video_analysis.main_worker.attributes import paint_mask
from video_analysis.main_worker.attributes.color_clusters import (
    DARK_BROWN_FACTOR,
    ColorCluster,
    NeutralTone,
    clusters,
    neutral_tone,
)
from video_analysis.main_worker.types import SnapshotImage

Finish = Literal["Matte", "Metallic"]
Lightness = Literal["Light"]

MAX_COLORS = 3
HUE_MIDPOINT, HUE_WIDTH = 4.4, 1.2
"""Evidence (share × chroma) at which a hue is the paint with probability 0.5, and the width of that logistic curve."""
SECOND_EVIDENCE, SECOND_SHARE = 5.0, 0.12
"""Minimum evidence and share of a further cluster."""
WHITE_SHARE = 0.3
"""Minimum share of white beside a hue."""
BLACK_MAX, GRAY_MAX = 31.5, 55.0
"""Maximum CIELAB lightness of neutral paint that is named black, and of neutral paint that is named gray."""
NEUTRAL_WIDTH = 5.0
"""Width of the logistic curves at these bounds, in CIELAB lightness."""
HUE_CONF_MAX, NEUTRAL_CONF = 0.94, (0.45, 0.33)
"""Calibration to the observed accuracy: the maximum for a hue; (intercept, slope) of the maximum for a neutral tone."""
LIGHT_FROM = {"Blue": 62.0, "Green": 68.0, "Purple": 58.0, "Pink": 72.0, "Brown": 56.0}
"""Minimum CIELAB lightness at which a colour is named light, if its chroma is below PALE_CHROMA."""
PALE_CHROMA = 40.0


@dataclass(frozen=True, slots=True)
class Color:
    """One colour of a vehicle."""

    finish: Finish | None
    base: str
    lightness: Lightness | None
    conf: float

    def to_json(self) -> dict[str, object]:
        """As stored in image_analysis_results.colors."""
        return asdict(self) | {"conf": round(self.conf, 4)}


def colors(
    image: SnapshotImage, yolo_type: str | None = None, dark_brown_factor: float = DARK_BROWN_FACTOR
) -> list[Color]:
    """One to three colours of a letterboxed vehicle (640×640×3 BGR), the main one first; none for an empty image.

    Further colours are in order of their share. `yolo_type` selects where paint and loads are expected.
    """
    body = paint_mask.read(image, yolo_type)
    if body is None:
        return []
    found = clusters(body, yolo_type, dark_brown_factor)
    neutral = neutral_tone(body, yolo_type)
    hue_prob = _logistic(found[0].evidence, HUE_MIDPOINT) if found else 0.0
    if hue_prob > 0.5:
        named = [_name_hue(found[0], hue_prob), *_further(found[1:], neutral.white_share)]
    else:
        named = [_name_neutral(neutral, 1 - hue_prob), *_further(found, 0)]
    return _dedupe(named)[:MAX_COLORS]


def _name_neutral(tone: NeutralTone, conf: float) -> Color:
    """Black, gray, silver or white; the confidence decreases towards the bounds between them."""
    black, dark = (1 - _logistic(tone.level, bound, NEUTRAL_WIDTH) for bound in (BLACK_MAX, GRAY_MAX))
    white = _logistic(tone.whiteness, 0, 1)
    if tone.level <= GRAY_MAX:
        base, prob = ("Black", black) if tone.level <= BLACK_MAX else ("Gray", dark - black)
    else:
        base, prob = ("White", (1 - dark) * white) if white > 0.5 else ("Silver", (1 - dark) * (1 - white))
    return Color(_finish(base), base, None, conf * min(prob, NEUTRAL_CONF[0] + NEUTRAL_CONF[1] * prob))


def _name_hue(cluster: ColorCluster, conf: float) -> Color:
    """The colour of a cluster; the confidence is lower if a small change of the light changes the name."""
    base = name(cluster.lightness, cluster.chroma, cluster.hue)
    votes = [name(*variation) == base for variation in _variations(cluster)]
    is_light = cluster.chroma < PALE_CHROMA and cluster.lightness >= LIGHT_FROM.get(base, 101)
    calibrated = HUE_CONF_MAX * (conf * (0.4 + 0.6 * sum(votes) / len(votes))) ** 2
    return Color(_finish(base), base, "Light" if is_light else None, calibrated)


def _variations(cluster: ColorCluster) -> Iterator[tuple[float, float, float]]:
    for step in (-1, 1):
        yield cluster.lightness + 6 * step, cluster.chroma, cluster.hue
        yield cluster.lightness, max(0.0, cluster.chroma * (1 + 0.15 * step)), cluster.hue
        yield cluster.lightness, cluster.chroma, (cluster.hue + 6 * step) % 360


def _further(found: list[ColorCluster], white_share: float) -> list[Color]:
    """Further clusters of sufficient size and white, largest first. Darker neutral tones may be glass: not included."""
    named = [
        (cluster.share, _name_hue(cluster, _logistic(cluster.evidence, SECOND_EVIDENCE)))
        for cluster in found
        if cluster.share >= SECOND_SHARE and cluster.evidence > SECOND_EVIDENCE
    ]
    if white_share > WHITE_SHARE:
        named.append((white_share, Color(None, "White", None, min(1.0, white_share))))
    return [color for _, color in sorted(named, key=lambda pair: -pair[0])]


def _dedupe(named: list[Color]) -> list[Color]:
    """The first colour of each base."""
    first: dict[str, Color] = {}
    for one in named:
        first.setdefault(one.base, one)
    return list(first.values())


def _finish(base: str) -> Finish | None:
    """Silver and gold are metallic paints; the finish of other colours cannot be seen at this size."""
    return "Metallic" if base in ("Silver", "Gold") else None


def _logistic(value: float, midpoint: float, width: float = HUE_WIDTH) -> float:
    return 1 / (1 + exp(-(value - midpoint) / width))


def name(lightness: float, chroma: float, hue: float) -> str:
    """The base colour of a CIELAB value that is not neutral; hue in degrees."""
    if 102 <= hue < 302:
        return "Green" if hue < 190 else "Cyan" if hue < 210 else "Blue"
    if 302 <= hue < 325:
        return "Pink" if lightness > 55 else "Purple"
    if hue >= 325 or hue < 12:
        return "Pink" if lightness > 28 else "Maroon"
    return _reddish(lightness, chroma, hue) if hue < 45 else _yellowish(lightness, chroma, hue)


def _reddish(lightness: float, chroma: float, hue: float) -> str:
    if lightness > 60 and chroma < 50:
        return "Pink"
    if chroma > 40 or (chroma > 30 and hue < 40):
        return "Red"
    return "Maroon" if hue < 25 or (hue < 35 and chroma > 24) else "Brown"


def _yellowish(lightness: float, chroma: float, hue: float) -> str:
    if hue < 69 and chroma > 32 and lightness > 33:
        return "Orange"
    if hue >= 69 and chroma > 35:
        return "Yellow"
    if hue < 62 and chroma > 24 and lightness > 58:
        return "Orange"
    if lightness > 62 and chroma < 30:
        return "Beige"
    return "Gold" if hue > 70 and chroma > 22 and lightness > 42 else "Brown"

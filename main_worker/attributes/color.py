"""The colours of a vehicle picture in the contract's words (DESIGN 1.5): finish, base, lightness, confidence. Pure.

Each coat is named once, by its middle. Coloured paint speaks before grey, since glass, tyres and grilles are grey on
every vehicle. The bounds between names lie where CIELAB's hues change their names in English; those between greys
come from the same pictures as the constants in coats.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import exp
from typing import Literal

from video_analysis.main_worker.attributes import paint_mask
from video_analysis.main_worker.attributes.color_clusters import ColorCluster, NeutralTone, coats, grey_of
from video_analysis.main_worker.types import SnapshotImage

Finish = Literal["Matte", "Metallic"]
Lightness = Literal["Light"]

MOST = 3
ENOUGH, DOUBT = 4.4, 1.2
"""Evidence (share × chroma) at which a hue is as likely the paint as not, and how fast that becomes certain."""
SECOND, SECOND_SHARE = 5.0, 0.12
"""What a further coat needs of evidence and share."""
WHITE_SHARE = 0.3
"""What white beside a colour needs."""
BLACK_LEVEL, GRAY_LEVEL = 31.5, 55.0
"""Up to which CIELAB lightness grey paint is called black and gray."""
GREY_DOUBT = 5.0
SURE, GREY_SURE = 0.94, (0.45, 0.33)
"""What bends confidences to how often they are right: of a hue, the most; of a grey, (least, slope) of the most."""
LIGHT = {"Blue": 62.0, "Green": 68.0, "Purple": 58.0, "Pink": 72.0, "Brown": 56.0}
"""From which CIELAB lightness on a colour is called light, if its chroma is below PALE."""
PALE = 40.0


@dataclass(frozen=True, slots=True)
class Color:
    """One colour of a vehicle."""

    finish: Finish | None
    base: str
    lightness: Lightness | None
    conf: float

    def to_json(self) -> dict[str, object]:
        """As it stands in image_analysis_results.colors."""
        return asdict(self) | {"conf": round(self.conf, 4)}


def colors(picture: SnapshotImage, yolo_type: str | None = None) -> list[Color]:
    """The one to three colours of a letterboxed vehicle (640×640×3 BGR), its main one first; none in an empty picture.

    The others follow by how much they cover. `yolo_type` says where paint and loads are to be expected.
    """
    body = paint_mask.read(picture, yolo_type)
    if body is None:
        return []
    found = coats(body, yolo_type)
    grey = grey_of(body, yolo_type)
    coloured = _certainty(found[0].evidence, ENOUGH) if found else 0.0
    if coloured > 0.5:
        said = [_of_hue(found[0], coloured), *_others(found[1:], grey.white_share)]
    else:
        said = [_of_grey(grey, 1 - coloured), *_others(found, 0)]
    return _dedupe(said)[:MOST]


def _of_grey(grey: NeutralTone, conf: float) -> Color:
    """Black, gray, silver or white; its confidence falls towards the bounds between them."""
    black, dark = (1 - _certainty(grey.level, bound, GREY_DOUBT) for bound in (BLACK_LEVEL, GRAY_LEVEL))
    white = _certainty(grey.whiteness, 0, 1)
    if grey.level <= GRAY_LEVEL:
        base, sure = ("Black", black) if grey.level <= BLACK_LEVEL else ("Gray", dark - black)
    else:
        base, sure = ("White", (1 - dark) * white) if white > 0.5 else ("Silver", (1 - dark) * (1 - white))
    return Color(_finish(base), base, None, conf * min(sure, GREY_SURE[0] + GREY_SURE[1] * sure))


def _of_hue(coat: ColorCluster, conf: float) -> Color:
    """A coat by its name; its confidence falls where a slightly different light would change the name."""
    base = name(coat.lightness, coat.chroma, coat.hue)
    votes = [name(*moved) == base for moved in _moved(coat)]
    light: Lightness | None = "Light" if coat.chroma < PALE and coat.lightness >= LIGHT.get(base, 101) else None
    return Color(_finish(base), base, light, SURE * (conf * (0.4 + 0.6 * sum(votes) / len(votes))) ** 2)


def _moved(coat: ColorCluster) -> Iterator[tuple[float, float, float]]:
    for step in (-1, 1):
        yield coat.lightness + 6 * step, coat.chroma, coat.hue
        yield coat.lightness, max(0.0, coat.chroma * (1 + 0.15 * step)), coat.hue
        yield coat.lightness, coat.chroma, (coat.hue + 6 * step) % 360


def _others(found: list[ColorCluster], white: float) -> list[Color]:
    """Further coats that cover enough, the widest first; white beside a colour, but no darker grey: that is glass."""
    said = [
        (coat.share, _of_hue(coat, _certainty(coat.evidence, SECOND)))
        for coat in found
        if coat.share >= SECOND_SHARE and coat.evidence > SECOND
    ]
    if white > WHITE_SHARE:
        said.append((white, Color(None, "White", None, min(1.0, white))))
    return [color for _, color in sorted(said, key=lambda pair: -pair[0])]


def _dedupe(said: list[Color]) -> list[Color]:
    """Each base once, where it was said first."""
    first: dict[str, Color] = {}
    for one in said:
        first.setdefault(one.base, one)
    return list(first.values())


def _finish(base: str) -> Finish | None:
    """Silver and gold are metallic paints; of other colours a picture this small does not say."""
    return "Metallic" if base in ("Silver", "Gold") else None


def _certainty(value: float, middle: float, doubt: float = DOUBT) -> float:
    return 1 / (1 + exp(-(value - middle) / doubt))


def name(lightness: float, chroma: float, hue: float) -> str:
    """The base colour at a place in CIELAB that is not grey; hue in degrees."""
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

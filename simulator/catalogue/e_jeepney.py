"""Electric jeepneys: the classic nose, the solar ones, and the minibus-like ones."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.catalogue.jeepney_outlines import blunt, nosed
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.vehicles.car_body import CarBody
from video_analysis.simulator.vehicles.jeepney_body import JeepneyBody
from video_analysis.simulator.vehicles.shell import Shell
from video_analysis.simulator.vehicles.trim import Trim, band, pair, sign

Trims = tuple[Trim, ...]


def _stripes(length: float, low: float) -> Trims:
    """The painted bands below the openings."""
    first = ((1.3, low), (length - 0.1, low), (length - 0.1, low + 0.14), (1.8, low + 0.14))
    second = ((1.7, low + 0.2), (length - 0.1, low + 0.2), (length - 0.1, low + 0.28), (2.0, low + 0.28))
    return (Trim("side", "paint2", first, detail=4), Trim("side", "paint3", second, detail=6))


def _slots(low: float, high: float, half: float, count: int) -> list[Trim]:
    """The upright bars of a jeep's grille."""
    step = 2 * half / count
    bars = [-half + step * (i + 0.5) for i in range(count)]
    return [
        Trim("front", "chrome", ((b - 0.015, low), (b + 0.015, low), (b + 0.015, high), (b - 0.015, high)), detail=16)
        for b in bars
    ]


def _jeep(
    shell: Shell,
    axles: tuple[float, float],
    screen: tuple[float, float],
    pane: tuple[float, float],
    trims: Trims,
    rim: str = "steel",
) -> CarBody:
    return CarBody(shell, axles, 0.38, rim, screen, None, (pane,), 0.74, trims=trims, mirror_s=screen[0] + 0.1)


_TRANSPORTER = JeepneyBody(
    _jeep(
        nosed(6.9, 1.25, 2.36), (.75, 5.2), (1.28, 1.5), (1.5, 2.15),
        (
            band("front", "steel", (.62, 1.08), (.78, .74), detail=4),
            band("front", "black", (.66, 1.04), (.36, .36), detail=5), *_slots(.66, 1.04, .34, 7),
            *o.round_head(.60, .86, .12, 2.0), band("front", "chrome", (.44, .58), (.86, .86), detail=5),
            sign("front", "words/FRANCISCO/silver/black", (0, 1.12), (.6, .07), 16), o.front_plate(.5),
            *_stripes(6.9, .62), o.tail((.74, .62), (.92, .62), (.92, .8), (.74, .8)),
            band("rear", "steel", (2.04, 2.2), (.8, .7), detail=5),
            sign("rear", "words/CUBAO/red/silver", (0, 2.12), (.7, .12), 10),
            band("rear", "chrome", (.44, .56), (.8, .8), detail=6), sign("rear", "plate", (.6, .5), (.44, .15)),
        ), "cap",
    ),
    ((2.3, 3.5), (3.56, 4.8), (4.86, 6.5)), 1.24, 1.98, rack=True, visor="CUBAO QUIAPO",
)  # fmt: skip

_HERITAGE = JeepneyBody(
    _jeep(
        nosed(5.2, 1.0, 2.16, width=1.82, bonnet=(1.08, 1.2), nose=.86), (.68, 4.0), (1.03, 1.25), (1.26, 1.9),
        (
            band("front", "paint2", (.6, 1.04), (.84, .82), detail=4), *o.round_head(.66, .86, .14, 1.82),
            *_slots(.66, 1.02, .38, 5), band("front", "steel", (.44, .54), (.9, .9), detail=5),
            pair("front", "amber", (.84, .7), (.92, .7), (.92, .78), (.84, .78)),
            sign("front", "words/FRANCISCO/red/white", (0, .60), (.6, .07), 16), o.front_plate(.49),
            *_stripes(5.2, .66), o.tail((.7, .62), (.84, .62), (.84, .76), (.7, .76)),
            sign("rear", "words/FRANCISCO/white/red", (0, 1.93), (1.0, .15), 8),
            sign("rear", "plate", (.62, .5), (.44, .15)),
        ),
    ),
    ((2.05, 3.2), (3.26, 4.85)), 1.2, 1.82, visor="LIBERTAD", door=(.45, 1.78),
)  # fmt: skip

_TRIBE = JeepneyBody(
    _jeep(
        nosed(5.8, .62, 2.4, bonnet=(1.2, 1.34), nose=.9), (.72, 4.5), (.64, .87), (.95, 1.6),
        (
            band("front", "white", (.56, 1.16), (.5, .5), detail=5),
            pair("front", "housing", (.56, .72), (.9, .72), (.9, .98), (.56, .98), detail=5),
            pair("front", "lamp", (.62, .76), (.84, .76), (.84, .94), (.62, .94), detail=5),
            sign("front", "badge/Star8", (0, .92), (.34, .26), 8),
            band("front", "plastic", (.42, .56), (.96, .96), detail=5), o.front_plate(.5), *_stripes(5.8, .58),
            o.tail((.8, .8), (.92, .8), (.92, 1.2), (.8, 1.2)),
            pair("rear", "glass", (.5, 1.3), (.84, 1.3), (.82, 2.0), (.5, 2.0), detail=5),
            sign("rear", "badge/Star8", (0, 2.17), (.3, .2), 8), sign("rear", "plate", (.6, .52), (.44, .15)),
        ),
    ),
    ((1.8, 2.95), (3.02, 4.2), (4.26, 5.4)), 1.36, 2.05, solar=True, visor="TACLOBAN",
)  # fmt: skip

_SOLAR = JeepneyBody(
    _jeep(
        blunt(6.4, 2.5, 1.3, .5, 2.1), (1.0, 4.9), (.16, .66), (.6, 1.5),
        (
            *o.round_head(.72, .84, .11, 2.1), band("front", "green", (.98, 1.1), (.9, .92), detail=5),
            sign("front", "badge/Star8", (0, .8), (.3, .24), 8), *o.grille(.46, .62, .6, .6, 2, "steel"),
            o.front_plate(.54), *_stripes(6.4, .56), o.tail((.78, .7), (.92, .7), (.92, 1.0), (.78, 1.0)),
            band("rear", "green", (2.12, 2.3), (.8, .7), detail=5),
            sign("rear", "words/SOLAR/green/white", (0, 2.21), (.6, .12), 10),
            sign("rear", "plate", (.6, .52), (.44, .15)),
            sign("side", "words/SOLAR POWER/green/white", (3.6, .98), (1.8, .16), 10),
        ),
    ),
    ((1.7, 3.1), (3.18, 4.6), (4.68, 6.0)), 1.34, 2.1, solar=True,
)  # fmt: skip

_COMET = JeepneyBody(
    _jeep(
        blunt(6.2, 2.62, 1.12, .78, 2.0), (1.05, 4.8), (.16, .93), (.75, 1.75),
        (
            band("front", "black", (.78, 1.1), (.9, .88), detail=4),
            pair("front", "lamp", (.56, .82), (.86, .88), (.86, 1.02), (.64, .96), detail=5),
            sign("front", "words/COMET/white/blue", (0, .92), (.5, .13), 8), o.bumper(True, .38, .5, .84),
            o.front_plate(.6),
            Trim("side", "paint2", ((.1, .4), (6.1, .4), (6.1, .78), (1.0, .62)), detail=4),
            Trim("side", "paint3", ((2.0, 2.2), (6.1, 2.2), (6.1, 2.32), (2.0, 2.32)), detail=6),
            o.tail((.84, .8), (.94, .8), (.94, 1.5), (.84, 1.5)),
            band("rear", "black", (2.05, 2.42), (.82, .72), detail=5),
            sign("rear", "words/COMET/white/blue", (0, 2.22), (.7, .18), 8),
            sign("rear", "plate", (.62, .52), (.44, .15)),
        ), "five",
    ),
    ((1.95, 3.4), (3.46, 4.9), (4.96, 5.95)), 1.16, 1.96, visor=None,
)  # fmt: skip

_COMET_2 = JeepneyBody(
    _jeep(
        blunt(7.2, 2.75, 1.22, .24, 2.2), (1.2, 5.5), (.15, .42), (.55, 1.55),
        (
            pair("front", "housing", (.74, .6), (.94, .62), (.94, 1.14), (.78, 1.14), detail=5),
            pair("front", "lamp", (.8, .88), (.92, .88), (.92, 1.08), (.81, 1.08), detail=5),
            pair("front", "lamp", (.79, .65), (.92, .66), (.92, .82), (.8, .82), detail=5),
            band("front", "paint2", (.72, 1.1), (.7, .72), detail=4),
            sign("front", "words/GET/white/green", (0, .92), (.4, .18), 8), o.bumper(True, .38, .52, .92),
            o.front_plate(.56), *_stripes(7.2, .5), o.tail((.78, .62), (.94, .62), (.94, .78), (.78, .78)),
            pair("rear", "amber", (.84, 2.0), (.94, 2.0), (.92, 2.4), (.84, 2.4), detail=5),
            sign("rear", "words/GET/white/green", (0, 2.3), (.5, .2), 8),
            sign("rear", "plate", (.62, .5), (.44, .15)),
            sign("front", "words/SM NORTH/yellow/black", (0, 2.52), (.9, .2), 8),
        ), "five",
    ),
    ((1.75, 3.2), (3.26, 4.7), (4.76, 6.9)), 1.3, 2.05,
)  # fmt: skip

_PALETTES = ("bright", "bright", "bright")
MODELS = (
    Model("E-Jeepney", "Francisco", "Transporter", _TRANSPORTER.build, 3, _PALETTES, True, 8.5, variants=2),
    Model("E-Jeepney", "Francisco", "Heritage", _HERITAGE.build, 3, _PALETTES, True, 8, variants=2),
    Model("E-Jeepney", "Star8", "Tribe", _TRIBE.build, 3, ("light", "bright", "bright"), True, 8, variants=2),
    Model("E-Jeepney", "Star8", "Solar", _SOLAR.build, 3, ("light", "bright", "bright"), True, 8.5, variants=2),
    Model("E-Jeepney", "GET", "COMET", _COMET.build, 3, ("light", "bright", "bright"), True, 8.5, variants=2),
    Model("E-Jeepney", "GET", "COMET 2", _COMET_2.build, 3, ("light", "bright", "bright"), True, 8.5, variants=2),
)

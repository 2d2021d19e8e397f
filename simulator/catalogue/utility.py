"""Utility vehicles: pickups with one cab or two, and the flat-bed Tamaraw."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.vehicles.car_body import CarBody
from video_analysis.simulator.vehicles.pickup_body import PickupBody
from video_analysis.simulator.vehicles.shell import Line, Shell
from video_analysis.simulator.vehicles.trim import band, pair, sign


def _cab(
    width: float, length: float, top: Line, belt: Line, *, clearance: float = .30, nose: float = .8, tumble: float = .26
) -> Shell:  # fmt: skip
    end = top[-1][0]
    return Shell(
        width, top, belt, ((0, clearance + .06), (.3, clearance), (end, clearance)), o.cab_plan(end, nose),
        tumble, overall_m=length
    )  # fmt: skip


_BELT: Line = ((0, 0.78), (0.25, 1.0), (1.25, 1.14), (3.6, 1.19))

_HILUX = PickupBody(
    CarBody(
        _cab(1.855, 5.325, ((0, .78), (.05, 1.0), (.22, 1.1), (1.22, 1.22), (1.9, 1.70), (2.25, 1.80),
        (3.1, 1.79), (3.4, 1.70), (3.58, 1.30), (3.62, 1.0)), _BELT),
        (.98,), .385, "five", (1.22, 1.93), (3.38, 3.57), ((1.55, 2.42), (2.45, 3.25)), rake=.1, cladding=True,
        trims=(
            *o.head((.46, .94), (.9, .97), (.95, 1.09), (.52, 1.03)), o.side_head(.42, .98, 1.1),
            *o.grille(.56, .98, .58, .44, 4, "plastic"),
            band("front", "chrome", (.97, 1.02), (.47, .47), detail=7), o.bumper(True, .36, .54, .84),
            pair("front", "fog", (.72, .6), (.82, .6), (.82, .69), (.72, .69)),
            sign("front", "badge/Toyota", (0, .88), (.24, .14)), o.front_plate(.62),
        ),
    ),
    (3.64, 5.3), 4.06, 1.14, lettering="words/TOYOTA/silver/black",
)  # fmt: skip

_TAMARAW = PickupBody(
    CarBody(
        _cab(1.785, 4.97, ((0, .76), (.04, .96), (.16, 1.06), (.62, 1.16), (1.2, 1.66), (1.5, 1.74),
        (1.95, 1.74), (2.06, 1.66), (2.1, 1.1)), ((0, .74), (.16, .98), (.65, 1.08), (2.1, 1.1)), clearance=.24,
        nose=.88, tumble=.16),
        (.78,), .33, "steel", (.62, 1.22), None, ((.9, 1.85),), rake=.05,
        trims=(
            pair("front", "housing", (.60, .78), (.94, .78), (.94, 1.0), (.60, 1.0), detail=5),
            pair("front", "lamp", (.68, .82), (.86, .82), (.86, .97), (.68, .97), detail=5),
            band("front", "plastic", (.40, 1.02), (.58, .58), detail=5), o.bumper(True, .31, .62, .9),
            sign("front", "words/TOYOTA/white/black", (0, .90), (.9, .11)), o.front_plate(.52),
        ),
    ),
    (2.16, 4.97), 3.85, 1.16, flat=True,
)  # fmt: skip

_STRADA = PickupBody(
    CarBody(
        _cab(1.815, 5.305, ((0, .76), (.06, .96), (.24, 1.06), (1.2, 1.2), (1.88, 1.68), (2.25, 1.78),
        (3.0, 1.76), (3.4, 1.62), (3.72, 1.24), (3.78, 1.0)), _BELT, nose=.76),
        (.94,), .375, "ten", (1.2, 1.91), (3.36, 3.7), ((1.52, 2.4), (2.43, 3.28)), rake=.2,
        trims=(
            *o.head((.5, .96), (.9, .98), (.95, 1.06), (.5, 1.03)), o.side_head(.38, .98, 1.07),
            *o.grille(.42, .98, .5, .46, 3, "silver"),
            pair("front", "chrome", (.5, .40), (.64, .42), (.5, .70), (.6, .96), (.46, .96), (.4, .70),
            detail=5), pair("front", "lamp", (.68, .62), (.84, .64), (.84, .8), (.66, .78), detail=6),
            sign("front", "badge/Mitsubishi", (0, .86), (.22, .14)), o.front_plate(.56),
        ),
    ),
    (3.8, 5.28), 3.94, 1.12, tail_s=.2,
)  # fmt: skip

_TRITON = PickupBody(
    CarBody(
        _cab(1.93, 5.36, ((0, .86), (.03, 1.06), (.14, 1.16), (1.2, 1.25), (1.82, 1.72), (2.15, 1.81),
        (3.2, 1.8), (3.44, 1.72), (3.56, 1.3), (3.6, 1.0)), ((0, .84), (.14, 1.08), (1.2, 1.17), (3.6, 1.2)),
        nose=.88, tumble=.22),
        (.94,), .39, "dark", (1.2, 1.85), (3.42, 3.55), ((1.5, 2.4), (2.43, 3.28)), rake=.05, cladding=True,
        trims=(
            pair("front", "black", (.56, .62), (.95, .66), (.95, 1.08), (.56, 1.08), detail=5),
            pair("front", "drl", (.58, 1.0), (.94, 1.02), (.94, 1.07), (.58, 1.05), detail=6),
            pair("front", "lamp", (.64, .76), (.9, .78), (.9, .94), (.64, .92), detail=5),
            *o.grille(.5, 1.06, .52, .52, 2, "steel"), o.bumper(True, .36, .5, .9),
            sign("front", "badge/Mitsubishi", (0, .92), (.24, .16)), o.front_plate(.6),
        ),
    ),
    (3.62, 5.34), 4.07, 1.2, lettering="words/TRITON/black/silver",
)  # fmt: skip

_RANGER = PickupBody(
    CarBody(
        _cab(1.918, 5.37, ((0, .84), (.03, 1.05), (.14, 1.15), (1.25, 1.26), (1.95, 1.76), (2.3, 1.85),
        (3.15, 1.84), (3.42, 1.74), (3.56, 1.3), (3.6, 1.0)), ((0, .82), (.14, 1.06), (1.25, 1.18), (3.6, 1.22)),
        nose=.86),
        (.9,), .38, "ten", (1.25, 1.98), (3.4, 3.55), ((1.58, 2.45), (2.48, 3.28)), rake=.08,
        trims=(
            pair("front", "housing", (.58, .82), (.95, .84), (.95, 1.1), (.58, 1.1), detail=5),
            pair("front", "drl", (.58, .82), (.66, .82), (.66, 1.1), (.58, 1.1), detail=6),
            pair("front", "lamp", (.7, .9), (.9, .92), (.9, 1.06), (.7, 1.04), detail=5),
            *o.grille(.68, 1.1, .57, .57), band("front", "silver", (.86, .93), (.57, .57), detail=6),
            o.bumper(True, .36, .56, .88),
            sign("front", "badge/Ford", (0, .895), (.26, .13)), o.front_plate(.6),
        ),
    ),
    (3.62, 5.35), 4.17, 1.2, lettering="words/RANGER/silver/black", roll_bar=True,
)  # fmt: skip

_RAPTOR = PickupBody(
    CarBody(
        _cab(2.03, 5.36, ((0, .92), (.03, 1.1), (.14, 1.2), (1.25, 1.31), (1.95, 1.83), (2.3, 1.92),
        (3.15, 1.91), (3.42, 1.81), (3.56, 1.36), (3.6, 1.06)), ((0, .9), (.14, 1.1), (1.25, 1.23), (3.6, 1.27)),
        clearance=.38, nose=.86, tumble=.32),
        (.9,), .43, "dark", (1.25, 1.98), (3.4, 3.55), ((1.58, 2.45), (2.48, 3.28)), rake=.08, cladding=True,
        trims=(
            pair("front", "housing", (.60, .9), (.95, .92), (.95, 1.16), (.60, 1.16), detail=5),
            pair("front", "lamp", (.68, .98), (.9, 1.0), (.9, 1.1), (.68, 1.1), detail=5),
            band("front", "black", (.70, 1.17), (.62, .62), detail=5),
            sign("front", "words/FORD/silver/black", (0, .97), (.95, .22), 6),
            band("front", "steel", (.44, .60), (.6, .8), detail=6), o.front_plate(.66),
        ),
    ),
    (3.62, 5.34), 4.17, 1.25, lettering="words/RAPTOR/black/silver", roll_bar=True,
)  # fmt: skip

MODELS = (
    Model("Utility", "Toyota", "Hilux", _HILUX.build, speed_m_s=11.5, variants=3),
    Model("Utility", "Toyota", "Tamaraw", _TAMARAW.build, speed_m_s=10, variants=3),
    Model("Utility", "Mitsubishi", "Strada", _STRADA.build, speed_m_s=11.5, variants=3),
    Model("Utility", "Mitsubishi", "Triton", _TRITON.build, speed_m_s=11.5, variants=3),
    Model("Utility", "Ford", "Ranger", _RANGER.build, speed_m_s=12, variants=3),
    Model("Utility", "Ford", "Ranger Raptor", _RAPTOR.build, speed_m_s=12.5, variants=3),
)

"""Light trucks: forward-control cabs and the bodies they usually carry."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.vehicles.car_body import CarBody
from video_analysis.simulator.vehicles.shell import Shell
from video_analysis.simulator.vehicles.trim import Trim, band, pair, sign
from video_analysis.simulator.vehicles.truck_body import TruckBody


def _cab(
    width: float, overall: float, roof: float, foot: float, rake: float, end: float, belt: float, nose: float
) -> Shell:
    """A cab over its axle: `foot` is the height of the windscreen's foot, `rake` how far its head lies behind it."""
    top = (
        (0, foot - 0.35),
        (0.03, foot - 0.1),
        (0.08, foot),
        (0.08 + rake, roof - 0.14),
        (0.22 + rake, roof - 0.02),
        (end - 0.12, roof),
        (end, roof - 0.1),
    )
    return Shell(
        width, top, ((0, foot - .4), (.06, belt), (end, belt)), ((0, .40), (.25, .36), (end, .52)),
        o.cab_plan(end, nose, .22), .09, .12, .97, .99, overall
    )  # fmt: skip


def _body(
    shell: Shell, axle: float, radius: float, window: tuple[float, float], trims: tuple[Trim, ...], foot_knot: int = 2
) -> CarBody:
    foot, head = shell.top[foot_knot][0], shell.top[foot_knot + 1][0]
    return CarBody(shell, (axle,), radius, "steel", (foot - .02, head + .03), None, (window,), .84, trims=trims,
    mirror_s=.25)  # fmt: skip


_NHR = TruckBody(
    _body(
        _cab(1.70, 4.75, 1.97, 1.16, .42, 1.55, 1.12, .86), .68, .34, (.34, 1.3),
        (
            *o.head((.58, .72), (.92, .74), (.94, .96), (.62, .92)),
            band("front", "silver", (.80, .92), (.56, .56), detail=6),
            band("front", "black", (.82, .9), (.5, .5), detail=9),
            sign("front", "words/ISUZU/white/black", (0, 1.03), (.56, .12)), o.bumper(True, .42, .66, .95),
            o.front_plate(.54),
        ),
    ),
    "van", (1.65, 4.75), 3.15, 1.75, .78, 2.45, .34, "words/CARGO EXPRESS/blue/white", "words/ISUZU/red/white",
)  # fmt: skip

_TRAVIZ = TruckBody(
    _body(
        Shell(1.69, ((0, .72), (.04, .96), (.2, 1.06), (.52, 1.16), (1.12, 1.76), (1.35, 1.88), (1.85, 1.9),
        (1.98, 1.8)), ((0, .68), (.2, .98), (.55, 1.08), (1.98, 1.08)), ((0, .34), (.25, .30), (1.98, .4)),
        o.cab_plan(1.98, .82, .28), .1, overall_m=4.93), .62, .32, (.85, 1.75),
        (
            *o.head((.5, .80), (.9, .84), (.94, 1.0), (.58, .94)), *o.grille(.72, .90, .46, .46, 2, "silver"),
            o.bumper(True, .34, .56, .9),
            sign("front", "words/ISUZU/red/silver", (0, .95), (.5, .08)), o.front_plate(.5),
        ), 3,
    ),
    "family", (2.04, 4.93), 3.4, 1.70, .66, 2.0, .32, badge="words/TRAVIZ/red/silver",
)  # fmt: skip

_CANTER = TruckBody(
    _body(
        _cab(1.99, 5.9, 2.2, 1.22, .30, 1.66, 1.16, .9), .9, .39, (.3, 1.4),
        (
            pair("front", "housing", (.56, .66), (.94, .66), (.94, .86), (.56, .86), detail=5),
            pair("front", "lamp", (.62, .68), (.84, .68), (.84, .84), (.62, .84), detail=5),
            band("front", "black", (.92, 1.14), (.9, .93), detail=5),
            sign("front", "words/FUSO/red/silver", (0, 1.03), (.5, .13)),
            sign("front", "badge/Mitsubishi", (.66, 1.03), (.18, .14)),
            o.bumper(True, .42, .62, .96), o.front_plate(.52),
        ),
    ),
    "stake", (1.8, 5.9), 4.05, 2.0, .92, 2.35, .39, badge="words/FUSO/red/silver",
)  # fmt: skip

_L300 = TruckBody(
    _body(
        Shell(1.695, ((0, .80), (.02, 1.0), (.08, 1.1), (.3, 1.2), (.92, 1.76), (1.15, 1.84), (1.75, 1.85),
        (1.85, 1.76)), ((0, .76), (.1, 1.04), (.35, 1.1), (1.85, 1.1)), ((0, .32), (.25, .28), (1.85, .4)),
        o.cab_plan(1.85, .88, .24), .1, overall_m=4.98), .72, .31, (.62, 1.62),
        (
            pair("front", "chrome", (.56, .76), (.92, .76), (.92, .96), (.56, .96), detail=6),
            pair("front", "lamp", (.59, .78), (.82, .78), (.82, .94), (.59, .94), detail=5),
            pair("front", "amber", (.84, .78), (.91, .78), (.91, .94), (.84, .94), detail=7),
            band("front", "black", (.78, .95), (.54, .54), detail=5),
            sign("front", "badge/Mitsubishi", (0, .87), (.2, .15)), o.bumper(True, .33, .6, .94), o.front_plate(.5),
        ), 3,
    ),
    "dropside", (1.92, 4.98), 3.5, 1.72, .72, 1.5, .31, badge="words/L300/black/silver",
)  # fmt: skip

_HINO_300 = TruckBody(
    _body(
        _cab(1.995, 6.2, 2.25, 1.24, .36, 1.72, 1.18, .88), .95, .39, (.34, 1.46),
        (
            *o.head((.66, .68), (.93, .70), (.95, 1.02), (.80, .98)), *o.grille(.74, 1.04, .5, .68, 2, "chrome"),
            sign("front", "words/HINO/red/white", (0, 1.13), (.5, .12)),
            o.bumper(True, .42, .62, .96), pair("front", "fog", (.6, .48), (.74, .48), (.74, .57), (.6, .57)),
            o.front_plate(.52),
        ),
    ),
    "van", (1.85, 6.2), 4.2, 2.1, .95, 2.95, .39, "words/FRESH FOODS/green/white", "words/HINO/red/white",
)  # fmt: skip

_HINO_200 = TruckBody(
    _body(
        _cab(1.70, 4.69, 2.0, 1.18, .26, 1.52, 1.12, .92), .66, .34, (.28, 1.28),
        (
            pair("front", "housing", (.5, .62), (.94, .62), (.94, .80), (.5, .80), detail=5),
            pair("front", "lamp", (.56, .64), (.8, .64), (.8, .78), (.56, .78), detail=5),
            band("front", "chrome", (.88, .94), (.8, .8), detail=7),
            sign("front", "words/HINO/white/red", (0, 1.04), (.44, .1)), o.bumper(True, .42, .58, .96),
            o.front_plate(.5),
        ),
    ),
    "canvas", (1.62, 4.69), 3.1, 1.72, .8, 2.3, .34, badge="words/HINO/white/red",
)  # fmt: skip

MODELS = (
    Model("LightTruck", "Isuzu", "NHR", _NHR.build, 2, ("light", "light", "bright"), True, 9.5, variants=3),
    Model("LightTruck", "Isuzu", "Traviz", _TRAVIZ.build, 2, ("light", "light", "bright"), False, 10, variants=3),
    Model("LightTruck", "Mitsubishi", "Canter", _CANTER.build, 2, ("light", "bright", "bright"), True, 9, variants=3),
    Model("LightTruck", "Mitsubishi", "L300", _L300.build, 2, ("light", "light", "bright"), False, 10, variants=3),
    Model("LightTruck", "Hino", "300", _HINO_300.build, 2, ("light", "light", "bright"), True, 9.5, variants=3),
    Model("LightTruck", "Hino", "200", _HINO_200.build, 1, ("light", "light", "bright"), True, 9.5, variants=3),
)

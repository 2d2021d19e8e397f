"""Cars: saloons and hatchbacks."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.vehicles.car_body import CarBody
from video_analysis.simulator.vehicles.shell import Shell
from video_analysis.simulator.vehicles.trim import Trim, band, pair, sign

_VIOS = CarBody(
    Shell(
        1.73,
        ((0, .53), (.04, .66), (.22, .78), (1.1, .97), (1.9, 1.40), (2.3, 1.475), (2.75, 1.465), (3.3, 1.34),
        (3.9, 1.09), (4.33, 1.07), (4.41, .9), (4.425, .55)),
        ((0, .5), (.25, .70), (1.15, .89), (3.9, 1.0), (4.425, .95)), o.floor(4.425, .18), o.plan(4.425, .74),
    ),
    (.9, 3.45), .305, "five", (1.1, 1.93), (3.28, 3.88), ((1.4, 2.3), (2.33, 3.12), (3.15, 3.52)), rake=.2,
    trims=(
        *o.head((.40, .64), (.88, .68), (.94, .82), (.62, .77)), o.side_head(.3, .7, .83),
        *o.grille(.27, .56, .70, .42), Trim("front", "silver",
        ((-.42, .615), (.42, .615), (.5, .64), (-.5, .64)), detail=9),
        pair("front", "black", (.66, .36), (.84, .36), (.86, .58), (.74, .52)),
        pair("front", "fog", (.73, .38), (.8, .38), (.8, .43), (.73, .43)),
        sign("front", "badge/Toyota", (0, .68), (.2, .10)), o.front_plate(.45),
        o.tail((.46, .86), (.94, .82), (.97, .98), (.56, .97)), o.side_tail(4.425, .34, .84, .99, .12),
        o.bumper(False, .28, .42), *o.rear_plate(.80), sign("rear", "badge/Toyota", (0, .99), (.17, .08)),
    ),
)  # fmt: skip

_WIGO = CarBody(
    Shell(
        1.665,
        ((0, .58), (.05, .75), (.2, .86), (.82, 1.02), (1.5, 1.43), (1.9, 1.51), (2.9, 1.49), (3.4, 1.40),
        (3.62, 1.05), (3.72, .9), (3.76, .55)),
        ((0, .55), (.2, .76), (.9, .93), (3.76, 1.03)), o.floor(3.76, .18), o.plan(3.76, .78, .84, .34), .24,
    ),
    (.72, 3.24), .29, "cap", (.82, 1.53), (3.38, 3.6), ((1.15, 1.95), (1.98, 2.72), (2.78, 3.3)), rake=.16,
    spoiler=True,
    trims=(
        *o.head((.42, .72), (.86, .74), (.93, .92), (.66, .88)), o.side_head(.24, .78, .92),
        *o.grille(.28, .62, .78, .5, 2, "black"), pair("front", "silver", (.66, .3), (.74, .3), (.86, .62), (.8, .64)),
        Trim("front", "black", ((-.42, .72), (.42, .72), (.5, .78), (-.5, .78)), detail=9),
        sign("front", "badge/Toyota", (0, .75), (.2, .10)), o.front_plate(.45),
        o.tail((.68, .80), (.95, .78), (.97, 1.02), (.76, 1.04)), o.side_tail(3.76, .2, .82, 1.02),
        o.bumper(False, .28, .5, .78), *o.rear_plate(.78), sign("rear", "badge/Toyota", (0, .95), (.17, .08)),
    ),
)  # fmt: skip

_CITY = CarBody(
    Shell(
        1.748,
        ((0, .56), (.03, .70), (.16, .81), (1.12, .99), (1.98, 1.40), (2.4, 1.467), (2.95, 1.45), (3.55, 1.31),
        (4.05, 1.10), (4.5, 1.06), (4.56, .9), (4.58, .58)),
        ((0, .52), (.2, .73), (1.2, .91), (4.0, 1.0), (4.58, .96)), o.floor(4.58, .15),
        o.plan(4.58, .82, .82, .34), .34,
    ),
    (.92, 3.52), .315, "ten", (1.12, 2.02), (3.52, 4.05), ((1.5, 2.45), (2.48, 3.3), (3.33, 3.75)), rake=.24,
    trims=(
        *o.head((.42, .69), (.90, .67), (.95, .79), (.44, .80)), o.side_head(.34, .68, .80),
        o.strip_lamp((.44, .78), (.93, .76), (.93, .79), (.44, .81)),
        *o.grille(.58, .70, .42, .42, 3, "seam"), band("front", "chrome", (.69, .80), (.47, .47), detail=6),
        *o.grille(.22, .46, .55, .48), pair("front", "black", (.64, .28), (.88, .32), (.9, .54), (.74, .44)),
        sign("front", "badge/Honda", (0, .74), (.15, .10)), o.front_plate(.42),
        o.tail((.50, .84), (.94, .80), (.96, 1.0), (.50, .98)),
        pair("rear", "reverse", (.52, .86), (.7, .86), (.7, .9), (.52, .91)), o.side_tail(4.58, .3, .82, 1.0),
        o.bumper(False, .26, .44, .6), *o.rear_plate(.74), sign("rear", "badge/Honda", (0, .98), (.14, .09)),
    ),
)  # fmt: skip

_BRIO = CarBody(
    Shell(
        1.682,
        ((0, .56), (.04, .72), (.18, .83), (.95, 1.0), (1.62, 1.41), (2.0, 1.485), (2.7, 1.46), (3.35, 1.36),
        (3.6, 1.10), (3.77, .92), (3.815, .55)),
        ((0, .52), (.2, .73), (1.0, .91), (3.815, 1.06)), o.floor(3.815, .16), o.plan(3.815, .8, .84, .32), .27,
    ),
    (.76, 3.17), .295, "dark", (.95, 1.66), (3.32, 3.66), ((1.28, 2.1), (2.13, 2.9)), rake=.2, spoiler=True,
    dark_roof=True,
    trims=(
        *o.head((.46, .70), (.88, .72), (.94, .86), (.5, .79)), o.side_head(.28, .74, .87),
        *o.grille(.58, .70, .46, .44), band("front", "chrome", (.70, .76), (.46, .46), detail=7),
        *o.grille(.22, .44, .78, .62), pair("front", "fog", (.68, .36), (.78, .36), (.78, .45), (.68, .45)),
        sign("front", "badge/Honda", (0, .68), (.16, .10)), o.front_plate(.46),
        o.tail((.60, .86), (.95, .80), (.97, 1.06), (.66, 1.08)),
        pair("rear", "reverse", (.62, .88), (.78, .85), (.78, .92), (.63, .95)), o.side_tail(3.815, .26, .84, 1.06),
        o.bumper(False, .24, .5, .8), *o.rear_plate(.76), sign("rear", "badge/Honda", (0, .96), (.15, .10)),
    ),
)  # fmt: skip


def _shield(lamps: float) -> tuple[Trim, ...]:
    """Mitsubishi's face: two chrome brackets that hold a black middle."""
    return (
        band("front", "black", (.26, .72), (.5, .36), detail=5),
        pair("front", "chrome", (.50, .28), (.58, .28), (.40, .52), (.58, lamps), (.50, lamps), (.32, .52), detail=7),
    )  # fmt: skip


_MIRAGE = CarBody(
    Shell(
        1.665,
        ((0, .54), (.06, .70), (.26, .84), (.88, 1.02), (1.55, 1.43), (1.95, 1.505), (2.7, 1.48), (3.3, 1.36),
        (3.62, 1.05), (3.75, .86), (3.795, .52)),
        ((0, .5), (.25, .74), (.95, .93), (3.795, 1.0)), o.floor(3.795, .16), o.plan(3.795, .7, .76, .45), .30,
    ),
    (.74, 3.19), .285, "steel", (.88, 1.58), (3.28, 3.62), ((1.2, 2.02), (2.05, 2.85), (2.9, 3.2)), rake=.14,
    trims=(
        *o.head((.44, .68), (.84, .72), (.92, .92), (.66, .88)), o.side_head(.3, .76, .92), *_shield(.66),
        sign("front", "badge/Mitsubishi", (0, .66), (.2, .13)), o.front_plate(.40),
        o.tail((.56, .84), (.92, .80), (.96, 1.02), (.74, 1.06)), o.side_tail(3.795, .24, .84, 1.02),
        o.bumper(False, .26, .42, .7), *o.rear_plate(.74), sign("rear", "badge/Mitsubishi", (0, .93), (.15, .10)),
    ),
)  # fmt: skip

_MIRAGE_G4 = CarBody(
    Shell(
        1.67,
        ((0, .56), (.05, .72), (.22, .84), (1.0, 1.02), (1.72, 1.44), (2.12, 1.515), (2.7, 1.49), (3.2, 1.37),
        (3.68, 1.15), (4.16, 1.13), (4.27, .95), (4.305, .55)),
        ((0, .52), (.22, .75), (1.05, .94), (3.7, 1.05), (4.305, 1.0)), o.floor(4.305, .17),
        o.plan(4.305, .76, .78, .38), .28,
    ),
    (.82, 3.37), .29, "cap", (1.0, 1.75), (3.18, 3.66), ((1.32, 2.15), (2.18, 2.95), (2.98, 3.3)), rake=.16,
    trims=(
        *o.head((.40, .70), (.88, .72), (.94, .86), (.5, .86)), o.side_head(.28, .74, .87),
        *o.grille(.66, .80, .42, .38, 2), *o.grille(.25, .50, .62, .56, 2, "chrome"),
        pair("front", "fog", (.74, .36), (.84, .36), (.84, .44), (.74, .44)),
        sign("front", "badge/Mitsubishi", (0, .74), (.19, .12)), o.front_plate(.44),
        o.tail((.62, .82), (.93, .80), (.96, 1.06), (.62, 1.04)),
        band("rear", "chrome", (.96, 1.0), (.6, .6), detail=9), o.side_tail(4.305, .22, .84, 1.06),
        *o.rear_plate(.84), sign("rear", "badge/Mitsubishi", (0, 1.06), (.15, .09)),
    ),
)  # fmt: skip

MODELS = (
    Model("Car", "Toyota", "Vios", lambda b, _: _VIOS.build(b), speed_m_s=12),
    Model("Car", "Toyota", "Wigo", lambda b, _: _WIGO.build(b), speed_m_s=11),
    Model("Car", "Honda", "City", lambda b, _: _CITY.build(b), speed_m_s=12),
    Model("Car", "Honda", "Brio", lambda b, _: _BRIO.build(b), speed_m_s=11.5),
    Model("Car", "Mitsubishi", "Mirage", lambda b, _: _MIRAGE.build(b), speed_m_s=11),
    Model("Car", "Mitsubishi", "Mirage G4", lambda b, _: _MIRAGE_G4.build(b), speed_m_s=11.5),
)

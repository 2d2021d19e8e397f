"""SUVs, and the people carriers that are built and bought as such."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.vehicles.car_body import CarBody
from video_analysis.simulator.vehicles.shell import Shell
from video_analysis.simulator.vehicles.trim import band, pair, sign

_FORTUNER = CarBody(
    Shell(
        1.855,
        ((0, .74), (.05, .94), (.22, 1.06), (1.25, 1.20), (2.0, 1.70), (2.4, 1.80), (3.4, 1.79), (4.4, 1.70),
        (4.66, 1.22), (4.74, 1.05), (4.795, .62)),
        ((0, .7), (.25, .95), (1.3, 1.12), (4.795, 1.24)), o.floor(4.795, .28), o.plan(4.795, .80, .84, .42), .26,
    ),
    (.98, 3.73), .385, "five", (1.25, 2.02), (4.38, 4.62), ((1.6, 2.55), (2.58, 3.45), (3.52, 4.3)), rake=.2,
    cladding=True, rails=True, spoiler=True,
    trims=(
        *o.head((.40, .92), (.88, .94), (.95, 1.06), (.44, .99)), o.side_head(.4, .96, 1.07),
        o.strip_lamp((.40, .90), (.9, .92), (.9, .945), (.40, .925)),
        *o.grille(.58, .92, .44, .38, 3), pair("front", "chrome", (.44, .56), (.56, .52), (.46, .93), (.38, .93)),
        o.bumper(True, .33, .52, .8), pair("front", "black", (.66, .55), (.86, .60), (.9, .78), (.72, .72)),
        pair("front", "fog", (.74, .6), (.82, .61), (.82, .68), (.74, .67)),
        sign("front", "badge/Toyota", (0, .86), (.2, .12)), o.front_plate(.60),
        o.tail((.52, 1.05), (.95, 1.06), (.97, 1.18), (.52, 1.14)),
        band("rear", "chrome", (1.05, 1.10), (.52, .52), detail=9), o.side_tail(4.795, .34, 1.06, 1.18, .12),
        o.bumper(False, .38, .62, .84), *o.rear_plate(.92),
        sign("rear", "words/FORTUNER/silver/black", (0, 1.14), (.5, .05), 40),
    ),
)  # fmt: skip

_RUSH = CarBody(
    Shell(
        1.695,
        ((0, .68), (.05, .86), (.2, .98), (1.05, 1.12), (1.68, 1.56), (2.05, 1.66), (3.4, 1.66), (4.15, 1.58),
        (4.32, 1.15), (4.39, .98), (4.435, .6)),
        ((0, .64), (.22, .87), (1.1, 1.03), (4.435, 1.1)), o.floor(4.435, .24), o.plan(4.435, .8, .86, .34), .22,
    ),
    (.85, 3.53), .35, "ten", (1.05, 1.7), (4.13, 4.3), ((1.36, 2.2), (2.23, 3.05), (3.12, 4.05)), rake=.12,
    cladding=True, rails=True, spoiler=True,
    trims=(
        *o.head((.46, .84), (.88, .88), (.95, 1.02), (.54, .92)), o.side_head(.34, .9, 1.02),
        *o.grille(.52, .86, .60, .40, 4, "steel"), o.bumper(True, .3, .47, .8),
        pair("front", "black", (.7, .5), (.88, .5), (.9, .72), (.76, .72)),
        pair("front", "fog", (.76, .56), (.84, .56), (.84, .63), (.76, .63)),
        sign("front", "badge/Toyota", (0, .8), (.2, .12)), o.front_plate(.55),
        o.tail((.58, .96), (.95, .94), (.97, 1.16), (.70, 1.16)), o.side_tail(4.435, .26, .96, 1.16),
        band("rear", "black", (.96, 1.02), (.58, .58), detail=8),
        o.bumper(False, .34, .6, .84), *o.rear_plate(.84), sign("rear", "badge/Toyota", (0, 1.06), (.16, .09)),
    ),
)  # fmt: skip

_MONTERO = CarBody(
    Shell(
        1.815,
        ((0, .76), (.05, .95), (.2, 1.06), (1.22, 1.19), (1.95, 1.68), (2.35, 1.79), (3.5, 1.78), (4.4, 1.66),
        (4.66, 1.24), (4.78, 1.0), (4.825, .62)),
        ((0, .72), (.22, .96), (1.3, 1.11), (4.825, 1.2)), o.floor(4.825, .27), o.plan(4.825, .82, .78, .44), .28,
    ),
    (.95, 3.75), .38, "ten", (1.22, 1.98), (4.38, 4.64), ((1.58, 2.5), (2.53, 3.4), (3.46, 4.22)), rake=.26, rails=True,
    trims=(
        *o.head((.46, .97), (.9, .98), (.95, 1.07), (.46, 1.03)), o.side_head(.36, .98, 1.08),
        *o.grille(.42, .98, .5, .46, 4, "silver"),
        pair("front", "chrome", (.5, .40), (.66, .42), (.5, .70), (.62, .96), (.46, .96), (.38, .70), detail=5),
        pair("front", "black", (.66, .44), (.88, .48), (.9, .82), (.62, .78)),
        pair("front", "lamp", (.7, .66), (.84, .68), (.84, .77), (.7, .75), detail=6),
        sign("front", "badge/Mitsubishi", (0, .86), (.2, .14)), o.front_plate(.55),
        o.tail((.72, .56), (.86, .60), (.97, 1.18), (.74, 1.2)), o.side_tail(4.825, .2, .9, 1.18),
        band("rear", "chrome", (1.04, 1.10), (.6, .6), detail=9), o.bumper(False, .37, .55, .7),
        *o.rear_plate(.9), sign("rear", "badge/Mitsubishi", (0, 1.17), (.16, .10)),
    ),
)  # fmt: skip

_XPANDER = CarBody(
    Shell(
        1.75,
        ((0, .70), (.05, .90), (.2, 1.0), (1.0, 1.13), (1.75, 1.60), (2.15, 1.70), (3.2, 1.69), (4.15, 1.58),
        (4.42, 1.12), (4.55, .95), (4.595, .58)),
        ((0, .66), (.22, .9), (1.05, 1.05), (3.4, 1.1), (4.595, 1.18)), o.floor(4.595, .22),
        o.plan(4.595, .8, .8, .38), .27,
    ),
    (.9, 3.67), .335, "five", (1.0, 1.78), (4.12, 4.38), ((1.34, 2.25), (2.28, 3.15), (3.2, 4.0)), rake=.22,
    trims=(
        o.strip_lamp((.44, .93), (.92, .95), (.92, 1.0), (.44, .97)),
        pair("front", "black", (.54, .46), (.9, .50), (.92, .84), (.56, .84), detail=5),
        pair("front", "lamp", (.62, .60), (.86, .62), (.86, .78), (.62, .76), detail=5),
        *o.grille(.40, .92, .36, .44, 3, "black"),
        pair("front", "chrome", (.40, .36), (.52, .36), (.46, .62), (.54, .90), (.44, .92), (.36, .62), detail=6),
        sign("front", "badge/Mitsubishi", (0, .84), (.2, .14)), o.front_plate(.5), o.bumper(True, .26, .38, .7),
        o.tail((.56, 1.0), (.96, 1.0), (.97, 1.07), (.56, 1.07)),
        o.tail((.84, .78), (.95, .78), (.97, 1.04), (.84, 1.04)), o.side_tail(4.595, .3, 1.0, 1.08),
        o.bumper(False, .3, .58, .8), *o.rear_plate(.78), sign("rear", "badge/Mitsubishi", (0, .98), (.17, .11)),
    ),
)  # fmt: skip

_CRV = CarBody(
    Shell(
        1.866,
        ((0, .72), (.04, .92), (.18, 1.04), (1.2, 1.15), (2.0, 1.60), (2.45, 1.69), (3.3, 1.67), (4.2, 1.54),
        (4.52, 1.16), (4.64, .98), (4.69, .6)),
        ((0, .68), (.2, .93), (1.25, 1.06), (4.69, 1.16)), o.floor(4.69, .21), o.plan(4.69, .84, .8, .40), .32,
    ),
    (.93, 3.63), .365, "dark", (1.2, 2.04), (4.18, 4.48), ((1.55, 2.5), (2.53, 3.4), (3.46, 4.12)), rake=.3,
    cladding=True,
    trims=(
        *o.head((.44, .95), (.9, .97), (.95, 1.06), (.44, 1.05)), o.side_head(.38, .97, 1.07),
        *o.grille(.62, .98, .56, .46), pair("front", "black", (.7, .4), (.9, .44), (.9, .62), (.74, .62)),
        band("front", "silver", (.32, .4), (.66, .6), detail=7),
        sign("front", "badge/Honda", (0, .86), (.17, .14)), o.front_plate(.56),
        o.tail((.74, .92), (.95, .92), (.84, 1.5), (.74, 1.48)),
        o.tail((.56, .96), (.76, .94), (.76, 1.04), (.56, 1.04)), o.side_tail(4.69, .14, .94, 1.16),
        o.bumper(False, .3, .58, .84), *o.rear_plate(.80), sign("rear", "badge/Honda", (0, 1.0), (.15, .12)),
    ),
)  # fmt: skip

_BRV = CarBody(
    Shell(
        1.78,
        ((0, .66), (.04, .84), (.16, .95), (1.08, 1.09), (1.8, 1.53), (2.2, 1.64), (3.3, 1.65), (4.1, 1.56),
        (4.32, 1.14), (4.44, .96), (4.49, .56)),
        ((0, .62), (.2, .85), (1.15, 1.0), (4.49, 1.1)), o.floor(4.49, .2), o.plan(4.49, .82, .82, .34), .25,
    ),
    (.88, 3.58), .33, "cap", (1.08, 1.83), (4.08, 4.3), ((1.42, 2.3), (2.33, 3.2), (3.26, 4.0)), rake=.16, rails=True,
    trims=(
        *o.head((.46, .84), (.9, .82), (.95, .95), (.46, .93)), o.side_head(.36, .84, .96),
        band("front", "chrome", (.84, .92), (.46, .46), detail=6),
        *o.grille(.56, .84, .46, .46, 5, "chrome"), o.bumper(True, .25, .42, .82),
        pair("front", "silver", (.66, .36), (.86, .40), (.86, .46), (.66, .42)),
        sign("front", "badge/Honda", (0, .82), (.17, .12)), o.front_plate(.48),
        o.tail((.56, .98), (.96, .94), (.97, 1.14), (.60, 1.08)), o.side_tail(4.49, .4, .98, 1.13, .16),
        band("rear", "red", (1.0, 1.06), (.56, .56), detail=8),
        o.bumper(False, .28, .5, .8), *o.rear_plate(.80), sign("rear", "badge/Honda", (0, 1.13), (.14, .09)),
    ),
)  # fmt: skip

MODELS = (
    Model("SUV", "Toyota", "Fortuner", lambda b, _: _FORTUNER.build(b), speed_m_s=12.5),
    Model("SUV", "Toyota", "Rush", lambda b, _: _RUSH.build(b), speed_m_s=11.5),
    Model("SUV", "Mitsubishi", "Montero Sport", lambda b, _: _MONTERO.build(b), speed_m_s=12.5),
    Model("SUV", "Mitsubishi", "Xpander", lambda b, _: _XPANDER.build(b), speed_m_s=11.5),
    Model("SUV", "Honda", "CR-V", lambda b, _: _CRV.build(b), speed_m_s=12),
    Model("SUV", "Honda", "BR-V", lambda b, _: _BRV.build(b), speed_m_s=11.5),
)

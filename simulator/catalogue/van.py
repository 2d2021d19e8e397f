"""Vans and people carriers."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.vehicles.car_body import CarBody
from video_analysis.simulator.vehicles.shell import Shell
from video_analysis.simulator.vehicles.trim import Trim, band, pair, sign

_HIACE = CarBody(
    Shell(
        1.88,
        ((0, .72), (.06, .95), (.25, 1.08), (.62, 1.22), (1.42, 1.86), (1.85, 1.98), (3.0, 2.02), (5.0, 2.0),
        (5.2, 1.90), (5.25, 1.2), (5.265, .6)),
        ((0, .66), (.25, .98), (.65, 1.14), (5.265, 1.16)), o.floor(5.265, .22), o.plan(5.265, .82, .92, .34), .11,
    ),
    (1.0, 4.2), .34, "steel", (.62, 1.46), None, ((1.0, 2.1), (2.16, 3.4), (3.46, 5.0)), .78, mirror_s=.9,
    trims=(
        *o.head((.48, .92), (.86, .96), (.94, 1.12), (.64, 1.06)), o.side_head(.3, .95, 1.1),
        *o.grille(.42, .66, .62, .7, 2, "plastic"),
        Trim("front", "chrome", ((-.48, .90), (.48, .90), (.56, .96), (-.56, .96)), detail=7),
        o.bumper(True, .27, .38, .8),
        sign("front", "badge/Toyota", (0, .94), (.22, .13)), o.front_plate(.53),
        o.rear_screen(1.2, 1.8, .80, .72), o.tail((.84, .78), (.96, .78), (.96, 1.3), (.86, 1.3)),
        o.side_tail(5.265, .12, .8, 1.3),
        o.bumper(False, .32, .52, .9), *o.rear_plate(.8),
        band("rear", "chrome", (.96, 1.01), (.4, .4), detail=9),
        sign("rear", "badge/Toyota", (0, 1.09), (.16, .10)),
        Trim("side", "seam", ((2.13, 1.02), (5.0, 1.02), (5.0, 1.04), (2.13, 1.04)), detail=18),
    ),
)  # fmt: skip

_INNOVA = CarBody(
    Shell(
        1.83,
        ((0, .70), (.05, .90), (.22, 1.02), (1.1, 1.16), (1.85, 1.65), (2.25, 1.76), (3.6, 1.78), (4.4, 1.68),
        (4.6, 1.15), (4.7, .95), (4.735, .58)),
        ((0, .66), (.25, .91), (1.15, 1.07), (4.735, 1.14)), o.floor(4.735, .2), o.plan(4.735, .8, .86, .38), .24,
    ),
    (.92, 3.67), .33, "cap", (1.1, 1.88), None, ((1.45, 2.4), (2.43, 3.35), (3.42, 4.4)), .78, rake=.12, spoiler=False,
    trims=(
        *o.head((.52, .86), (.9, .90), (.95, 1.04), (.54, .98)), o.side_head(.36, .92, 1.04),
        band("front", "chrome", (.44, .98), (.48, .54), detail=7), *o.grille(.50, .93, .44, .50, 2, "silver"),
        o.bumper(True, .27, .38, .72),
        pair("front", "black", (.66, .42), (.88, .48), (.9, .68), (.74, .62)),
        sign("front", "badge/Toyota", (0, .86), (.2, .12)), o.front_plate(.58),
        o.rear_screen(1.2, 1.6, .78, .68), o.tail((.52, .98), (.95, .96), (.97, 1.16), (.80, 1.24)),
        o.side_tail(4.735, .24, .98, 1.2),
        o.bumper(False, .3, .46, .84), *o.rear_plate(.80),
        band("rear", "chrome", (.95, 1.0), (.5, .5), detail=9), sign("rear", "badge/Toyota", (0, 1.08), (.17, .10)),
    ),
)  # fmt: skip

_URVAN = CarBody(
    Shell(
        1.70,
        ((0, .78), (.03, 1.06), (.12, 1.2), (.30, 1.28), (.86, 1.98), (1.15, 2.2), (1.6, 2.28), (4.9, 2.28),
        (5.05, 2.2), (5.07, 1.2), (5.08, .6)),
        ((0, .72), (.12, 1.1), (.35, 1.18), (5.08, 1.18)), o.floor(5.08, .22), o.plan(5.08, .86, .95, .26), .09,
    ),
    (.95, 3.5), .33, "steel", (.30, .90), None, ((.5, 1.45), (1.52, 2.9), (2.96, 4.85)), .62, mirror_s=.5,
    trims=(
        *o.head((.50, .84), (.9, .88), (.95, 1.1), (.52, 1.04)), o.side_head(.22, .88, 1.1),
        *o.grille(.74, 1.0, .50, .48, 3, "chrome"),
        o.bumper(True, .27, .62, .86), pair("front", "fog", (.7, .48), (.8, .48), (.8, .56), (.7, .56)),
        sign("front", "badge/Nissan", (0, .92), (.24, .14)), o.front_plate(.48),
        o.rear_screen(1.25, 1.9, .82, .78), o.tail((.86, .74), (.98, .74), (.98, 1.16), (.86, 1.16)),
        o.side_tail(5.08, .08, .76, 1.16),
        o.bumper(False, .32, .56, .94), *o.rear_plate(.84),
        sign("rear", "words/URVAN/silver/black", (-.5, 1.08), (.36, .07), 30),
        Trim("side", "seam", ((1.5, 1.04), (4.9, 1.04), (4.9, 1.06), (1.5, 1.06)), detail=18),
    ),
)  # fmt: skip

_SERENA = CarBody(
    Shell(
        1.715,
        ((0, .66), (.05, .90), (.18, 1.04), (.75, 1.2), (1.5, 1.72), (1.9, 1.85), (3.2, 1.87), (4.5, 1.82),
        (4.68, 1.66), (4.74, 1.1), (4.765, .55)),
        ((0, .6), (.2, .92), (.8, 1.06), (2.3, 1.02), (2.7, 1.1), (4.765, 1.12)), o.floor(4.765, .17),
        o.plan(4.765, .84, .9, .3), .14,
    ),
    (.94, 3.81), .32, "ten", (.75, 1.53), None, ((1.1, 2.05), (2.08, 3.2), (3.26, 4.55)), .84, dark_roof=True,
    mirror_s=1.2,
    trims=(
        pair("front", "housing", (.42, .56), (.94, .60), (.95, 1.02), (.46, .98), detail=5),
        pair("front", "lamp", (.62, .84), (.93, .86), (.94, .92), (.62, .90), detail=6),
        pair("front", "lamp", (.66, .70), (.93, .72), (.93, .78), (.66, .76), detail=6),
        pair("front", "chrome", (.30, .50), (.36, .48), (.46, .98), (.40, 1.0), detail=6),
        *o.grille(.50, .96, .28, .38, 5, "steel"), o.bumper(True, .24, .36, .8),
        sign("front", "badge/Nissan", (0, .82), (.2, .12)), o.front_plate(.5),
        o.rear_screen(1.12, 1.66, .82, .72), o.tail((.84, .86), (.97, .86), (.95, 1.5), (.86, 1.5)),
        o.side_tail(4.765, .1, .88, 1.3),
        o.bumper(False, .27, .4, .88), *o.rear_plate(.74), sign("rear", "badge/Nissan", (0, .98), (.17, .10)),
    ),
)  # fmt: skip

_STAREX = CarBody(
    Shell(
        1.92,
        ((0, .70), (.06, .92), (.28, 1.06), (.95, 1.22), (1.75, 1.78), (2.2, 1.9), (3.6, 1.925), (4.85, 1.88),
        (5.06, 1.72), (5.1, 1.15), (5.125, .58)),
        ((0, .66), (.3, .95), (1.0, 1.12), (5.125, 1.2)), o.floor(5.125, .2), o.plan(5.125, .74, .88, .5), .16,
    ),
    (1.0, 4.2), .34, "five", (.95, 1.78), None, ((1.35, 2.4), (2.46, 3.6), (3.66, 4.9)), .74, rake=.14,
    trims=(
        *o.head((.42, .84), (.84, .88), (.93, 1.1), (.56, 1.04), lens=.8), o.side_head(.42, .92, 1.1),
        *o.grille(.74, .98, .38, .42, 2, "chrome"),
        *o.grille(.34, .56, .6, .54), pair("front", "fog", (.68, .42), (.8, .42), (.8, .52), (.68, .52)),
        sign("front", "badge/Hyundai", (0, .88), (.2, .11)), o.front_plate(.48),
        o.rear_screen(1.22, 1.7, .80, .70), o.tail((.80, .92), (.97, .9), (.97, 1.42), (.84, 1.42)),
        o.side_tail(5.125, .2, .92, 1.4),
        o.bumper(False, .3, .44, .88), *o.rear_plate(.80),
        band("rear", "chrome", (1.0, 1.05), (.44, .44), detail=9),
        sign("rear", "badge/Hyundai", (0, 1.14), (.17, .09)),
    ),
)  # fmt: skip

_STARIA = CarBody(
    Shell(
        1.997,
        ((0, .60), (.06, .84), (.3, 1.02), (.62, 1.14), (1.7, 1.78), (2.2, 1.93), (3.4, 1.99), (4.8, 1.96),
        (5.1, 1.86), (5.2, 1.2), (5.253, .55)),
        ((0, .55), (.3, .86), (.7, 1.0), (5.253, .98)), o.floor(5.253, .18), o.plan(5.253, .78, .88, .55), .17,
    ),
    (1.05, 4.32), .35, "dark", (.62, 1.74), None, ((1.15, 2.35), (2.38, 3.7), (3.74, 5.0)), .84, rake=.1, mirror_s=1.3,
    trims=(
        band("front", "drl", (.93, .965), (.95, .95), detail=5), *o.grille(.34, .74, .60, .56, 6, "steel"),
        pair("front", "lamp", (.72, .46), (.84, .46), (.84, .74), (.72, .74), detail=5), o.bumper(True, .22, .32, .8),
        sign("front", "badge/Hyundai", (0, .84), (.22, .11)), o.front_plate(.44),
        o.rear_screen(.98, 1.74, .78, .70), o.tail((.86, .82), (.97, .82), (.93, 1.7), (.85, 1.7)),
        o.side_tail(5.253, .1, .84, 1.2),
        o.bumper(False, .28, .4, .88), *o.rear_plate(.66),
        sign("rear", "words/STARIA/silver/black", (0, .86), (.4, .07), 30),
    ),
)  # fmt: skip

MODELS = (
    Model("Van", "Toyota", "HiAce", lambda b, _: _HIACE.build(b), yellow_plate=True, speed_m_s=11.5),
    Model("Van", "Toyota", "Innova", lambda b, _: _INNOVA.build(b), speed_m_s=11.5),
    Model("Van", "Nissan", "Urvan", lambda b, _: _URVAN.build(b), yellow_plate=True, speed_m_s=11),
    Model("Van", "Nissan", "Serena", lambda b, _: _SERENA.build(b), speed_m_s=11),
    Model("Van", "Hyundai", "Starex", lambda b, _: _STAREX.build(b), speed_m_s=11.5),
    Model("Van", "Hyundai", "Staria", lambda b, _: _STARIA.build(b), speed_m_s=11.5),
)

"""City buses as they run on the bus carousel: 9 to 12 metres, doors on the right."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.catalogue.model import Model
from video_analysis.simulator.vehicles.car_body import CarBody
from video_analysis.simulator.vehicles.shell import Shell
from video_analysis.simulator.vehicles.trim import Trim, band, pair, sign

Trims = tuple[Trim, ...]


def _shell(length: float, height: float, belt: float, lean: float, tuck: float = 0.12, round_m: float = 0.22) -> Shell:
    """A bus's outline: `lean` is how far the front leans back from the bumper to the roof."""
    top = (
        (0, .9), (.02, 1.05), (.04, belt - .12), (.06 + lean, height - .45), (.12 + lean, height - .22),
        (.42 + lean, height - .02),
        (.9 + lean, height), (length - .4, height), (length - tuck, height - .15), (length - .02, belt), (length, .8),
    )  # fmt: skip
    return Shell(
        2.5,
        top,
        ((0, 0.85), (0.04, belt - 0.2), (0.5, belt), (length, belt)),
        o.floor(length, 0.3, 0.02, 0.1),
        o.plan(length, 0.86, 0.93, round_m),
        0.05,
        0.16,
        0.985,
        0.995,
    )


def _panes(first: float, last: float, count: int) -> tuple[tuple[float, float], ...]:
    step = (last - first) / count
    return tuple((first + step * i, first + step * (i + 1)) for i in range(count))


def _livery(
    length: float, stripes: tuple[tuple[float, float], ...], material: str = "paint2", slant: float = 0.0
) -> Trims:
    """Coloured bands along the flanks between heights."""
    return tuple(
        Trim("side", material, ((0.1, a), (length - 0.1, a + slant), (length - 0.1, b + slant), (0.1, b)), detail=3)
        for a, b in stripes
    )


def _door(s: float, wide: float, top: float) -> Trims:
    """A door with two glazed leaves, on the right."""
    leaf = ((s, 0.42), (s + wide, 0.42), (s + wide, top), (s, top))
    panes = [
        ((s + wide * a, 0.7), (s + wide * b, 0.7), (s + wide * b, top - 0.1), (s + wide * a, top - 0.1))
        for a, b in ((0.06, 0.46), (0.54, 0.94))
    ]
    return (
        Trim("side", "seam", leaf, detail=4, flank=-1),
        *(Trim("side", "glass", pane, detail=6, flank=-1) for pane in panes),
    )


def _route(z: float, text: str, half: float = 0.5) -> Trims:
    return (
        band("front", "black", (z - 0.14, z + 0.14), (half, half), detail=5),
        sign("front", f"words/{text}/yellow/black", (0, z), (half * 1.9, 0.22), 8),
    )


def _bus(
    shell: Shell,
    axles: tuple[float, float],
    panes: tuple[tuple[float, float], ...],
    trims: Trims,
    rim: str = "steel",
    dark_roof: bool = False,
) -> CarBody:
    return CarBody(
        shell,
        axles,
        0.5,
        rim,
        (shell.top[2][0] - 0.01, shell.top[3][0] + 0.04),
        None,
        panes,
        0.8,
        trims=trims,
        mirror_s=0.25,
        dark_roof=dark_roof,
    )


_HINO_GRANDECHO = _bus(
    _shell(11.3, 3.35, 1.75, .34, .2, .3), (2.5, 8.3), _panes(1.3, 10.9, 6),
    (
        *_livery(11.3, ((.55, 1.0), (1.1, 1.3))), *_livery(11.3, ((1.36, 1.5),), "paint3", .1), *_door(.35, .85, 2.5),
        *o.head((.46, .66), (.9, .68), (.93, .95), (.56, .92)),
        sign("front", "words/HINO/red/white", (0, 1.2), (.3, .15)),
        band("front", "plastic", (.36, .56), (.9, .92), detail=4), o.front_plate(.64),
        *_route(3.02, "EDSA CAROUSEL"), o.rear_screen(1.9, 2.75, .8, .74),
        o.tail((.80, .75), (.95, .75), (.95, 1.35), (.80, 1.35)),
        band("rear", "seam", (.8, 1.4), (.55, .55), detail=7),
        sign("rear", "words/HINO/red/white", (0, 1.62), (.34, .16), 8), *o.rear_plate(.62),
    ),
)  # fmt: skip

_HINO_RK = _bus(
    _shell(9.2, 3.05, 1.5, .10, .08, .16), (2.2, 6.4), _panes(1.5, 8.9, 8),
    (
        *_livery(9.2, ((.42, .75),)), *_livery(9.2, ((.85, .93), (1.0, 1.08)), "paint3"), *_door(.5, .8, 2.3),
        *_door(4.0, .95, 2.3),
        pair("front", "chrome", (.54, .66), (.92, .66), (.92, .90), (.54, .90), detail=6),
        pair("front", "lamp", (.58, .69), (.72, .69), (.72, .87), (.58, .87), detail=5),
        pair("front", "lamp", (.75, .69), (.89, .69), (.89, .87), (.75, .87), detail=5),
        *o.grille(.68, .98, .48, .48, 4, "steel"), sign("front", "words/HINO/white/red", (0, 1.12), (.32, .14)),
        band("front", "plastic", (.36, .56), (.92, .94), detail=4), o.front_plate(.46),
        *_route(2.78, "QUIAPO", .4), o.rear_screen(1.65, 2.5, .6, .6),
        o.tail((.82, .7), (.94, .7), (.94, 1.0), (.82, 1.0)),
        pair("rear", "amber", (.82, 1.02), (.94, 1.02), (.94, 1.16), (.82, 1.16), detail=6),
        sign("rear", "words/HINO/white/red", (-.5, 1.3), (.34, .16), 8), *o.rear_plate(.62),
    ),
)  # fmt: skip

_ISUZU_GALA = _bus(
    _shell(11.9, 3.5, 1.95, .5, .26, .36), (2.6, 8.8), _panes(1.6, 11.4, 5),
    (
        *_livery(11.9, ((.5, 1.25),), "paint2", .25), *_livery(11.9, ((1.3, 1.42),), "paint3", .28),
        *_door(.4, .8, 2.6),
        pair("front", "housing", (.5, .68), (.93, .74), (.93, 1.2), (.74, 1.06), detail=5),
        pair("front", "lamp", (.6, .74), (.9, .8), (.9, .98), (.7, .94), detail=5),
        sign("front", "words/ISUZU/silver/black", (0, 1.25), (.36, .14)),
        band("front", "chrome", (1.02, 1.07), (.5, .5), detail=7),
        band("front", "plastic", (.36, .52), (.88, .9), detail=4), o.front_plate(.6),
        *_route(3.14, "BAGUIO", .45), o.rear_screen(2.3, 3.0, .74, .66),
        o.tail((.80, 1.1), (.94, 1.1), (.92, 2.1), (.82, 2.1)),
        band("rear", "seam", (.8, 1.5), (.6, .6), detail=7),
        sign("rear", "words/ISUZU/silver/black", (0, 1.75), (.44, .16), 8), *o.rear_plate(.62),
    ), "five",
)  # fmt: skip

_ISUZU_LT = _bus(
    _shell(10.2, 3.15, 1.6, .14, .1, .2), (2.4, 7.3), _panes(.95, 9.9, 7),
    (
        *_livery(10.2, ((1.42, 1.58),)), *_livery(10.2, ((.42, .52),), "paint3"), *_door(4.4, 1.1, 2.45),
        *_door(.3, .55, 2.4),
        pair("front", "black", (.5, .62), (.93, .62), (.93, 1.12), (.5, .86), detail=5),
        pair("front", "lamp", (.66, .68), (.9, .68), (.9, .86), (.66, .84), detail=5),
        sign("front", "words/ISUZU/red/white", (0, 1.02), (.5, .18)),
        band("front", "plastic", (.36, .5), (.9, .92), detail=4), o.front_plate(.58),
        *_route(2.86, "FAIRVIEW", .55), o.rear_screen(1.75, 2.6, .84, .8),
        o.tail((.86, .7), (.96, .7), (.96, 1.5), (.86, 1.5)),
        sign("rear", "words/ISUZU/red/white", (0, 1.15), (.5, .2), 8),
        band("rear", "plastic", (.62, .9), (.7, .7), detail=6), *o.rear_plate(.62),
    ),
)  # fmt: skip

_YUTONG_CITY = _bus(
    _shell(12.0, 3.1, 1.25, .12, .1, .2), (2.7, 8.7), _panes(.9, 11.6, 6),
    (
        *_livery(12.0, ((.36, .62),)), *_livery(12.0, ((.66, .74),), "paint3"), *_door(.35, 1.05, 2.5),
        *_door(5.2, 1.25, 2.5),
        band("front", "black", (.62, 1.2), (.93, .95), detail=4),
        pair("front", "drl", (.6, .84), (.92, .88), (.92, .93), (.6, .89), detail=5),
        pair("front", "lamp", (.64, .66), (.86, .68), (.86, .82), (.66, .8), detail=5),
        sign("front", "badge/Yutong", (0, .96), (.2, .2)),
        band("front", "plastic", (.34, .46), (.9, .92), detail=4), o.front_plate(.53),
        *_route(2.84, "PITX MONUMENTO", .7), o.rear_screen(1.7, 2.6, .8, .78),
        pair("rear", "tail", (.84, 1.3), (.94, 1.3), (.94, 2.5), (.84, 2.5), detail=5),
        band("rear", "seam", (.6, 1.4), (.7, .7), detail=7),
        sign("rear", "words/YUTONG/silver/black", (0, 1.5), (.5, .14), 8), *o.rear_plate(.55),
    ), "cap", True,
)  # fmt: skip

_YUTONG_COACH = _bus(
    _shell(12.0, 3.7, 1.85, .62, .3, .4), (2.9, 8.9), _panes(1.7, 11.4, 4),
    (
        *_livery(12.0, ((.42, .8),), "paint2"), *_livery(12.0, ((.85, 1.7),), "paint3", .0)[:0], *_door(.5, .8, 2.5),
        Trim("side", "paint2", ((8.6, .8), (11.9, .8), (11.9, 1.84), (9.6, 1.84)), detail=3),
        Trim("side", "paint3", ((8.2, .8), (8.6, .8), (9.6, 1.84), (9.2, 1.84)), detail=3),
        pair("front", "housing", (.6, .72), (.95, .8), (.93, 1.45), (.82, 1.3), detail=5),
        pair("front", "lamp", (.68, .76), (.92, .82), (.92, 1.02), (.76, .98), detail=5),
        pair("front", "drl", (.82, 1.1), (.93, 1.1), (.92, 1.4), (.86, 1.34), detail=6),
        band("front", "black", (.6, .9), (.55, .5), detail=5),
        sign("front", "badge/Yutong", (0, 1.2), (.24, .22)),
        band("front", "plastic", (.34, .5), (.86, .88), detail=4), o.front_plate(.48),
        *_route(3.36, "CUBAO", .4), o.rear_screen(2.2, 3.2, .7, .5),
        o.tail((.74, .9), (.94, .9), (.9, 1.8), (.84, 1.8)),
        band("rear", "black", (.9, 2.2), (.5, .62), detail=5),
        sign("rear", "words/YUTONG/red/silver", (0, 2.02), (.5, .16), 8), *o.rear_plate(.66),
    ), "ten",
)  # fmt: skip

_PALETTES = ("light", "bright", "bright")
MODELS = (
    Model("CarouselBus", "Hino", "Grandecho", lambda b, _: _HINO_GRANDECHO.build(b), 3, _PALETTES, True, 9.5),
    Model("CarouselBus", "Hino", "RK", lambda b, _: _HINO_RK.build(b), 3, _PALETTES, True, 9),
    Model("CarouselBus", "Isuzu", "Gala", lambda b, _: _ISUZU_GALA.build(b), 3, _PALETTES, True, 9.5),
    Model("CarouselBus", "Isuzu", "LT", lambda b, _: _ISUZU_LT.build(b), 3, _PALETTES, True, 9),
    Model("CarouselBus", "Yutong", "ZK6119", lambda b, _: _YUTONG_CITY.build(b), 3, _PALETTES, True, 9),
    Model("CarouselBus", "Yutong", "ZK6128", lambda b, _: _YUTONG_COACH.build(b), 3, _PALETTES, True, 9.5),
)

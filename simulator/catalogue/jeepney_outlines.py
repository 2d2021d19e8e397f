"""The two outlines that jeepneys have: with a bonnet, and blunt like a minibus."""

from __future__ import annotations

from video_analysis.simulator.catalogue import outlines as o
from video_analysis.simulator.vehicles.shell import Line, Shell


def nosed(
    length: float,
    hood: float,
    height: float,
    *,
    width: float = 2.0,
    bonnet: tuple[float, float] = (1.12, 1.22),
    nose: float = 0.8,
) -> Shell:
    """A classic outline: `hood` is the bonnet's length, `bonnet` its heights in front and behind."""
    top: Line = (
        (0, .86), (.03, bonnet[0] - .05), (.12, bonnet[0]), (hood, bonnet[1]), (hood + .05, bonnet[1] + .05),
        (hood + .22, height - .3), (hood + .4, height - .1),
        (hood + .9, height - .02), (length * .6, height), (length - .3, height - .04),
        (length - .06, height - .14), (length, .7),
    )  # fmt: skip
    plan: Line = (
        (0, nose),
        (0.1, nose + 0.08),
        (hood - 0.15, nose + 0.12),
        (hood + 0.25, 1.0),
        (length - 0.3, 1.0),
        (length, 0.94),
    )
    return Shell(
        width,
        top,
        ((0, 0.8), (0.1, bonnet[0] - 0.12), (hood, bonnet[1] - 0.08), (length, bonnet[1] - 0.04)),
        o.floor(length, 0.38, 0.06, 0.04),
        plan,
        0.08,
        0.2,
        0.97,
        0.99,
    )


def blunt(length: float, height: float, foot: float, rake: float, width: float = 2.1) -> Shell:
    """A minibus outline: the windscreen stands over the axle and leans back by `rake`."""
    top: Line = (
        (0, .8), (.04, foot - .2), (.14, foot), (.2 + rake, height - .35), (.4 + rake, height - .12),
        (.9 + rake, height), (length - .4, height), (length - .08, height - .12), (length, .7),
    )  # fmt: skip
    return Shell(
        width,
        top,
        ((0, 0.76), (0.14, foot - 0.1), (0.5, foot), (length, foot + 0.02)),
        o.floor(length, 0.32),
        o.plan(length, 0.84, 0.94, 0.3),
        0.08,
        0.2,
        0.98,
        0.99,
    )

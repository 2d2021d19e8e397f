"""From raw samples to what is printed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

JsonObject = dict[str, object]
"""A JSON object."""


def summary(samples: Sequence[float]) -> JsonObject:
    """Median, least and most of a figure's samples, and the samples themselves. ValueError where there are none."""
    if not samples:
        raise ValueError("a figure without samples")
    middle = median(samples)
    return {
        "median": rounded(middle),
        "spread": rounded((max(samples) - min(samples)) / middle) if middle else 0.0,
        "samples": [rounded(sample) for sample in samples],
    }


def bound_fps(cpu_s_a_frame: Mapping[str, float], cores: int, accelerator_s: float = 0.0) -> float:
    """Frames a second where no core ever waits: 1 ÷ max(Σ of the stages' CPU-seconds a frame ÷ cores, accelerator).

    ValueError where the stages cost nothing: then nothing was measured.
    """
    needed_s = max(sum(cpu_s_a_frame.values()) / cores, accelerator_s)
    if needed_s <= 0:
        raise ValueError(f"stages without cost: {dict(cpu_s_a_frame)}")
    return 1 / needed_s


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median over the rounds of one figure ÷ the other of the same round: what drifts slowly falls out of it."""
    return median(one / other for one, other in zip(above, below, strict=True))


def rounded(value: float) -> float:
    """To four significant digits: more is noise."""
    return float(f"{value:.4g}")

"""Summaries of raw samples. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object."""


def summary(samples: Sequence[float]) -> JsonObject:
    """Median and relative spread of a figure's samples, and the samples. ValueError without samples."""
    if not samples:
        raise ValueError("a figure without samples")
    middle = median(samples)
    return {
        "median": rounded(middle),
        "spread": rounded((max(samples) - min(samples)) / middle) if middle else 0.0,
        "samples": [rounded(sample) for sample in samples],
    }


def bound_fps(cpu_s_a_frame: Mapping[str, float], cores: int, accelerator_s: float = 0.0) -> float:
    """Frames per second if no core waits: 1 ÷ max(Σ of the stages' CPU-seconds per frame ÷ cores, accelerator).

    ValueError if all stages have no cost, since then nothing was measured.
    """
    needed_s = max(sum(cpu_s_a_frame.values()) / cores, accelerator_s)
    if needed_s <= 0:
        raise ValueError(f"stages without cost: {dict(cpu_s_a_frame)}")
    return 1 / needed_s


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median of the ratios of each round, which cancels slow drift of the machine's speed."""
    return median(one / other for one, other in zip(above, below, strict=True))


def rounded(value: float) -> float:
    """Rounded to four significant digits."""
    return float(f"{value:.4g}")

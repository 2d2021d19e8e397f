"""Figures of main models on single vehicles."""

from __future__ import annotations

import numpy as np
import pytest

from video_analysis.benchmarks.main_model.figures import Judged, auroc, figures, risk_coverage
from video_analysis.main_worker.types import Verdict


def verdict(label: str | None, conf: float, candidate: str = "Car") -> Verdict:
    level = {"candidate": (candidate, conf), "abstained": None if label else "below_threshold"}
    nothing = {"candidate": None, "abstained": "no_children"}
    given = conf if label else None
    return Verdict(label, given, None, None, None, None, {"type": level, "make": nothing, "model": nothing})


def test_each_type_of_a_group_is_right_and_an_abstention_only_lowers_the_coverage() -> None:
    verdicts = [verdict("SUV", 0.95, "SUV"), verdict("Van", 0.92, "Van"), verdict(None, 0.3)]
    of = figures([Judged.of(one, ("Car", "SUV"), None, None) for one in verdicts])["type"]

    assert (of["named"], of["right"], of["wrong_and_confident"]) == (2, 1, 1)
    assert (of["precision"], of["coverage"], of["top1"]) == (0.5, 0.6667, 0.6667)


def test_of_unknown_names_only_the_coverage_is_given() -> None:
    assert figures([Judged.of(verdict("Car", 0.9), None, None, None)])["type"] == {"named": 1, "coverage": 1.0}


def test_risk_coverage_takes_the_most_confident_first() -> None:
    curve = risk_coverage(np.array([0.1, 0.9, 0.8, 0.2]), np.array([False, True, True, False]))
    assert (curve["0.5"], curve["1"]) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("known", "unknown", "expected"),
    [
        ([3, 4], [1, 2], 1.0),
        ([1, 2], [3, 4], 0.0),
        ([1, 1], [1, 1], 0.5),
        ([1, 3], [2, 2], 0.5),
        ([2, 3], [2, 1], 0.875),
    ],
)
def test_auroc_is_the_share_of_pairs_in_the_right_order(
    known: list[float], unknown: list[float], expected: float
) -> None:
    assert auroc(np.array(known, float), np.array(unknown, float)) == expected

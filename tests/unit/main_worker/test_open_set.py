"""The open-set rule: no make of a vehicle unlike those of the training, and its type by the type head alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_analysis.main_worker.classification.hierarchy import LEVELS, decide
from video_analysis.main_worker.classification.open_set import open_set_score
from video_analysis.main_worker.types import Logits
from video_analysis.tests.support.hierarchy_inputs import labels, logits

RULE: dict[str, object] = {"head": "make", "least_score": 2.0, "threshold": 0.5}
OF_TYPE, OF_MODEL = [0.55, 0.45, 0, 0], [0.05, 0.05, 0.05, 0.8, 0.025, 0.025]


def scored(score: float) -> Logits:
    """Logits whose make head has this score, and prefers Ford, which builds SUVs only."""
    shares = logits(OF_TYPE, [0.1, 0.1, 0.8], OF_MODEL)
    return Logits(type=shares.type, make=shares.make + np.float32(score), model=shares.model)


def test_the_score_is_the_negative_free_energy_of_the_head() -> None:
    rule = labels(changes={"open_set": RULE}).open_set
    assert rule is not None
    of_make = Logits(*(np.array(values, np.float32) for values in ([0], [1.0, 2.0, 3.0], [0])))
    assert open_set_score(of_make, rule).score == pytest.approx(np.log(np.exp([1.0, 2.0, 3.0]).sum()))


def test_a_vehicle_below_the_least_score_has_no_make_and_the_type_of_the_type_head() -> None:
    verdict = decide(scored(1.9), labels(changes={"open_set": RULE}))
    assert (verdict.type_label, verdict.make_label, verdict.model_label) == ("Car", None, None)
    assert verdict.type_conf == pytest.approx(0.55, abs=1e-3)
    assert [verdict.evidence[level]["abstained"] for level in LEVELS] == [  # type: ignore[index]
        None,
        "out_of_distribution",
        "parent_abstained",
    ]
    assert verdict.evidence["make"]["candidate"] is None  # type: ignore[index]
    assert verdict.evidence["open_set"] == {"score": pytest.approx(1.9, abs=1e-3), "threshold": 2.0}


def test_a_vehicle_at_the_least_score_is_decided_as_without_the_rule() -> None:
    of_heads = scored(2.0)
    rule = RULE | {"least_score": float(np.logaddexp.reduce(of_heads.make.astype(np.float64)))}
    with_rule, without = (decide(of_heads, labels(changes=change)) for change in ({"open_set": rule}, {}))
    assert with_rule.type_label == without.type_label == "SUV"
    assert (with_rule.make_label, with_rule.make_conf) == (without.make_label, without.make_conf)
    assert {level: with_rule.evidence[level] for level in LEVELS} == without.evidence


def test_the_rule_s_own_calibration_and_threshold_apply_to_the_type() -> None:
    bent = RULE | {"calibration": {"slope": 2.0, "bias": 1.0}, "threshold": 0.9}
    verdict = decide(scored(0.0), labels(changes={"open_set": bent}))
    conf = 1 / (1 + np.exp(-(2.0 * np.log(0.55 / 0.45) + 1.0)))
    assert verdict.type_label is None
    assert verdict.evidence["type"]["candidate"] == ("Car", pytest.approx(conf, abs=1e-3))  # type: ignore[index]
    assert verdict.evidence["type"]["abstained"] == "below_threshold"  # type: ignore[index]
    assert verdict.evidence["type"]["threshold"] == 0.9  # type: ignore[index]
    assert verdict.evidence["make"]["abstained"] == "out_of_distribution"  # type: ignore[index]


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_a_make_is_named_only_from_the_least_score_on(score: float, least: float) -> None:
    verdict = decide(scored(score), labels(changes={"open_set": RULE | {"least_score": least}}))
    found = verdict.evidence["open_set"]["score"]  # type: ignore[index]
    assert (verdict.make_label is None) == (found < least) or found == pytest.approx(least, abs=1e-3)
    assert len(json.dumps(dict(verdict.evidence), allow_nan=False)) < 2000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"head": "type"}, "^open_set/head: "),
        ({"least_score": "high"}, "^open_set/least_score: "),
        ({"score": 1.0}, "^open_set/score: unknown key, check its spelling; known are head, least_score, calibration"),
        (
            {"calibration": {"slope": 1.0, "bias": 0.0, "tilt": 1.0}},
            "^open_set/calibration/tilt: unknown key, check its spelling; known are slope, bias$",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_field_and_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        labels(changes={"open_set": RULE | change})

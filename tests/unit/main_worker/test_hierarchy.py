"""Type → make → model: one verdict from three independent heads."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from video_analysis.main_worker.classification.hierarchy import LEVELS, decide, joint_log_probs
from video_analysis.main_worker.types import Logits, Verdict
from video_analysis.tests.support.hierarchy_inputs import HIERARCHY, MODELS, labels, logits


def names(verdict: Verdict) -> tuple[str | None, str | None, str | None]:
    return verdict.type_label, verdict.make_label, verdict.model_label


def confs(verdict: Verdict) -> tuple[float | None, float | None, float | None]:
    return verdict.type_conf, verdict.make_conf, verdict.model_conf


def head(width: int) -> st.SearchStrategy[NDArray[np.float32]]:
    return arrays(np.float32, width, elements=st.floats(-80, 80, width=32))


heads = st.builds(Logits, type=head(4), make=head(3), model=head(6))


def test_confidences_are_those_worked_out_by_hand() -> None:
    verdict = decide(logits([0.8, 0.2, 0, 0], [0.6, 0.3, 0.1], [0.4, 0.1, 0.1, 0.2, 0.1, 0.1]), labels())
    # Best products of makes with models: Car-Toyota .8*.6*.4 = .192, Car-Honda .8*.3*.1 = .024, SUV-Toyota
    # .2*.6*.2 = .024, SUV-Honda .2*.3*.1 = .006; they share .8*.6 + .8*.3 + .2*.6 + .2*.3 = .9 anew, which makes
    # .7024, .0878, .0878, .0220; SUV-Ford has no models and keeps .2*.1 = .02. Types: .7024 to .0878.
    of_type = 0.7024 / (0.7024 + 0.0878)
    of_make = of_type * 0.7024 / (0.7024 + 0.0878) * (0.6 + 0.3)
    assert names(verdict) == ("Car", "Toyota", "Vios")
    assert confs(verdict) == pytest.approx((of_type, of_make, of_make * 0.4), abs=2e-4)


def test_heads_with_equal_probabilities_change_nothing_above_them() -> None:
    verdict = decide(logits([0.6, 0, 0.4, 0], [1, 1, 1], [1, 1, 1, 1, 1, 1]), labels(threshold=0.5))
    assert names(verdict) == ("Car", None, None)
    assert verdict.type_conf == pytest.approx(0.6, abs=1e-3)


def test_a_make_head_that_would_rather_name_the_impossible_leaves_the_make_unsure() -> None:
    verdict = decide(logits([0, 0, 1, 0], [0.97, 0.03, 0], [1, 1, 1, 1, 1, 1]), labels(threshold=0.5))
    assert names(verdict) == ("Motorcycle", None, None)
    assert verdict.evidence["make"]["candidate"] == ("Honda", 0.03)  # type: ignore[index]


def test_heads_that_contradict_each_other_name_nothing() -> None:
    verdict = decide(logits([0, 0, 1, 0], [0.97, 0.03, 0], [1, 0, 0, 0, 0, 0]), labels(threshold=0.5))
    assert names(verdict) == (None, None, None)


def test_a_make_that_only_one_type_builds_corrects_the_type() -> None:
    of_type = [0.55, 0.45, 0, 0]
    assert decide(logits(of_type, [0.1, 0.1, 0.8], [1, 1, 1, 1, 1, 1]), labels()).type_label == "SUV"


def test_a_sure_model_corrects_a_wavering_type_and_make() -> None:
    verdict = decide(logits([0.45, 0.55, 0, 0], [0.45, 0.55, 0], [0.96, 0.01, 0.01, 0.01, 0.01, 0]), labels())
    assert names(verdict) == ("Car", "Toyota", "Vios")
    assert 0.45 < confs(verdict)[0] < 0.45 / 0.55  # type: ignore[operator]  # heard, but not believed outright


def test_many_models_of_one_type_do_not_outweigh_the_one_model_of_another() -> None:
    verdict = decide(logits([0.4, 0, 0.6, 0], [0.5, 0.5, 0], [1, 1, 1, 1, 1, 1]), labels())
    assert names(verdict) == ("Motorcycle", "Honda", "Click")


def test_a_sure_make_head_does_not_talk_down_a_type_that_has_no_makes() -> None:
    verdict = decide(logits([0.05, 0, 0, 0.95], [1, 0, 0], [1, 0, 0, 0, 0, 0]), labels())
    assert names(verdict) == ("CarouselBus", None, None)
    assert verdict.type_conf == pytest.approx(0.95, abs=1e-4)


def test_a_make_without_models_keeps_its_share_against_those_with_models() -> None:
    verdict = decide(logits([0, 1, 0, 0], [0.2, 0.2, 0.6], [0, 0, 0, 1, 0, 0]), labels())
    assert names(verdict) == ("SUV", "Ford", None)
    assert verdict.make_conf == pytest.approx(0.6, abs=1e-4)


def test_a_level_under_its_threshold_silences_all_below_it() -> None:
    of_heads = logits([0.9, 0.1, 0, 0], [0.5, 0.5, 0], [0.9, 0.02, 0.02, 0.02, 0.02, 0.02])
    strict_make = labels(changes={"thresholds": {"type": 0.5, "make": 0.999, "model": 0.0}})
    verdict = decide(of_heads, strict_make)
    assert names(verdict) == ("Car", None, None)
    assert confs(verdict)[1:] == (None, None)
    assert [verdict.evidence[level]["abstained"] for level in LEVELS] == [  # type: ignore[index]
        None,
        "below_threshold",
        "parent_abstained",
    ]


def test_a_confidence_on_the_threshold_is_named() -> None:
    even = logits([1, 1, 1, 1], [1, 1, 1], [1] * 6)
    flat = {"hierarchy": None, "thresholds": {"type": 0.25, "make": 0.34, "model": 0}}
    assert names(decide(even, labels(changes=flat))) == ("Car", None, None)


def test_the_evidence_has_a_code_where_the_hierarchy_ends() -> None:
    verdict = decide(logits([0, 0, 0, 1], [1, 0, 0], [1, 0, 0, 0, 0, 0]), labels())
    assert verdict.evidence["make"]["candidate"] is None  # type: ignore[index]
    assert verdict.evidence["model"]["abstained"] == "no_children"  # type: ignore[index]


def test_the_evidence_has_the_heads_probabilities_before_the_hierarchy() -> None:
    verdict = decide(logits([0.45, 0.55, 0, 0], [0.45, 0.55, 0], [0.96, 0.01, 0.01, 0.01, 0.01, 0]), labels(0.5))
    assert verdict.evidence["type"]["top"][0] == ["SUV", 0.55]  # type: ignore[index]
    assert len(verdict.evidence["model"]["top"]) == 5  # type: ignore[index]


def test_without_a_hierarchy_the_heads_are_independent() -> None:
    verdict = decide(logits([0.6, 0.4, 0, 0], [0, 0, 1], [0, 0, 0, 0, 0, 1]), labels(changes={"hierarchy": None}))
    assert names(verdict) == ("Car", "Ford", "Click")
    assert confs(verdict) == pytest.approx((0.6, 1.0, 1.0), abs=1e-4)


@settings(max_examples=2 * settings().max_examples)
@given(heads)
def test_no_verdict_names_a_model_of_another_make(of_heads: Logits) -> None:
    of_type, of_make, of_model = names(decide(of_heads, labels()))
    assert of_type is not None
    assert (of_make is None) == (not HIERARCHY[of_type])
    if of_make is not None:
        assert of_make in HIERARCHY[of_type]
        models = HIERARCHY[of_type][of_make]
        assert of_model in models if models else of_model is None


@st.composite
def hierarchies(draw: st.DrawFn) -> dict[str, dict[str, list[str]]]:
    """Any: makes without models, types without makes, a model that two makes or two types share."""
    some = st.lists(st.sampled_from(MODELS), unique=True, max_size=3)
    makes = st.dictionaries(st.sampled_from(["Toyota", "Honda", "Ford"]), some)
    return draw(st.dictionaries(st.sampled_from(["Car", "SUV", "Motorcycle", "CarouselBus"]), makes, min_size=1))


@pytest.mark.thorough
@settings(max_examples=3 * settings().max_examples)
@given(heads, hierarchies(), st.tuples(*[st.floats(0, 1)] * 3))
def test_a_row_names_one_path_for_any_hierarchy_and_thresholds(
    of_heads: Logits, hierarchy: dict[str, dict[str, list[str]]], thresholds: tuple[float, ...]
) -> None:
    changes = {"hierarchy": hierarchy, "thresholds": dict(zip(LEVELS, thresholds, strict=True))}
    of_type, of_make, of_model = names(decide(of_heads, labels(changes=changes)))
    if of_make is not None:
        assert of_make in hierarchy[str(of_type)]
    if of_model is not None:
        assert of_model in hierarchy[str(of_type)][str(of_make)]


@settings(max_examples=2 * settings().max_examples)
@given(heads)
def test_types_are_certain_together_and_confidence_never_grows_downwards(of_heads: Logits) -> None:
    tree = labels().tree
    softmax = [z - np.logaddexp.reduce(z) for z in (np.float64(getattr(of_heads, level)) for level in LEVELS)]
    types, makes, models = (np.exp(confs) for confs in joint_log_probs(softmax, tree))
    assert types.sum() == pytest.approx(1)
    for above, below, level in ((types, makes, tree[1]), (makes, models, tree[2])):
        under = np.bincount(level.parents, below, minlength=above.size)
        assert (under <= above + 1e-9).all()


@settings(max_examples=2 * settings().max_examples)
@given(heads)
def test_among_paths_of_one_depth_the_one_with_the_largest_product_wins(of_heads: Logits) -> None:
    full = {
        kind: {make: models for make, models in makes.items() if models} for kind, makes in HIERARCHY.items() if makes
    }
    three_deep = labels(
        changes={"types": ["Car", "SUV", "Motorcycle"], "makes": ["Toyota", "Honda"], "hierarchy": full}
    )
    trimmed = Logits(type=of_heads.type[:3], make=of_heads.make[:2], model=of_heads.model)
    scores = {
        (kind, make, model): float(
            trimmed.type[three_deep.types.index(kind)]
            + trimmed.make[three_deep.makes.index(make)]
            + trimmed.model[three_deep.models.index(model)]
        )
        for kind, makes in full.items()
        for make, models in makes.items()
        for model in models
    }
    chosen = names(decide(trimmed, three_deep))
    assert scores[chosen] == pytest.approx(max(scores.values()), abs=1e-4)  # type: ignore[index]


bends = st.fixed_dictionaries({"slope": st.floats(0.05, 20), "bias": st.floats(-10, 10)})


@given(heads, st.fixed_dictionaries(dict.fromkeys(LEVELS, bends)))
def test_a_calibration_changes_no_name_and_no_confidence_grows_downwards(
    of_heads: Logits, bent: dict[str, Any]
) -> None:
    plain, calibrated = (decide(of_heads, labels(changes=change)) for change in ({}, {"calibration": bent}))
    assert names(calibrated) == names(plain)
    given = [conf for conf in confs(calibrated) if conf is not None]
    assert given == sorted(given, reverse=True)
    assert all(0 <= conf <= 1 for conf in given)


def test_a_confidence_is_calibrated_before_the_threshold_is_applied() -> None:
    honest = {"slope": 1, "bias": 0}
    curves = {"type": {"slope": 0.5, "bias": -1}, "make": honest, "model": honest}
    sure = logits([1, 0, 0, 0], [0.5, 0.5, 0], [1, 1, 1, 1, 1, 1])
    unbent, bent = (decide(sure, labels(changes=change)) for change in ({}, {"calibration": curves}))
    assert unbent.type_conf == pytest.approx(1, abs=1e-3)
    assert bent.type_conf == pytest.approx(1 / (1 + np.exp(-(0.5 * np.log(1e6) - 1))), abs=2e-3)
    assert decide(sure, labels(0.9975, {"calibration": curves})).type_label is None


@given(heads, st.floats(0, 1))
def test_evidence_is_small_and_plain_json(of_heads: Logits, threshold: float) -> None:
    verdict = decide(of_heads, labels(threshold))
    text = json.dumps(dict(verdict.evidence), allow_nan=False)
    assert len(text) < 2000


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(poison: float) -> None:
    zeros = {name: np.zeros(width, np.float32) for name, width in labels().widths.items()}
    bad = Logits(**{**zeros, "type": np.array([poison, 0, 0, 0], np.float32)})
    with pytest.raises(ValueError, match="3 of them finite"):
        decide(bad, labels())


def test_logits_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="not 4"):
        decide(Logits(**{level: np.zeros(5, np.float32) for level in LEVELS}), labels())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"types": ["Car"]}, "hierarchy has names that types does not list: CarouselBus, Motorcycle, SUV"),
        ({"makes": ["Toyota", "Honda"]}, "hierarchy has names that makes does not list: Ford"),
        ({"models": MODELS[1:]}, "hierarchy has names that models does not list: Vios"),
        ({"models": [*MODELS, "Vios"]}, "models: Vios is listed twice"),
        ({"thresholds": {"type": 0.5, "make": 0.5}}, "thresholds/model: Field required"),
        ({"thresholds": {"type": 0.5, "make": 0.5, "model": 1.5}}, "thresholds/model: "),
        ({"mean": [0.5, 0.5]}, "mean/2: "),
        ({"std": [1, 0, 1]}, "std/1: 0 is not within 0.001 to 10"),
        (
            {"mean": [123.675, 0.5, 0.5]},
            "mean/0: 123.675 is not within 0 to 1; pixels are scaled to 0..1, not",
        ),
        (
            {"std": [0.2, 0.2, 57.375]},
            "std/2: 57.375 is not within 0.001 to 10; pixels are scaled to 0..1, not",
        ),
        ({"name": ""}, "name: "),
        ({"name": "a\nb"}, r"^name: a\\x0ab has a character that cannot be printed$"),
        ({"types": ["Car\x00", "SUV"], "hierarchy": {}}, r"^types/0: Car\\x00 has a character that cannot be printed$"),
        ({"makes": ["\x1b[2J", "Ford"], "hierarchy": {}}, r"^makes/0: \\x1b\[2J has"),
        ({"models": ["Vios\x7f", "City"], "hierarchy": {}}, "^models/0: "),
        (
            {"Hierarchy": HIERARCHY},
            "^Hierarchy: unknown key, check its spelling; known are name, types, .*, calibration, open_set$",
        ),
        (
            {"thresholds": {"type": 0.5, "make": 0.5, "model": 0.5, "colour": 0.5}},
            "^thresholds/colour: unknown key, check its spelling; known are type, make, model$",
        ),
    ],
)
def test_labels_that_cannot_be_are_refused_by_field_and_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        labels(changes=change)

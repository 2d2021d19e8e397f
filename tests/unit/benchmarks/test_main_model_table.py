"""The printed table of the main models' figures."""

from __future__ import annotations

from video_analysis.benchmarks.main_model import table


def test_a_set_without_known_names_has_dashes_where_nothing_can_be_right() -> None:
    known = {"named": 3, "right": 2, "precision": 0.6667, "wrong_and_confident": 1, "ece": 0.1}
    type_figures = known | {"precision_at_coverage": {"0.8": 0.75}}
    unknown = {"named": 0, "coverage": 0.0}
    sets = {
        "stills": {"vehicles": 4, "type": type_figures, "make": unknown, "model": unknown},
        "unlabelled": {"vehicles": 5, "type": unknown, "make": unknown, "model": unknown},
    }
    head, stills, unlabelled, scores = table.lines({"cmt": {"sets": sets, "unknown_auroc": {"synthetic": 0.9}}})

    assert head.split()[:2] == ["vehicles", "named"]
    assert stills.split() == ["cmt", "stills", "4", "3", "2", "0.6667", "0.75", "1", "0.1", "0", "–", "0", "–"]
    assert unlabelled.split() == ["cmt", "unlabelled", "5", "0", *"–––––", "0", "–", "0", "–"]
    assert scores == "cmt       AUROC of unknown: {'synthetic': 0.9}"

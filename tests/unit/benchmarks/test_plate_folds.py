"""Folds of the cross-validation of plate formats."""

from __future__ import annotations

import pytest

from video_analysis.benchmarks.plate_folds import fold_of, settings
from video_analysis.main_worker.attributes.plate_formats import FORMATS


@pytest.mark.parametrize(
    ("text", "fold"), [("RK755AJ", "SK"), ("RKO99AN", "SK"), ("2T40211", "CZ"), ("OYO9FEU", "GB"), ("M5XSX", "other")]
)
def test_a_plate_is_in_the_fold_of_its_format(text: str, fold: str) -> None:
    assert fold_of(text) == fold


def test_the_formats_of_a_fold_are_left_out_but_never_those_of_the_home() -> None:
    columns = settings("SK")
    assert columns["before"] == {"PH": FORMATS["PH"]}
    assert "SK" not in columns["without its country"]
    assert "LLDDDLL" in columns["without its country"]["FR"]
    assert not any("LLDDDLL" in some for some in columns["without its formats"].values())
    assert columns["without its formats"]["PH"] == list(FORMATS["PH"])

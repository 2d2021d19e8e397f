"""Detection on the real stills of the validation cameras."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from video_analysis.benchmarks.eval import real_stills, table
from video_analysis.demo import weights


@pytest.mark.slow
def test_the_figures_are_printed_with_their_targets_and_written(
    shared_data: Path, model_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "stills.json"
    options = {"--data": shared_data, "--weights": weights.DETECTOR, "--out": out, "--cache": model_cache}
    assert real_stills.main([str(word) for pair in options.items() for word in pair]) == 0
    found = json.loads(out.read_text())
    assert (found["stills"], found["vehicles"]) == (195, 736)
    assert (found["of_snapshot_size"]["vehicles"], found["of_snapshot_size"]["least_px"]) == (397, 16)
    assert found["map50_of_one_type"] >= found["map50"] > 0
    assert capsys.readouterr().out.splitlines() == [*table.stills_lines(found)]


def test_without_weights_or_stills_it_ends_with_2(
    model_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(tmp_path), "--out", str(tmp_path / "out.json"), "--cache", str(model_cache)]
    assert real_stills.main([*options, "--weights", str(tmp_path / "none.pt")]) == 2
    assert "none.pt: not found" in capsys.readouterr().err
    assert real_stills.main(options) == 2
    assert capsys.readouterr().out == "real stills: they are not here\n"

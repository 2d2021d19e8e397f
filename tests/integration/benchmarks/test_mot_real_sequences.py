"""Tracking on real footage with ground truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from video_analysis.benchmarks import mot


@pytest.mark.slow
def test_the_real_sequences_have_no_switch_and_no_double(
    shared_data: Path, model_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = shared_data / "models" / "yolov8n_coco.pt", tmp_path / "mot.json"
    options = {"--weights": weights, "--sequences": shared_data / "mot", "--out": out, "--cache": model_cache}
    mot.main([str(word) for pair in options.items() for word in pair])
    scores = {row["sequence"]: row for row in json.loads(out.read_text())["scores"]}
    assert [scores[name]["id_switches"] for name in ("jakarta_seqA", "jakarta_seqC")] == [0, 0]
    assert [scores[name]["tracks_per_vehicle"] for name in ("jakarta_seqA", "jakarta_seqC")] == [1.0, 1.0]
    assert scores["jakarta_seqA"]["recall"] >= 0.74
    assert scores["jakarta_seqC"]["recall"] >= 0.99
    assert "jakarta_seqC" in capsys.readouterr().out

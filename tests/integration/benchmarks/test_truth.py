"""Snapshots scored against the truth of the real clips."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from video_analysis.benchmarks.truth import __main__ as make_truth
from video_analysis.benchmarks.truth import material, scorer, tracked, vehicles
from video_analysis.benchmarks.truth.detections import Cache
from video_analysis.benchmarks.truth.scorer import Snapshot
from video_analysis.benchmarks.truth.vehicles import ClipTruth
from video_analysis.worker_config import WorkerConfig

COMPARED = ("vehicles", "covered", "missed", "duplicates", "false", "exactly_one", "ignored")


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> ModuleType:
    """The scorer that comes with the truth."""
    path = shared_data / "truth" / "score.py"
    spec = importlib.util.spec_from_file_location("reference_score", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def disturbed(truth: ClipTruth, seed: int) -> list[Snapshot]:
    """Snapshots of the true vehicles in any frame, moved and scaled at random; some show nothing."""
    random = np.random.default_rng(seed)
    shots = []
    for track_id in range(1, 81):
        vehicle = truth.vehicles[random.integers(len(truth.vehicles))]
        frame = int(random.choice(np.flatnonzero(vehicle.held.any(1))))
        box = vehicle.held[frame]
        sides = np.tile(box[2:] - box[:2], 2)
        x1, y1, x2, y2 = box + random.normal(0, random.choice([0.02, 0.2, 0.5]), 4) * sides
        if x2 - x1 > 1 and y2 - y1 > 1:
            shots.append(Snapshot(track_id, float(truth.offsets_ms[frame]), (x1, y1, x2, y2)))
    return shots


@pytest.mark.parametrize("seed", range(3))
def test_both_scorers_count_the_same(shared_data: Path, reference: ModuleType, seed: int) -> None:
    paths = sorted((shared_data / "truth").glob("*.json"))
    seen = set()
    for path in paths:
        truth = vehicles.read(path)
        shots = disturbed(truth, seed)
        rows = [{"track_id": s.track_id, "offset_ms": s.offset_ms, "box": s.box, "type": "Car"} for s in shots]
        expected = reference.score(json.loads(path.read_text("utf-8")), rows)
        counts = scorer.score(truth, shots).counts
        assert {name: counts[name] for name in COMPARED} == {name: expected[name] for name in COMPARED}
        seen |= {name for name in COMPARED if counts[name]}
    assert seen == {*COMPARED}


@pytest.mark.slow
def test_the_workers_rows_are_scored_and_are_those_of_the_tracker_alone(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, out = shared_data / "video" / "otvision_cars_truck_800x600_60f.mp4", tmp_path / "truth"
    arguments = [clip, "--strides", 10, "--data", shared_data, "--out", out]
    arguments += ["--weights", shared_data / "models" / "yolov8n_coco.pt"]
    assert make_truth.main([str(one) for one in arguments]) == 0
    [result] = json.loads((tmp_path / "truth.json").read_text("utf-8"))["clips"]
    assert (result["counts"]["covered"], result["counts"]["missed"], result["faults"]) == (5, 0, [])
    assert (out / f"{clip.stem}_stride10.png").is_file()
    assert "1.00 snapshots per vehicle" in capsys.readouterr().out


@pytest.mark.slow
def test_an_odd_recording_has_the_vehicles_of_the_usual_one(shared_data: Path, tmp_path: Path) -> None:
    """At stride 3: a bus in front doubles no vehicle, a pause merges none, bars and a varying rate cost few."""
    weights = shared_data / "models" / "yolov8n_coco.pt"
    if not (shared_data / "cases").is_dir() or not weights.is_file():
        pytest.skip(f"{shared_data}/cases or {weights} is absent")
    config = WorkerConfig(yolo_weights=weights)
    cache = Cache(tmp_path, config)
    clips = material.real_clips(shared_data)
    snapshots = {
        clip.name: len(tracked.track(clip.clip, clip.embedder, 3, config).shots)
        for clip in material.real(cache, shared_data, {name: clips[name] for name in material.CASES})
    }
    assert snapshots["parked_free"] == 9
    assert snapshots["parked_bus"] in (9, 10)
    assert snapshots["gap_60s"] == pytest.approx(snapshots["seg_a"] + snapshots["seg_b"], abs=1)
    assert snapshots["bars_none"] == 11
    assert snapshots["bars_pillar"] <= 13  # a standing car twice, and a far one
    assert snapshots["vfr_idle_then_fast"] == pytest.approx(snapshots["vfr_control"], abs=2)

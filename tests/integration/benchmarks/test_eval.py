"""The evaluation: its rules on scenes small enough to count by hand, and one short scene through both workers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video_analysis.benchmarks.eval import __main__ as evaluation
from video_analysis.benchmarks.eval import (
    attributes,
    decoding,
    figures,
    hota,
    matching,
    naming,
    outcomes,
    report,
    scenes,
    stage_two,
    table,
    tracking,
    true_detections,
    truth,
)
from video_analysis.benchmarks.eval.hota import CompareFrame
from video_analysis.benchmarks.eval.outcomes import JudgedShot, Outcome
from video_analysis.benchmarks.eval.predictions import Prediction, SnapshotPredictions
from video_analysis.benchmarks.eval.stage_one import ProcessedFrame, Shot, StageOneResult, TrackBox
from video_analysis.benchmarks.eval.truth import ClipTruth
from video_analysis.benchmarks.mot import Labelled
from video_analysis.devstack import untrained_model
from video_analysis.main_worker.attributes.color import Color
from video_analysis.main_worker.attributes.plate import Plate, PlateResult
from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import Logits, Verdict
from video_analysis.simulator.cameras import CAMERAS
from video_analysis.simulator.rendering.lighting import LIGHTS, WEATHERS
from video_analysis.simulator.truth import SceneFacts, SeenVehicle
from video_analysis.simulator.vehicles.paint import Paint
from video_analysis.training.ground_truth_filter import is_required
from video_analysis.training.splits import EVALUATION_SCENES
from video_analysis.yolo_worker.detection.postprocess import overlaps
from video_analysis.yolo_worker.types import Box, Frame

FACTS = SceneFacts(1, "rain", "dusk", "pole", 10, 1280, 720, 4.0)


def seen(
    name: int, left: int, *, px: int = 900, height: int = 30, fraction: float = 1.0, cut: bool = False
) -> SeenVehicle:
    """A car 60 px wide at `left`."""
    return SeenVehicle(name, "Car", "Toyota", "Vios", (), "", (left, 0, left + 60, height), fraction, px, cut)


def box(left: float, height: float = 30) -> Box:
    return (left, 0.0, left + 60, height)


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (seen(1, 0, height=24), True),
        (seen(1, 0, height=23), False),
        (seen(1, 0, fraction=0.5), True),
        (seen(1, 0, fraction=0.49), False),
        (SeenVehicle(1, "Car", "", "", (), "", (0, 0, 23, 90), 1.0, 9, cut=True), False),
        (SeenVehicle(1, "Motorcycle", "", "", (), "", (0, 0, 23, 90), 1.0, 9, cut=False), True),
    ],
)
def test_a_vehicle_shows_that_is_24_px_high_and_half_of_it_visible(one: SeenVehicle, counts: bool) -> None:
    assert is_required(one) is counts


@pytest.mark.parametrize(
    ("true", "snapshot", "vehicle"),
    [
        ([seen(1, 0), seen(2, 15)], box(10), 2),
        ([seen(1, 0)], box(19), 1),
        ([seen(1, 0)], box(21), None),
        ([], box(0), None),
    ],
)
def test_a_snapshot_shows_whom_its_box_overlaps_most(
    true: Sequence[SeenVehicle], snapshot: Box, vehicle: int | None
) -> None:
    assert matching.shown(true, snapshot) == vehicle


def test_two_tracks_on_one_vehicle_in_the_same_frame_make_a_duplicate() -> None:
    tracks = [TrackBox(key, box(key), confirmed=True) for key in (1, 3)]
    frames = [ProcessedFrame(0, 0, tracks)]
    shots = [Shot(track.key, 0, 0, track.box, "Car", b"") for track in tracks]
    outcome = outcomes.judge(
        ClipTruth(FACTS, [[seen(9, 0)]]),
        StageOneResult(1, 1, frames, shots),
        [SnapshotPredictions({}), SnapshotPredictions({})],
    )
    assert [len(vehicle.shots) for vehicle in outcome.vehicles] == [2]
    assert outcome.false_shots == []


def test_a_vehicle_counts_that_shows_in_one_frame_both_at_once() -> None:
    frames = [[seen(1, 0), seen(2, 0, height=20)], [seen(2, 0, fraction=0.2), seen(1, 0, height=9)]]
    clip = ClipTruth(FACTS, frames)
    assert (sorted(clip.counted), sorted(clip.ignored)) == ([1], [2])


@pytest.mark.parametrize(
    ("true", "found", "pairs"),
    [
        ([seen(1, 0)], [(7, box(19))], {7: 1}),
        ([seen(1, 0)], [(7, box(21))], {}),
        ([seen(1, 0), seen(2, 15)], [(7, box(10)), (8, box(-10))], {7: 2, 8: 1}),
        ([], [(7, box(0))], {}),
        ([seen(1, 0)], [], {}),
    ],
)
def test_boxes_and_vehicles_are_paired_one_to_one_from_half_overlap_on(
    true: Sequence[SeenVehicle], found: Sequence[Labelled], pairs: dict[int, int]
) -> None:
    assert matching.paired(true, found) == pairs


def test_a_track_belongs_to_the_vehicle_of_most_of_its_frames() -> None:
    assert matching.owners([{7: 1}, {7: 2}, {7: 2, 8: 1}, {8: 3}]) == {7: 2, 8: 1}


@pytest.mark.parametrize(
    ("chosen", "processed", "regret"),
    [(0, range(4), 0.5), (1, range(4), 0.0), (2, range(4), 0.0), (0, (0, 3), 0.0), (3, range(4), 0.75)],
)
def test_regret_is_towards_the_largest_uncut_processed_frame(
    chosen: int, processed: Sequence[int], regret: float
) -> None:
    frames = [[seen(1, 0, px=400)], [seen(1, 0, px=800)], [seen(1, 0, px=999, cut=True)], [seen(1, 0, px=200)]]
    assert matching.regret(ClipTruth(FACTS, frames), 1, chosen, processed) == regret


def test_a_vehicle_that_is_always_cut_is_compared_with_its_largest_cut_frame() -> None:
    frames = [[seen(1, 0, px=100, cut=True)], [seen(1, 0, px=400, cut=True)]]
    assert matching.regret(ClipTruth(FACTS, frames), 1, 0, (0, 1)) == 0.75


def overlap(*rows: Sequence[float]) -> hota.Floats:
    return np.array(rows, np.float64)


@pytest.mark.parametrize(
    ("frames", "figure"),
    [
        ([], 0.0),
        ([CompareFrame([1], [], np.zeros((1, 0)))], 0.0),
        ([CompareFrame([1], [5], overlap([1.0]))] * 3, 1.0),
        ([CompareFrame([1], [track], overlap([0.9])) for track in (5, 5, 6, 6)], 0.6698906348083082),
        (
            [
                *[CompareFrame([1, 2], [5, 6], overlap([0.8, 0.2], [0.1, 0.6]))] * 3,
                CompareFrame([1, 2], [5], overlap([0.3], [0.7])),
                CompareFrame([], [6], np.zeros((0, 1))),
                CompareFrame([1], [], np.zeros((1, 0))),
            ],
            0.4651728091350651,
        ),
    ],
)
def test_hota_is_what_trackeval_1_3_says_of_the_same_frames(frames: Sequence[CompareFrame], figure: float) -> None:
    assert hota.count(frames).hota() == pytest.approx(figure, abs=1e-12)


def test_hota_of_several_sequences_is_that_of_their_sums() -> None:
    perfect = hota.count([CompareFrame([1], [5], overlap([1.0]))] * 4)
    blind = hota.count([CompareFrame([1], [], np.zeros((1, 0)))] * 4)
    assert (perfect + blind).hota() == pytest.approx(0.5**0.5)


def test_boxes_on_vehicles_that_nobody_asks_for_count_neither_way() -> None:
    left = tracking.without_ignored(
        [seen(1, 0), seen(2, 200, height=12)], [(7, box(0)), (8, box(200, 12)), (9, box(400))]
    )
    assert (left.true, left.found, left.shared.tolist()) == ([1], [7, 9], [[1.0, 0.0]])


def test_a_switch_a_miss_and_a_false_alarm_are_counted_as_motmetrics_has_them() -> None:
    true = [[seen(1, 0)]] * 5
    found = [[(7, box(0))], [(7, box(0))], [], [(8, box(0)), (9, box(300))], [(8, box(0))]]
    counted = tracking.count(true, found).mot
    assert (counted.num_objects, counted.num_misses, counted.num_false_positives, counted.num_switches) == (5, 1, 1, 1)
    assert counted.mota() == pytest.approx(1 - 3 / 5)
    assert counted.idf1() == pytest.approx(2 * 2 / (5 + 5))


def verdict(model: str, conf: float) -> Verdict:
    return Verdict("Car", 0.9, "Toyota", 0.8, model, conf, {})


def read(joint: Verdict, abstaining: Verdict | None = None, **more: Any) -> SnapshotPredictions:
    """The baseline's; decoded in other ways it says the same."""
    names = decoding.names(joint)
    return SnapshotPredictions({"baseline": Prediction(joint, abstaining or joint, names, names)}, **more)


def scene() -> outcomes.SceneOutcome:
    """Vehicle 1 is found once, 2 never, 3 twice, 4 is too small, and one snapshot shows the road."""
    frame = [seen(1, 0), seen(2, 100), seen(3, 200), seen(4, 300, height=12)]
    second = [seen(1, 0, px=450), seen(2, 100), seen(3, 200, px=800)]
    places = {7: 0.0, 8: 200.0, 9: 300.0, 10: 500.0}
    first = [TrackBox(key, box(left, 12 if key == 9 else 30), True) for key, left in places.items()]
    later = [TrackBox(7, box(0), True), TrackBox(11, box(200), True), TrackBox(12, box(100), False)]
    result = StageOneResult(
        3,
        2,
        [ProcessedFrame(0, 0, first), ProcessedFrame(1, 100, later)],
        [
            Shot(7, 1, 100, box(0), "Car", b""),
            *[Shot(track.key, 0, 0, track.box, "Car", b"") for track in first[1:]],
            Shot(11, 1, 100, box(200), "Van", b""),
        ],
    )
    said = ["Wigo", *["Vios"] * (len(result.shots) - 1)]
    return outcomes.judge(ClipTruth(FACTS, [frame, second]), result, [read(verdict(model, 0.7)) for model in said])


def test_each_snapshot_is_a_vehicles_a_double_an_ignored_ones_or_nobodys() -> None:
    measured = figures.figures([scene()], [])
    assert (measured["vehicles"], measured["ignored_vehicles"]) == (3, 1)
    assert (measured["snapshots"], measured["false_snapshots"], measured["ignored_snapshots"]) == (3, 1, 1)
    assert (measured["missed_rate"], measured["duplicate_rate"], measured["snapshots_per_vehicle"]) == (
        0.3333,
        0.3333,
        1.3333,
    )


def test_names_are_judged_by_the_largest_snapshot_and_a_missed_vehicle_is_wrong() -> None:
    measured = figures.figures([scene()], [])
    assert (measured["type_top1"], measured["make_top1"], measured["model_top1"]) == (0.6667, 0.6667, 0.3333)
    assert measured["yolo_type_top1"] == 1.0
    assert measured["ece"] == {"type": 0.1, "make": 0.2, "model": pytest.approx(0.7 - 2 / 3, abs=1e-4)}


def test_the_largest_snapshot_is_the_one_whose_regret_counts() -> None:
    measured = figures.figures([scene()], [])
    assert (measured["best_shot_regret"], measured["best_shot_regret_over_5_percent"]) == (0.25, 0.5)


def test_why_a_vehicle_was_missed_is_said() -> None:
    (missed,) = [vehicle for vehicle in scene().vehicles if not vehicle.shots]
    assert (missed.truth.id, missed.confirmable) == (2, True)
    assert missed.why_missed == "shows in 2 processed frames, found in 1, never confirmed"


def test_what_went_wrong_is_listed_by_vehicle() -> None:
    document = report.document([scene()], {1: []})
    listed = document["to_inspect"]["3"]
    assert {fault: len(entries) for fault, entries in listed.items()} == {
        "missed": 1, "doubled": 1, "false": 1, "misnamed": 1, "small": 1, "miscoloured": 0, "misread": 0,
    }  # fmt: skip
    assert listed["misnamed"][0]["predicted"] == {"baseline": ["Car", "Toyota", "Wigo"]}
    assert listed["false"][0]["box"] == [500, 0, 560, 30]
    stills: dict[str, object] = {
        "stills": 2,
        "vehicles": 9,
        "map50_of_one_type": 0.8,
        "map50": 0.5,
        "by_label": {"car": 0.5},
    }
    stills |= {"cameras": ["1002"], "of_snapshot_size": stills | {"least_px": 16}}
    real = {
        "real_clips": {"skipped": "not here"},
        "real_photographs": {"colours": {"pictures": 4, "right": 3}, "plates": {"skipped": "not here"}},
    }
    lines = table.table(document | {"real_stills": stills, "single_vehicles": {}} | real).splitlines()
    assert lines[0] == "real stills of the cameras 1002: 2, 9 vehicles"
    assert [line.endswith("MISSED") for line in lines[1:3]] == [False, True]
    assert lines[5:8] == [
        "real clips: not here", "colours of real photographs: 3 of 4 right", "plates of real photographs: not here"
    ]  # fmt: skip
    assert any(line.startswith("map50 ") and line.endswith("MISSED") for line in lines[8:])


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({}, []),
        ({"snapshots_per_vehicle": 1.03}, ["snapshots_per_vehicle"]),
        ({"idf1": 0.949}, ["idf1"]),
        ({"ece": {"type": 0.01, "make": 0.06, "model": 0.05}}, ["ece_make"]),
    ],
)
def test_a_target_is_missed_outside_its_bounds(changed: dict[str, object], missed: list[str]) -> None:
    reached: dict[str, object] = {name: least or most for name, (least, most) in report.TARGETS.items()}
    reached["ece"] = dict.fromkeys(LEVELS, 0.05)
    reached["abstaining"] = {level: {"precision": 0.98, "coverage": 0.9} for level in LEVELS}
    assert report.missed_targets({**reached, **changed}) == missed


def test_a_level_of_which_nothing_is_said_is_unsure_and_wrong() -> None:
    silent = Verdict("Car", 1.0, None, None, None, None, {})
    shot = JudgedShot(0, 9, False, 0.0, "Car", read(silent))
    measured = naming.figures([Outcome(seen(1, 0), 0, 0, [shot], True, None)], "baseline")
    assert (measured["type_top1"], measured["make_top1"]) == (1.0, 0.0)
    assert measured["ece"] == {"type": 0.0, "make": 0.0, "model": 0.0}


def paints(*bases: str) -> tuple[Paint, ...]:
    return tuple(Paint(None, base, None) for base in bases)


def painted(
    color: str, *read_as: str, plate: str = "", plate_px: float = 0.0, read_plate: PlateResult | str = ""
) -> Outcome:
    """A vehicle and what was read of its paint and plate."""
    vehicle = replace(seen(1, 0), colors=paints(color, "Pink"), plate=plate)
    said = [Color(None, base, None, 0.5) for base in read_as]
    shot = JudgedShot(0, 9, False, 0.0, "Car", SnapshotPredictions({}, said, read_plate), plate_px)
    return Outcome(vehicle, 0, 0, [shot], True, None)


def in_light(light: str, *vehicles: Outcome) -> outcomes.SceneOutcome:
    return outcomes.SceneOutcome(replace(FACTS, light=light), 3, 1, vehicles, [], 0, 0, tracking.nothing())


def test_colour_s_headline_is_by_day_and_silver_and_gray_are_one() -> None:
    by_day = in_light("day", painted("Silver", "Gray", "Red"), painted("Red", "Pink"), painted("Red"))
    by_night = in_light("night", painted("Red", "Red"), Outcome(seen(2, 0), 0, 0, [], True, None))
    measured = attributes.figures([by_day, by_night])
    assert measured["color_top1"] == 0.3333
    assert measured["color_top1_by_light"] == {"day": 0.3333, "night": 1.0}
    assert attributes.figures([by_night])["color_top1"] is None


def test_plates_are_counted_over_all_vehicles_and_over_those_whose_plate_is_legible() -> None:
    measured = attributes.figures(
        [
            in_light(
                "day",
                painted("Red", plate="NBC 1234", plate_px=50, read_plate=PlateResult(Plate("NBC1234", 0.9), None)),
                painted("Red", plate="NBC 1234", plate_px=40, read_plate=PlateResult(Plate("NBC1235", 0.9), None)),
                painted("Red", plate="NBC 1234", plate_px=39, read_plate=PlateResult(None, "text_too_small")),
                painted("Red", plate="NBC 1234", plate_px=10, read_plate=PlateResult(None, "text_too_small")),
                Outcome(seen(2, 0), 0, 0, [], True, None),
            )
        ]
    )
    assert (measured["plate_exact"], measured["plate_abstained"]) == (0.25, 0.5)
    assert (measured["plates"]["pictures"], measured["plates"]["wrong"]) == (4, 1)
    assert measured["plates"]["legible"]["pictures"] == 2
    assert measured["plates"]["legible"]["exact"] == 1


def test_why_no_plate_was_looked_for_is_said() -> None:
    measured = attributes.figures([in_light("day", painted("Red", "Red", read_plate="not installed"))])
    assert (measured["plate_exact"], measured["plate_abstained"]) == (None, None)
    assert measured["plates"] == {"skipped": "not installed"}


def test_a_wrong_colour_and_a_wrong_plate_are_listed() -> None:
    wrong = painted("Red", "Blue", plate="NBC 1234", read_plate=PlateResult(Plate("NBC1235", 0.9), None))
    listed = report.document([in_light("day", wrong)], {1: []})["to_inspect"]["3"]
    assert [(one["colors"], one["read"]) for one in listed["miscoloured"]] == [(["Red", "Pink"], [["Blue", 0.5]])]
    assert [(one["plate"], one["read"]) for one in listed["misread"]] == [("NBC1234", "NBC1235")]


LABELS = Labels.model_validate(
    {
        "name": "test",
        "types": ["Car", "Van"],
        "makes": ["Toyota", "Honda"],
        "models": ["Vios", "City", "Hiace"],
        "hierarchy": {"Car": {"Toyota": ["Vios"], "Honda": ["City"]}, "Van": {"Toyota": ["Hiace"]}},
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "thresholds": {"type": 0.5, "make": 0.9, "model": 0.0},
    }
)


def test_one_picture_s_logits_are_decoded_in_every_way() -> None:
    shares = {"type": [0.4, 0.6], "make": [0.3, 0.7], "model": [0.97, 0.02, 0.01]}
    logits = Logits(**{level: np.log(np.array(share, np.float32)) for level, share in shares.items()})
    made = stage_two.decode_all(logits, LABELS, LABELS.model_copy(update={"thresholds": stage_two.NO_THRESHOLDS}))
    assert decoding.names(made.joint) == ("Car", "Toyota", "Vios")
    assert made.greedy == ("Van", "Toyota", "Hiace")
    assert made.heads == ("Van", "Honda", "Vios")
    assert decoding.names(made.abstaining) == ("Car", None, None)


def test_greedy_decoding_ends_where_the_hierarchy_does_and_needs_one() -> None:
    heads = {"type": [0, 1], "make": [0, 1], "model": [0, 1, 0]}
    logits = Logits(**{level: np.array(head, np.float32) for level, head in heads.items()})
    ends = LABELS.model_copy(update={"hierarchy": {"Van": {"Toyota": []}}})
    assert decoding.greedy(logits, ends) == ("Van", "Toyota", None)
    assert decoding.greedy(logits, LABELS.model_copy(update={"hierarchy": None})) == ("Van", "Honda", "City")


def test_each_way_of_decoding_and_abstention_are_told_apart() -> None:
    right, wrong = (
        Verdict("Car", 0.9, "Toyota", 0.8, "Vios", 0.7, {}),
        Verdict("Car", 0.9, "Honda", 0.4, "City", 0.3, {}),
    )
    vague = Verdict("Car", 0.9, None, None, None, None, {})
    names, others = ("Car", "Toyota", "Vios"), ("Car", "Honda", "Vios")
    read_as = [
        Prediction(right, right, names, others),
        Prediction(wrong, vague, names, others),
        Prediction(wrong, wrong, names, others),
    ]
    vehicles = [
        Outcome(seen(1, 0), 0, 0, [JudgedShot(0, 9, False, 0.0, "Car", SnapshotPredictions({"cmt": one}))], True, None)
        for one in read_as
    ]
    measured = naming.figures([*vehicles, Outcome(seen(2, 0), 0, 0, [], True, None)], "cmt")
    assert measured["joint"] == {"type": 0.75, "make": 0.25, "model": 0.25}
    assert (measured["greedy"]["make"], measured["heads"]["make"], measured["heads"]["model"]) == (0.75, 0.0, 0.75)
    assert measured["abstaining"]["make"] == {"precision": 0.5, "coverage": 0.5}
    assert measured["abstaining"]["type"] == {"precision": 1.0, "coverage": 0.75}
    assert naming.figures(vehicles, "baseline")["abstaining"]["model"] == {"precision": None, "coverage": 0.0}


def test_every_light_and_weather_is_looked_at_twice_and_no_seed_was_trained_on() -> None:
    assert len(scenes.SCENES) >= 20
    assert len({one.seed for one in scenes.SCENES}) == len(scenes.SCENES)
    assert all(one.seed in EVALUATION_SCENES for one in scenes.SCENES)
    kinds = Counter((one.light, one.weather) for one in scenes.SCENES)
    assert set(kinds) == set(product(LIGHTS, WEATHERS)) == {(one.light, one.weather) for one in scenes.SCENES[:9]}
    assert min(kinds.values()) >= 2
    assert {one.camera for one in scenes.SCENES} == set(CAMERAS)


def test_missing_weights_are_named_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluation.main(["--weights", str(tmp_path / "none.pt")]) == 2
    assert f"{tmp_path / 'none.pt'}" in (printed := capsys.readouterr().err)
    assert "make train" in printed


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eval")
    (clip,) = scenes.clips(scenes.SCENES[:1], folder / "clips", 2.0)
    return clip


def test_the_detector_that_knows_the_truth_sees_what_shows_nearly_where_it_is() -> None:
    shows_enough, hidden = seen(1, 100, height=40), seen(2, 300, height=40, fraction=0.2)
    frame = Frame(0, 0, np.zeros((720, 1280, 3), np.uint8))
    (once,), (again,) = (
        list(true_detections.detect([frame], ClipTruth(FACTS, [[shows_enough, hidden]]))) for _ in range(2)
    )
    assert once.frame is frame
    assert once.boxes.shape == (1, 6)
    np.testing.assert_array_equal(once.boxes, again.boxes)
    assert 0.8 < overlaps(once.boxes, np.array([box(100, 40)], np.float32))[0, 0] < 1


def test_a_clip_is_rendered_once_and_whole(short_clip: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in short_clip.parent.iterdir()}
    assert scenes.clips(scenes.SCENES[:1], short_clip.parent, 2.0) == [short_clip]
    assert {path: path.stat().st_mtime_ns for path in short_clip.parent.iterdir()} == before
    assert {path.name for path in before} == {short_clip.name, f"{short_clip.stem}.truth.jsonl"}
    known = truth.read(short_clip)
    assert (known.facts.seed, len(known.frames)) == (scenes.FIRST_SEED, 30)
    assert known.counted


@pytest.mark.slow
def test_a_short_scene_goes_through_both_workers(shared_data: Path, model_cache: Path, tmp_path: Path) -> None:
    weights, out = shared_data / "models" / "yolov8n_coco.pt", tmp_path / "eval.json"
    if not weights.is_file():
        pytest.skip(f"no detector at {weights}")
    for name in ("baseline", "cmt"):
        untrained_model.export(tmp_path / f"{name}.pt", name)
    options = {"--weights": weights, "--baseline": tmp_path / "baseline.pt", "--cmt": tmp_path / "cmt.pt"}
    folders = {"--out": out, "--cache": tmp_path, "--networks": model_cache, "--data": tmp_path}
    named = [str(word) for pair in (options | folders).items() for word in pair]
    few = ["--scenes=1", "--seconds=2", "--strides=3", "--vehicles=3", f"--look={scenes.FIRST_SEED}"]
    assert evaluation.main([*named, *few]) == 0
    report = json.loads(out.read_text())
    assert report["headline_stride"] == 3
    assert report["by_stride"]["3"] == {name: report[name] for name in report["by_stride"]["3"]}
    assert report["frames"] == 10
    assert report["snapshots"] + report["missed"] - report["duplicates"] == report["vehicles"] > 0
    assert len(report["to_inspect"]["3"]["missed"]) == report["missed"]
    assert 0 < report["map50"] <= 1
    assert set(report["variants"]) == {"baseline", "cmt"} == set(report["checkpoints"])
    assert set(report["color_top1_by_light"]) == {"day"}
    assert 0 <= report["color_top1"] <= 1
    assert (report["plate_exact"] is None) == ("skipped" in report["plates"])
    assert {of["sets"]["synthetic"]["vehicles"] for of in report["single_vehicles"].values()} == {3}
    assert set(report["jakarta"]) == set(report["real_stills"]) == set(report["real_clips"]) == {"skipped"}
    assert [set(of) for of in report["real_photographs"].values()] == [{"skipped"}] * 2
    assert len(list(tmp_path.glob("*_stride3.png"))) == 1

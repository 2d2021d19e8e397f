"""The demo's own weights: seeds that never meet, confidences that mean something, files that the workers accept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.simulator.close_ups import far_apart_frames
from video_analysis.simulator.scene import Scene
from video_analysis.training import rendering, stills, train_loop
from video_analysis.training.__main__ import destination, main
from video_analysis.training.augmentation import drawn, moved
from video_analysis.training.average_precision import TrueBoxes, map50
from video_analysis.training.calibration import calibration_error, fit_logistic, softmax, temperature
from video_analysis.training.detector_views import CANVAS, crop_matrix
from video_analysis.training.ground_truth_filter import is_required
from video_analysis.training.hardware import Hardware
from video_analysis.training.main_model import Predictions
from video_analysis.training.networks import baseline, cmt
from video_analysis.training.snapshot_views import labels
from video_analysis.training.splits import EVALUATION_SCENES, GENERATORS, scenes
from video_analysis.training.stills import Seen, Still
from video_analysis.training.train_loop import Plan, TrainingRun, Validation, train
from video_analysis.training.verdict_calibration import judged, verdict_calibration
from video_analysis.worker_config import PACKAGE_FOLDER, DetectorSettings
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Frame

MOST_BYTES = 25_000_000
CAR = Seen("Car", "Toyota", "Vios", (2, 3, 30, 20), 0.9, False)
CPU = Hardware(torch.device("cpu"), halves=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of two steps on a handful of pictures, of all three networks."""
    folder = tmp_path_factory.mktemp("training")
    few = ["--images", "6", "--steps", "2", "--batch", "2", "--threads", "1", "--processes", "0", "--device", "cpu"]
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("YOLO_OFFLINE", "YOLO_CONFIG_DIR", "OMP_NUM_THREADS", "MPLCONFIGDIR"):
            patch.setenv(name, "")
        folders = ["--work", str(folder / "work"), "--out", str(folder / "out"), "--shared-data", str(folder / "none")]
        assert main([*few, *folders]) == 0
        yield folder
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def runtime(folder: Path) -> backend.Runtime:
    return backend.choose("torch", 1, folder / "cache")


@pytest.mark.slow
def test_the_worker_takes_the_detector_and_its_names_are_the_eight_types(
    folder: Path, runtime: backend.Runtime
) -> None:
    chosen = DetectorSettings(size_px=640, batch=1, confidence=0.25, iou=0.5, containment=0.8, min_box_px=16)
    detector = Detector.load(folder / "out" / "demo.pt", runtime, chosen)
    (seen,) = detector.detect([Frame(0, 0, np.full((720, 1280, 3), 90, np.uint8))])
    assert seen.boxes.shape[1] == 6
    assert tuple(torch.load(folder / "out" / "demo.pt", weights_only=False)["model"].names.values()) == YOLO_TYPES


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["baseline", "cmt"])
def test_the_worker_takes_the_main_models(folder: Path, runtime: backend.Runtime, variant: str) -> None:
    path = folder / "out" / f"demo_{variant}.pt"
    classifier = Classifier.load(path, "baseline" if variant == "baseline" else "cmt", runtime)
    figures = json.loads(path.with_suffix(".json").read_text())
    assert classifier.checkpoint.startswith(f"demo-{variant}@")
    assert classifier.labels.thresholds.model_dump() == figures["validation"]["labels"]["thresholds"]
    assert classifier.gflops == pytest.approx(figures["gflops"], rel=0.01)
    assert figures["gflops"] < 4
    assert str(PACKAGE_FOLDER).encode() not in path.read_bytes()


@pytest.mark.slow
def test_all_weights_together_are_small_enough_for_the_repository(folder: Path) -> None:
    assert sum(path.stat().st_size for path in (folder / "out").iterdir()) < MOST_BYTES


@pytest.mark.slow
def test_figures_lie_beside_each_file(folder: Path) -> None:
    for name in ("demo", "demo_baseline", "demo_cmt"):
        figures = json.loads((folder / "out" / f"{name}.json").read_text())
        assert figures["steps"] == 2
        assert figures["losses"][-1][0] == 2
        assert figures["bytes"] == (folder / "out" / f"{name}.pt").stat().st_size


def test_weights_go_into_the_bundle_of_the_worker_that_uses_them() -> None:
    assert destination("detector") == PACKAGE_FOLDER / "yolo_worker" / "bundle" / "demo.pt"
    assert destination("cmt") == PACKAGE_FOLDER / "main_worker" / "bundle" / "demo_cmt.pt"


def test_no_two_splits_share_a_scene_and_none_has_one_of_the_evaluation_s() -> None:
    taken = sorted(
        [EVALUATION_SCENES, *(scenes(generators) for generators in GENERATORS.values())], key=lambda one: one.start
    )
    assert all(before.stop <= after.start for before, after in pairwise(taken))
    assert all(len(one) for one in taken)


@pytest.mark.slow
def test_a_generator_s_scenes_are_those_that_the_splits_say() -> None:
    first = next(far_apart_frames(3))
    scene = Scene.from_seed(scenes(range(3, 4)).start)
    assert np.array_equal(first.image, scene.frame().image)


def overconfident(
    seed: int, factor: float, classes: int = 6, count: int = 1500
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits `factor` times too large for answers that were drawn from what they had predictions before."""
    rng, count, classes = np.random.default_rng(seed), 1500, 6
    honest = rng.normal(0, 1.5, (count, classes))
    answers = (softmax(honest).cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return honest * factor, answers.clip(0, classes - 1)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), factor=st.floats(2.0, 6.0))
def test_calibration_finds_the_overconfidence_and_lowers_the_error(seed: int, factor: float) -> None:
    logits, answers = overconfident(seed, factor)
    found = temperature(logits, answers)
    before, after = (
        calibration_error(softmax(scaled).max(axis=1), scaled.argmax(axis=1) == answers)
        for scaled in (logits, logits / found)
    )
    assert found == pytest.approx(factor, rel=0.15)
    assert after < before / 2


def test_verdicts_of_heads_that_err_together_are_bent_until_they_are_as_sure_as_they_are_right() -> None:
    """The three heads say the same thing three times: what is true of a model, and that summed over makes and types."""
    named = labels("demo-test")
    rng, count = np.random.default_rng(5), 400
    _, makes, models = named.tree
    chances = softmax(rng.normal(0, 2.5, (count, len(models.labels))))
    path = (chances.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1).clip(0, len(models.labels) - 1)
    places = {"model": models.labels, "make": makes.labels[models.parents], "type": makes.parents[models.parents]}
    sums = {level: chances @ np.eye(named.widths[level])[columns] for level, columns in places.items()}
    true = {level: places[level][path] for level in places}
    targets = np.column_stack([np.eye(named.widths["type"], dtype=np.int64)[true["type"]], true["make"], true["model"]])
    predictions = Predictions({level: np.log(sums[level] + 1e-9) for level in places}, targets)

    def error(some: Labels) -> float:
        return sum(calibration_error(*of) for of in judged(predictions, some).values())

    bent = named.model_copy(update={"calibration": verdict_calibration(judged(predictions, named))})
    assert error(bent) < error(named) / 2


def test_a_bend_stays_finite_where_all_are_right_and_keeps_their_order() -> None:
    confidences = np.array([0.2, 0.6, 0.9, 1.0])
    slope, bias = fit_logistic(confidences, np.ones(4, np.bool_))
    assert np.isfinite([slope, bias]).all()
    assert slope > 0
    assert fit_logistic(np.array([0.1, 0.2, 0.8, 0.9] * 50), np.array([True, True, False, False] * 50)) == (1.0, 0.0)


def test_a_sure_and_right_set_has_no_calibration_error_and_a_sure_and_wrong_one_has_all() -> None:
    sure = np.ones(10)
    assert calibration_error(sure, np.ones(10, np.bool_)) == 0
    assert calibration_error(sure, np.zeros(10, np.bool_)) == 1


def boxes(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 6)


def truths(*rows: tuple[int, int, int, int, int], ignored: tuple[bool, ...] | None = None) -> TrueBoxes:
    table = np.array(rows, np.int64).reshape(-1, 5)
    hidden = np.zeros(len(rows), np.bool_) if ignored is None else np.array(ignored, np.bool_)
    return TrueBoxes(table[:, :4].astype(np.float32), table[:, 4], hidden)


def test_boxes_that_are_the_truth_have_a_map_of_one_and_no_boxes_of_none() -> None:
    truth = truths((0, 0, 10, 10, 1), (50, 50, 90, 90, 2))
    assert map50([boxes((0, 0, 10, 10, 0.9, 1), (50, 50, 90, 90, 0.8, 2))], [truth]) == 1
    assert map50([boxes()], [truth]) == 0


def test_false_alarms_and_doubles_cost_only_where_they_are_surer_than_the_truth() -> None:
    truth = truths((0, 0, 10, 10, 1))
    double = (0, 0, 10, 11, 0.5, 1)
    assert map50([boxes((0, 0, 10, 10, 0.9, 1), double)], [truth]) == 1
    assert map50([boxes((0, 0, 10, 10, 0.9, 1), (40, 40, 50, 50, 0.95, 1))], [truth]) == 0.5


def test_a_box_on_what_need_not_be_found_counts_neither_way() -> None:
    truth = truths((0, 0, 10, 10, 1), (50, 50, 60, 60, 2), ignored=(False, True))
    found = boxes((50, 50, 60, 60, 0.99, 1), (0, 0, 10, 10, 0.9, 1))
    assert map50([found], [truth]) == 1
    assert map50([found], [replace(truth, ignored=np.zeros(2, np.bool_))]) == pytest.approx(0.25)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_boxes_move_as_their_pixels_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(0, 500)), int(rng.integers(0, 250))
    image = np.zeros((360, 640, 3), np.uint8)
    image[y : y + 100, x : x + 120] = 255
    true = np.array([[x, y, x + 120, y + 100]], np.float32)
    matrix = crop_matrix(rng, true[0] if rng.random() < 0.5 else None, (360, 640), (0.7, 1.5))
    (box,), (left,) = moved(true, matrix, CANVAS)
    rows, columns = np.nonzero(cv2.warpAffine(image, matrix, CANVAS[::-1])[:, :, 0] > 127)
    if left > 0.3:
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.allclose(box, seen, atol=1.01)


def test_each_picture_comes_once_before_any_comes_again() -> None:
    orders = [[drawn(1, number, 7) for number in range(start, start + 7)] for start in (0, 7)]
    assert [sorted(order) for order in orders] == [list(range(7))] * 2
    assert orders[0] != orders[1]


def shard(folder: Path, count: int = 3) -> list[Still]:
    image = np.random.default_rng(5).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    index = folder / "000001_003.json"
    stills.write(index, [(encode_jpeg(image, 90 - 5 * place), [CAR]) for place in range(count)])
    return stills.read(index)


def test_what_is_written_to_a_shard_is_read_from_it(tmp_path: Path) -> None:
    found = shard(tmp_path)
    assert [still.seen for still in found] == [(CAR,)] * 3
    assert found[1].image().shape == (30, 40, 3)
    assert not np.array_equal(found[0].image(), found[2].image())


@pytest.mark.slow
def test_the_vehicles_of_a_frame_that_show_are_cut_out_with_a_margin_once(folder: Path) -> None:
    work = folder / "work"
    (frame,) = rendering.material(work, "frames", "train", 1, 0)
    showing = [one for one in frame.seen if is_required(one)]
    cut = rendering.cut_out(work, "train", 1, 0)
    assert [one.seen[0].model for one in cut] == [one.model for one in showing]
    for still, one in zip(cut, showing, strict=True):
        wide, high = still.image().shape[1::-1]
        assert (wide, high) == still.seen[0].box[2:]
        assert wide < 1.6 * (one.box[2] - one.box[0])
        assert high < 1.6 * (one.box[3] - one.box[1])
    written = cut[0].pictures.stat().st_mtime_ns
    assert rendering.cut_out(work, "train", 1, 0) == cut
    assert cut[0].pictures.stat().st_mtime_ns == written


def test_a_rendering_cut_off_leaves_no_shard(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[bytes, list[Seen]]]:
        yield b"one", [CAR]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stills.write(tmp_path / "000001_002.json", broken())
    assert list(tmp_path.glob("*.json")) == []


@pytest.mark.parametrize("build", [baseline, cmt])
def test_cooling_divides_the_logits(build: object) -> None:
    net = build({"type": 3, "make": 4, "model": 5}).eval()  # type: ignore[operator]
    pictures = torch.rand(1, 3, 640, 640)
    with torch.no_grad():
        before = net(pictures)
        net.cool({"type": 2.0, "make": 0.5, "model": 1.0})
        after = net(pictures)
    torch.testing.assert_close(after["type"], before["type"] / 2)
    torch.testing.assert_close(after["make"], before["make"] * 2)
    torch.testing.assert_close(after["model"], before["model"])


class Points:
    """Samples of a line; the one numbered `fatal` ends the process, so to speak."""

    def __init__(self, fatal: int = -1) -> None:
        self._fatal = fatal

    def __getitem__(self, number: int) -> float:
        if number == self._fatal:
            raise KeyboardInterrupt
        return float(np.random.default_rng(number).normal())


def taught(memory: Path, points: Points, validation: Validation | None = None) -> TrainingRun:
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Unflatten(1, (1, 1, 1)), torch.nn.Conv2d(1, 1, 1), torch.nn.Flatten())
    plan = Plan("line", seed=1, batch=2, rate=0.1, weight_decay=0.0, seconds=1e9, most_steps=9)

    def loss(learning: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
        return (learning(batch[:, None]) - 3 * batch[:, None] - 1).square().mean()

    return train(net, points, torch.tensor, loss, plan, CPU, memory, validation)


def test_a_loss_that_is_no_number_ends_the_course(tmp_path: Path) -> None:
    class Endless(Points):
        def __getitem__(self, number: int) -> float:
            return float("inf")

    with pytest.raises(FloatingPointError, match="line: the loss is"):
        taught(tmp_path / "memory.pt", Endless())
    assert not (tmp_path / "memory.pt").exists()


@pytest.mark.parametrize("interval", ["CHECKPOINT_EVERY_S", "CHECKPOINT_SHARE"])
def test_an_interrupted_training_continues_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: str
) -> None:
    monkeypatch.setattr(train_loop, interval, -1.0)
    whole = taught(tmp_path / "whole.pt", Points())
    with pytest.raises(KeyboardInterrupt):
        taught(tmp_path / "cut.pt", Points(fatal=10))
    assert 0 < torch.load(tmp_path / "cut.pt")["steps"] < 9
    resumed = taught(tmp_path / "cut.pt", Points())
    assert resumed.steps == whole.steps == 9
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name])


def test_a_validation_measures_the_averaged_weights_and_is_kept_over_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_loop, "CHECKPOINT_EVERY_S", -1.0)
    seen: list[torch.nn.Module] = []

    def measure(net: torch.nn.Module) -> dict[str, float]:
        seen.append(net)
        return {"weight": float(net[1].weight)}

    with pytest.raises(KeyboardInterrupt):
        taught(tmp_path / "cut.pt", Points(fatal=10), Validation(-1.0, measure))
    run = taught(tmp_path / "cut.pt", Points(), Validation(-1.0, measure))
    assert [step for step, _, _ in run.curve] == [*range(1, 10)]
    assert run.curve[-1][2] == {"weight": float(run.average[1].weight)}
    assert seen[-1] is run.average

"""The detector's training on pictures that are labelled in part."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ultralytics.utils.loss import v8DetectionLoss

from video_analysis.training import detector, detector_data, detector_views, real_pictures
from video_analysis.training.detector_loss import GAINS, PartialLabelLoss
from video_analysis.training.detector_views import CANVAS, DetectorViews, Source, View
from video_analysis.training.hardware import Hardware
from video_analysis.training.label_groups import CARS
from video_analysis.training.labelled_picture import LABELS, NO_BOXES, LabelledPicture, Unlabelled, of_still
from video_analysis.training.stills import Seen, Still
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES

CPU = Hardware(torch.device("cpu"), halves=False)
SIDE_PX = 64
GREY = np.full((3, SIDE_PX, SIDE_PX), 114, np.uint8)
CAR_BOX = np.array([[8, 10, 40, 50]], np.float32)
CAR, SUV, GROUP = YOLO_TYPES.index("Car"), YOLO_TYPES.index("SUV"), LABELS.index(CARS)


def labelled(label: int, unlabelled: Unlabelled | None = None) -> View:
    return View(GREY, CAR_BOX, np.array([label]), unlabelled or Unlabelled())


def empty(unlabelled: Unlabelled | None = None) -> View:
    return View(GREY, NO_BOXES, np.zeros(0, np.int64), unlabelled or Unlabelled())


@pytest.fixture(scope="module")
def criterion() -> PartialLabelLoss:
    return PartialLabelLoss(detector.network(1), CPU)


def outputs(count: int) -> list[torch.Tensor]:
    """Random outputs of the network for `count` pictures."""
    torch.manual_seed(4)
    return [torch.randn(count, 72, SIDE_PX // stride, SIDE_PX // stride, requires_grad=True) for stride in (8, 16, 32)]


def class_gradients(criterion: PartialLabelLoss, view: View) -> torch.Tensor:
    """The gradient of each class output of one picture: places×types."""
    levels = outputs(1)
    criterion.of_levels(levels, detector_views.collated([view])).backward()
    grads = [level.grad for level in levels]
    return torch.cat([grad.flatten(2)[0, 64:].T for grad in grads if grad is not None])


def test_with_single_types_and_every_vehicle_labelled_it_is_ultralytics_loss(criterion: PartialLabelLoss) -> None:
    net = detector.network(1)
    net.args = SimpleNamespace(**GAINS)
    views, levels = [labelled(CAR), empty(), labelled(SUV)], outputs(3)
    centre, size = torch.tensor([[24.0, 30.0]]) / SIDE_PX, torch.tensor([[32.0, 40.0]]) / SIDE_PX
    batch = {
        "batch_idx": torch.tensor([0.0, 2.0]),
        "cls": torch.tensor([float(CAR), float(SUV)]),
        "bboxes": torch.cat([centre, size], 1).repeat(2, 1),
    }
    theirs, _ = v8DetectionLoss(net)(levels, batch)
    torch.testing.assert_close(criterion.of_levels(levels, detector_views.collated(views)), theirs.sum() / 3)


def test_of_a_group_the_surer_type_is_trained_and_the_other_is_neither_right_nor_wrong(
    criterion: PartialLabelLoss,
) -> None:
    single, group = (class_gradients(criterion, labelled(label)) for label in (CAR, GROUP))
    vehicles = (group == 0).any(1)
    assert vehicles.any()
    assert (group[vehicles][:, [CAR, SUV]] == 0).sum(1).eq(1).all()
    others = [place for place in range(len(YOLO_TYPES)) if place not in (CAR, SUV)]
    assert (group[:, others] > 0).all()
    assert (single != 0).all()


@pytest.mark.parametrize(
    "unlabelled",
    [
        Unlabelled(above_px=math.inf),
        Unlabelled(smaller_px2=1e9),
        Unlabelled(boxes=np.array([[0, 0, SIDE_PX, SIDE_PX]], np.float32)),
    ],
)
def test_where_vehicles_may_have_no_box_nothing_is_trained_as_background(
    criterion: PartialLabelLoss, unlabelled: Unlabelled
) -> None:
    assert not class_gradients(criterion, empty(unlabelled)).any()
    assert (class_gradients(criterion, empty()) > 0).all()
    assert class_gradients(criterion, labelled(CAR, unlabelled)).any()


def test_only_the_part_without_labels_is_left_out(criterion: PartialLabelLoss) -> None:
    left_half = Unlabelled(boxes=np.array([[0, 0, SIDE_PX / 2, SIDE_PX]], np.float32))
    finest = class_gradients(criterion, empty(left_half))[:64].reshape(8, 8, len(YOLO_TYPES))
    assert not finest[:, :4].any()
    assert (finest[:, 4:] > 0).all()


def scene(unlabelled: Unlabelled | None = None) -> LabelledPicture:
    """A white vehicle on a black street."""
    image = np.zeros((360, 640, 3), np.uint8)
    image[200:260, 300:380] = 255
    box = np.array([[300, 200, 380, 260]], np.float32)
    return LabelledPicture(lambda: image, np.array([GROUP]), box, unlabelled or Unlabelled())


def test_a_crop_has_its_boxes_and_what_is_unlabelled_in_its_own_pixels() -> None:
    known = Unlabelled(np.array([[300, 200, 380, 260]], np.float32), above_px=260, smaller_px2=80 * 60)
    views = DetectorViews([Source([scene(known)], 1.0)], seed=2)
    seen = [view for view in map(views.__getitem__, range(40)) if len(view.boxes)]
    assert len(seen) > 20
    for view in seen:
        assert view.image.shape == (3, *CANVAS)
        assert view.labels.tolist() == [GROUP]
        assert (view.boxes >= 0).all()
        assert (view.boxes <= CANVAS[0]).all()
        whole = (view.boxes > 0).all() and (view.boxes < CANVAS[0]).all()
        if whole:
            assert np.allclose(view.unlabelled.boxes, view.boxes)
            assert view.unlabelled.above_px == pytest.approx(view.boxes[0, 3], abs=0.01)
            sides = view.boxes[0, 2:] - view.boxes[0, :2]
            assert view.unlabelled.smaller_px2 == pytest.approx(sides.prod(), rel=1e-3)


def test_a_vehicle_that_the_crop_cuts_too_much_is_neither_trained_as_one_nor_as_background() -> None:
    views = DetectorViews([Source([scene()], 1.0)], seed=2)
    cut = [view for view in map(views.__getitem__, range(60)) if not len(view.boxes)]
    assert cut
    assert all(len(view.unlabelled.boxes) == 1 for view in cut)


def test_sample_n_is_always_the_same_and_sources_are_mixed_by_their_shares() -> None:
    rendered = replace(scene(), labels=np.array([CAR]))
    sources = [Source([rendered], 0.25), Source([], 0.5), Source([scene()], 0.75)]
    one, other = DetectorViews(sources, seed=2), DetectorViews(sources, seed=2)
    assert np.array_equal(one[5].image, other[5].image)
    labels = [label for number in range(80) for label in one[number].labels.tolist()]
    assert 0.1 < labels.count(CAR) / len(labels) < 0.4


def test_of_balanced_pictures_those_with_a_rare_label_come_more_often() -> None:
    pictures = [scene()] * 9 + [replace(scene(), labels=np.array([CAR]))]
    views = DetectorViews([Source(pictures, 1.0, is_balanced=True)], seed=2)
    labels = [label for number in range(80) for label in views[number].labels.tolist()]
    assert labels.count(CAR) / len(labels) == pytest.approx(0.25, abs=0.1)


def test_a_rendered_vehicle_that_hardly_shows_is_optional() -> None:
    near = Seen("Car", "Toyota", "Vios", (10, 10, 60, 50), 0.9, False)
    far, hidden = replace(near, box=(80, 10, 92, 20)), replace(near, visible_fraction=0.1)
    picture = of_still(Still(Path("none"), 0, 0, (near, far, hidden)))
    assert picture.labels.tolist() == [CAR]
    assert picture.boxes.tolist() == [[10, 10, 60, 50]]
    assert len(picture.unlabelled.boxes) == 2


def test_training_continues_from_exported_weights_and_refuses_those_with_other_classes(tmp_path: Path) -> None:
    path, net, other = tmp_path / "start.pt", detector.network(3), detector.network(5)
    detector.export(net, path)
    detector.start_from(other, path)
    halves = {name: value.half().float() for name, value in net.state_dict().items() if value.is_floating_point()}
    assert all(torch.equal(other.state_dict()[name], value) for name, value in halves.items())
    stored = torch.load(path, weights_only=False)
    stored["model"].names = {0: "car"}
    torch.save(stored, path)
    with pytest.raises(ValueError, match=r"start\.pt: its classes are not the vehicle types"):
        detector.start_from(other, path)


@pytest.mark.slow
def test_real_pictures_are_read_with_what_is_not_known_of_them(shared_data: Path) -> None:
    stills, unseen = real_pictures.training_stills(shared_data), real_pictures.validation_stills(shared_data)
    photographs = real_pictures.training_photographs(shared_data)
    assert (len(stills), len(unseen), len(photographs)) == (581, 195, 564)
    for one in (*stills, *unseen):
        sides = one.boxes[:, 2:] - one.boxes[:, :2]
        assert one.unlabelled.above_px == one.boxes[:, 3].min()
        assert one.unlabelled.smaller_px2 == pytest.approx(sides.prod(axis=1).min())
    for one in photographs:
        sides = one.boxes[:, 2:] - one.boxes[:, :2]
        assert one.unlabelled.above_px == -math.inf
        assert one.unlabelled.smaller_px2 == pytest.approx(sides.prod(axis=1).max())
    data = detector_data.collect([], [], shared_data)
    assert data.facts()["sources"].keys() == {"rendered", "stills", "photographs"}  # type: ignore[attr-defined]


def test_crops_are_placed_around_vehicles_with_a_rare_label_more_often() -> None:
    far_apart = np.array([[20, 20, 60, 50], [580, 300, 620, 330]], np.float32)
    both = replace(scene(), boxes=far_apart, labels=np.array([GROUP, CAR]))
    common = replace(scene(), boxes=far_apart, labels=np.array([GROUP, GROUP]))
    views = DetectorViews([Source([both] + [common] * 12, 1.0, zoom=(1.0, 1.5), is_balanced=True)], seed=2)
    labels = [label for number in range(200) for label in views[number].labels.tolist()]
    pairs = DetectorViews([Source([both], 1.0, zoom=(1.0, 1.5))], seed=2)
    even = [label for number in range(200) for label in pairs[number].labels.tolist()]
    assert 0.4 < even.count(CAR) / len(even) < 0.6
    assert labels.count(CAR) / len(labels) > 2 / 26

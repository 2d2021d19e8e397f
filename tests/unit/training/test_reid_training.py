"""Identities without a truth, crops with their margin, and a loss that compares only what is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from video_analysis.training.reid import crops
from video_analysis.training.reid.appearance_augmentation import varied
from video_analysis.training.reid.contrastive import absolute, contrastive_loss, relative
from video_analysis.training.reid.crops import MARGIN, STORED_PX, Crop
from video_analysis.training.reid.groups import VIEWS, Groups, collated
from video_analysis.training.reid.real import CLIPS
from video_analysis.training.reid.tracklets import unambiguous_tracklets
from video_analysis.training.reid.view_cache import Views

HELD_OUT = ("highway", "crosswalk", "otvision", "jakarta_seqC")


def boxes(*lefts: float, width: float = 40) -> NDArray[np.float32]:
    return np.array([(left, 10, left + width, 40, 0.9, 0) for left in lefts], np.float32).reshape(-1, 6)


def tracklets(*frames: NDArray[np.float32]) -> list[list[int]]:
    """The tracklet of each box, frame by frame."""
    links = unambiguous_tracklets(frames)
    return [[link.tracklet for link in links if link.frame == place] for place in range(len(frames))]


def test_vehicles_apart_from_each_other_keep_their_tracklets() -> None:
    assert tracklets(boxes(0, 100), boxes(5, 104), boxes(108, 10)) == [[0, 1], [0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ((boxes(0), boxes(30)), "too little overlap"),
        ((boxes(0), boxes(0, 30)), "a second box overlaps"),
        ((boxes(0, 30), boxes(0)), "a second box overlapped"),
        ((boxes(0), boxes(), boxes(0)), "not detected in one frame"),
    ],
)
def test_a_tracklet_ends_where_its_continuation_is_not_certain(
    frames: tuple[NDArray[np.float32], ...], reason: str
) -> None:
    found = tracklets(*frames)
    assert not set(found[0]) & set(found[-1]), reason


def test_the_clips_to_train_on_are_none_of_those_to_evaluate_on() -> None:
    assert not [clip for clip in CLIPS if any(name in clip for name in HELD_OUT)]


def test_a_crop_has_its_box_in_the_middle_and_a_margin_around_it() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[30:70, 80:160] = 255
    cut = crops.cut(image, (80, 30, 160, 70))
    border = round(STORED_PX * MARGIN / (1 + 2 * MARGIN))
    assert cut.shape == (STORED_PX, STORED_PX, 3)
    assert cut[border + 4 : -border - 4, border + 4 : -border - 4].min() > 250
    assert cut[: border - 4].max() < 5


def test_a_crop_beyond_the_edge_of_the_frame_repeats_its_last_pixels() -> None:
    assert crops.cut(np.full((50, 50, 3), 70, np.uint8), (-20, -20, 60, 60)).min() == 70


def test_a_shard_is_read_as_it_was_written(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 255, (2, STORED_PX, STORED_PX, 3), np.uint8)
    crops.write(tmp_path / "a.json", [Crop(images[0], 4, 100), Crop(images[1], 7, 300)], exact=True)
    found = crops.read(tmp_path / "a.json")
    np.testing.assert_array_equal(found.images, images)
    assert (found.identities.tolist(), found.times_ms.tolist(), found.exact) == ([4, 7], [100, 300], True)


def test_a_view_is_the_same_for_the_same_seed_and_differs_otherwise() -> None:
    crop, front = np.random.default_rng(2).integers(0, 255, (2, STORED_PX, STORED_PX, 3), np.uint8)
    one, again, other = (varied(np.random.default_rng(seed), crop, 96, front) for seed in (1, 1, 2))
    assert one.shape == (96, 96, 3)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def views(identities: list[int], times_ms: list[int], *, exact: bool) -> Views:
    count = len(identities)
    means = np.arange(count, dtype=np.float32)[None, :, None] * np.ones((2, 1, 120), np.float32)
    return Views(
        means, np.zeros((2, count, 64, 6, 6), np.float16), np.array(identities), np.array(times_ms), exact=exact
    )


def test_tracklets_of_a_clip_are_compared_only_if_they_were_seen_at_the_same_time() -> None:
    """1 and 2 are seen together; 3 comes later and may be either of them."""
    clip = views([1, 1, 2, 2, 3, 3], [0, 900, 500, 1500, 2000, 3000], exact=False)
    groups = Groups({"clips": [clip]}, {"clips": 1.0}, 1)
    batch = collated([groups[number] for number in range(8)])
    of = torch.tensor([1, 1, 2, 2, 3, 3])[batch.means[:, 0].long()]
    compared = {tuple(sorted((int(of[a]), int(of[b])))) for a, b in batch.different.nonzero().tolist()}
    assert compared == {(1, 2)}
    assert all(of[a] == of[b] for a, b in batch.same.nonzero().tolist())


def test_views_of_two_groups_are_never_compared() -> None:
    groups = Groups({"stills": [views([0, 1], [0, 0], exact=True)]}, {"stills": 1.0}, 1)
    batch = collated([groups[0], groups[1]])
    size = 2 * VIEWS
    for matrix in (batch.same, batch.different):
        assert not matrix[:size, size:].any()
        assert matrix[:size, :size].any()


def test_the_loss_falls_when_one_vehicles_views_come_together_and_two_vehicles_part() -> None:
    same = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]]).bool()
    different = torch.tensor([[0, 0, 1], [0, 0, 1], [1, 1, 0]]).bool()
    good = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    bad = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1]])
    assert contrastive_loss(good, same, different) < 0.1 < contrastive_loss(bad, same, different)


def test_a_pair_that_is_in_neither_list_does_not_count() -> None:
    same = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]]).bool()
    different = torch.tensor([[0, 0, 1], [0, 0, 0], [0, 0, 0]]).bool()
    first, second = (torch.tensor([[1, 0.9, 0.2], [0.9, 1, value], [0.2, value, 1]]) for value in (-0.9, 0.9))
    for term in (relative, absolute):
        torch.testing.assert_close(term(first, same, different), term(second, same, different))

"""The training of the appearance network from one simulated scene: crops, views, two steps, weights, figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from video_analysis.training.reid import reid_pipeline
from video_analysis.training.reid.initial import initial_network
from video_analysis.training.reid.reid_pipeline import ReidOptions
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.tracking import appearance_network


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reid")
    options = ReidOptions(folder, None, scenes=1, minutes=5, steps=2)
    reid_pipeline.train_appearance(folder / "appearance.pt", options)
    return folder / "appearance.pt"


@pytest.mark.slow
def test_two_steps_change_the_head_and_leave_the_trunk_as_it_was(trained: Path) -> None:
    before, after = initial_network(1), appearance_network.load(trained)
    for name, value in before.state_dict().items():
        changed = not torch.allclose(value.float(), after.state_dict()[name].float(), rtol=1e-2, atol=1e-3)
        assert not (changed and name.startswith("trunk.")), name
    assert not torch.equal(before.head.project.weight.half().float(), after.head.project.weight)


@pytest.mark.slow
def test_the_figures_beside_the_weights_name_the_data_and_the_file(trained: Path) -> None:
    figures = json.loads(trained.with_suffix(".json").read_text())
    assert figures["sha256"] == backend.sha256_of(trained)
    assert figures["trained_on"]["simulated"]["identities"] > 5
    assert len(figures["trained_on"]["simulated"]["sha256"]) == 16
    assert (figures["steps"], figures["plan"]["seed"]) == (2, 1)

"""A main model's training that starts from an exported one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from video_analysis.tests.support.hierarchy_inputs import labels
from video_analysis.training.__main__ import main
from video_analysis.training.main_model import export, start_from
from video_analysis.training.main_model_pipeline import network
from video_analysis.training.networks import TRUNK_SHAPE

NAMED = labels()


@pytest.mark.slow
def test_a_training_can_start_from_an_exported_model(tmp_path: Path) -> None:
    first, second = (network("cmt", NAMED, seed) for seed in (1, 2))
    other = network("baseline", NAMED, 3)
    with torch.no_grad():
        for weight in first.tail.body.parameters():
            weight.add_(0.01)
    export(first, dict.fromkeys(("type", "make", "model"), 1.0), NAMED, tmp_path / "first.pt")
    for net in (second, other):
        start_from(net, tmp_path / "first.pt")

    maps = torch.rand(1, *TRUNK_SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(second.tail.eval()(maps)["make"], first.tail.eval()(maps)["make"])
        torch.testing.assert_close(other.tail.body[:3].eval()(maps), first.tail.body[:3](maps))


def test_one_file_cannot_be_the_start_of_several_networks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--start", "demo.pt"])
    assert "--only" in capsys.readouterr().err

"""Checks of checkpoints before their roll-out: python -m video_analysis.ops check."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.classification.labels import Labels

NAMED = untrained_model.labels("untrained")


def check(path: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    environ = {"CVITX_ENV_OVERRIDES": "1", "CVITX_CACHE_DIR": str(cache), "CVITX_DEVICE": "torch"}
    command = [sys.executable, "-m", "video_analysis.ops", "check", str(path)]
    return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_sound_checkpoint_is_described_in_one_line(tmp_path: Path) -> None:
    untrained_model.export(tmp_path / "main.pt")
    done = check(tmp_path / "main.pt", tmp_path / "cache")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    assert f"{tmp_path / 'main.pt'}: untrained" in done.stdout
    assert f"{len(NAMED.types)} types" in done.stdout
    assert "with a hierarchy" in done.stdout


def wider(path: Path) -> str:
    """The labels have one make more than the head."""
    more = NAMED.model_dump() | {"makes": (*NAMED.makes, "Trabant")}
    untrained_model.write(path, untrained_model.network(NAMED, 0), Labels(**more))
    return "output make is"


def infinite(path: Path) -> str:
    network = untrained_model.network(NAMED, 0)
    network.make_head.bias.data[0] = float("inf")
    untrained_model.write(path, network, NAMED)
    return "output make holds values that are not finite"


def none(path: Path) -> str:
    path.write_text("weights")
    return "is not a torch.export archive"


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [wider, infinite, none])
def test_a_bad_checkpoint_ends_in_one_line_with_the_reason(spoil: object, tmp_path: Path) -> None:
    assert callable(spoil)
    reason = spoil(tmp_path / "main.pt")
    done = check(tmp_path / "main.pt", tmp_path / "cache")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("check: ")]
    assert reason in line

"""A main model that is fine-tuned on a user's own snapshots: from labels to a checkpoint that the worker accepts."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from video_analysis.demo import weights
from video_analysis.devstack import untrained_model
from video_analysis.devstack.untrained_model import labels_of
from video_analysis.main_worker.classification import checkpoint
from video_analysis.ops import label_file
from video_analysis.training.__main__ import main
from video_analysis.training.main_model import export
from video_analysis.training.main_model_pipeline import network
from video_analysis.training.own import command
from video_analysis.training.own.own_calibration import NEVER
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.execution.file_lock import exclusive_lock
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot

CURRENT = labels_of({"Car": {"Toyota": ("Vios",)}, "SUV": {"Honda": ("CR-V",)}}, "current")
LABELS = [("Car", "Toyota", "Vios"), ("SUV", "Geely", ""), ("Van", "", "")]
VIDEOS = {"first": "train", "second": "calibration", "third": "validation"}
PER_LABEL = {"first": 10, "second": 7, "third": 2}


@dataclass(frozen=True, slots=True)
class Site:
    """A user's folders."""

    folder: Path
    data: Path

    def train(self, *more: str | Path, start: str = "current.pt") -> int:
        few = ["--steps", "3", "--batch", "4", "--threads", "1", "--processes", "0", "--device", "cpu"]
        folders = ["--work", self.folder / "work", "--out", self.folder / "out", "--start", self.folder / start]
        return main([*few, "--only", "baseline", "--data", str(self.data), *map(str, (*folders, *more))])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Pictures of three videos, their CSV file, and a current model with ImageNet's weights."""
    folder = tmp_path_factory.mktemp("own")
    rng, rows = np.random.default_rng(1), []
    (folder / "data").mkdir()
    for video, split in VIDEOS.items():
        for number in range(PER_LABEL[video] * len(LABELS)):
            name, kind = f"{video}__{number}.jpg", number % len(LABELS)
            blocks = rng.integers(0, 60, (6, 9, 3)) + 90 * np.array([kind == 0, kind == 1, kind == 2])
            image = blocks.astype(np.uint8).repeat(10, axis=0).repeat(10, axis=1)
            (folder / "data" / name).write_bytes(encode_snapshot(image, 92))
            rows.append((name, *LABELS[kind], split))
    with (folder / "data" / "labels.csv").open("w", encoding=label_file.ENCODING, newline="") as file:
        csv.writer(file).writerows([("snapshot_s3_key", "type", "make", "model", "split"), *rows])
    export(
        network("baseline", CURRENT, 1), dict.fromkeys(("type", "make", "model"), 1.0), CURRENT, folder / "current.pt"
    )
    untrained_model.export(folder / "other.pt")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("YOLO_OFFLINE", "YOLO_CONFIG_DIR", "OMP_NUM_THREADS", "MPLCONFIGDIR"):
            patch.setenv(name, "")
        for name, value in {"ENV_OVERRIDES": "1", "DEVICE": "torch", "CACHE_DIR": str(folder / "cache")}.items():
            patch.setenv(f"CVITX_{name}", value)  # PyTorch needs no conversion
        yield Site(folder, folder / "data")
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_a_corrected_file_becomes_a_model_with_its_new_make(
    site: Site, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert site.train("--name", "ours-2026") == 0
    begun = next(place for place, line in enumerate(caplog.messages) if "own-baseline: step" in line)
    before = "\n".join(caplog.messages[:begun])
    assert f"current model: {site.folder / 'current.pt'} (current)" in before
    assert "train: 30 pictures (1 videos), calibration: 21 pictures (1 videos), validation: 6 pictures" in before
    assert "new makes: Geely (10 pictures)" in before
    assert "model: 7 labelled pictures in the split calibration, fewer than 20" in before
    opened = checkpoint.read(site.folder / "out" / "baseline.pt")
    assert opened.labels.name == "ours-2026"
    assert opened.labels.makes == ("Toyota", "Honda", "Geely")
    assert opened.labels.hierarchy is not None
    assert opened.labels.hierarchy["SUV"] == {"Honda": ("CR-V",), "Geely": ()}
    assert opened.labels.thresholds.type < NEVER
    assert opened.labels.thresholds.model == NEVER, "7 pictures are too few"

    figures = json.loads((site.folder / "out" / "baseline.json").read_text())["validation"]
    assert figures["is_continued"]
    assert figures["data"]["train"] == {"pictures": 30, "videos": 1}
    assert {name: of["make"]["pictures"] for name, of in figures["comparison"].items()} == {"current": 4, "new": 4}
    assert json.loads((site.folder / "out" / "baseline.labels.json").read_text()) == json.loads(
        opened.labels.model_dump_json()
    )
    printed = capsys.readouterr().out
    assert "new makes: Geely (10 pictures)" in printed
    assert "the worker accepts it" in printed


@pytest.mark.slow
def test_types_alone_leave_makes_and_models_exactly_as_they_are(site: Site) -> None:
    types = site.folder / "types.csv"
    with (site.data / "labels.csv").open(encoding=label_file.ENCODING, newline="") as file:
        rows = [(row["snapshot_s3_key"], row["type"], "", "", row["split"]) for row in csv.DictReader(file)]
    with types.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("snapshot_s3_key", "type", "make", "model", "split"), *rows])
    assert site.train("--labels", types, "--out", site.folder / "types") == 0
    before, after = (
        checkpoint.read(site.folder / name).program.state_dict for name in ("current.pt", "types/baseline.pt")
    )
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"tail.heads.type_head.weight", "tail.heads.type_head.bias"}


@pytest.mark.slow
def test_a_model_of_another_architecture_cannot_be_continued(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.train("--out", site.folder / "fresh", start="other.pt") == 0
    assert "other.pt has another architecture: none of its weights and names are kept" in capsys.readouterr().out
    found = checkpoint.read(site.folder / "fresh" / "baseline.pt").labels
    assert (found.types, found.makes, found.models) == (("Car", "SUV", "Van"), ("Geely", "Toyota"), ("Vios",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("Van,,", "Vann,,"), "labels.csv, row 4, type: 'Vann' is no vehicle type; did you mean Van?"),
        ((",calibration", ",train"), "none of the 57 labelled pictures of 3 videos is in the split calibration"),
        (("__", "_"), "(57 others are missing: "),
    ],
)
def test_labels_that_cannot_be_used_are_an_error_with_their_place(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], fault: str
) -> None:
    text = (site.data / "labels.csv").read_text("utf-8-sig").replace(*change)
    (tmp_path / "labels.csv").write_text(text, "utf-8")
    assert site.train("--labels", tmp_path / "labels.csv") == 2
    assert fault in capsys.readouterr().err


def test_a_name_that_no_labels_can_have_is_refused_before_the_training(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.train("--name", "x" * 101) == 2
    assert capsys.readouterr().err == "--name has more than 100 characters, or one that cannot be printed\n"


def test_two_trainings_do_not_share_a_folder(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive_lock(site.folder / "work" / "own"):
        assert site.train() == 2
    assert "another training uses" in capsys.readouterr().err


def test_an_interrupted_training_says_how_it_continues(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "fine_tune", interrupted)
    assert site.train() == 130
    assert capsys.readouterr().err.endswith("training: interrupted; the same command continues it\n")


@pytest.mark.parametrize(
    ("settings", "variant", "expected"),
    [
        ({}, "baseline", weights.BASELINE),
        ({}, "cmt", weights.CMT),
        ({"main_checkpoint": "a.pt"}, "baseline", "a.pt"),
        ({"baseline_checkpoint": "a.pt"}, "baseline", "a.pt"),
        ({"baseline_checkpoint": "a.pt", "run_mode": "compare"}, "baseline", "a.pt"),
        ({"cmt_checkpoint": "a.pt"}, "cmt", "a.pt"),
        ({"cmt_checkpoint": "none.pt"}, "baseline", weights.BASELINE),
        ({"cmt_checkpoint": "none.pt"}, "cmt", None),
    ],
)
def test_the_current_model_is_the_one_that_the_worker_uses(
    tmp_path: Path, settings: dict[str, Any], variant: Variant, expected: Path | str | None
) -> None:
    (tmp_path / "a.pt").touch()
    config = WorkerConfig(
        **{name: tmp_path / value if value.endswith("pt") else value for name, value in settings.items()}
    )
    if expected is None:
        with pytest.raises(ConfigurationError, match=r"none\.pt"):
            command.current(variant, config)
        return
    assert command.current(variant, config) == (tmp_path / expected if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--data", "x", "--only", "detector"], "--only is baseline or cmt"),
        (["--name", "x"], "--labels and --name need --data"),
        (["--data", "x", "--minutes", "0"], "'0' is not a number of minutes above 0"),
        (["--data", "x", "--minutes", "nan"], "'nan' is not a number of minutes above 0"),
        (["--data", "x", "--steps", "-5"], "'-5' is not an integer of 1 or more"),
        (["--data", "x", "--batch", "0"], "'0' is not an integer of 1 or more"),
        (["--data", "x", "--start", "none.pt"], "--start none.pt: no such file"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert fault in capsys.readouterr().err

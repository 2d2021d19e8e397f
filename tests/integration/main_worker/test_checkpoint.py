"""A checkpoint file that is damaged, unreadable or incomplete: seen at the start, and said in one line."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
import torch

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.classification import checkpoint as archive
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.worker_utils.errors import ConfigurationError

NAMED = untrained_model.labels("untrained")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoints") / "untrained.pt"
    untrained_model.export(path)
    return path


def with_one_bit_flipped(source: Path, target: Path, member: str) -> Path:
    """A copy in which one bit of a stored member is another one, as a bad disk or copy leaves it."""
    (info,) = [one for one in zipfile.ZipFile(source).infolist() if one.filename.endswith(member)]
    content = bytearray(source.read_bytes())
    name_length, extra_length = struct.unpack_from("<HH", content, info.header_offset + 26)
    content[info.header_offset + 30 + name_length + extra_length + 50] ^= 0x40
    target.write_bytes(content)
    return target


def test_one_flipped_bit_in_the_weights_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    damaged = with_one_bit_flipped(checkpoint, tmp_path / "main.pt", "data/weights/weight_6")
    with pytest.raises(ConfigurationError, match=r"main\.pt: is damaged \(.*weight_6\): copy it again"):
        archive.read(damaged)


def test_an_unreadable_path_is_not_reported_as_a_bad_export(tmp_path: Path) -> None:
    (tmp_path / "main.pt").mkdir()
    text = r"main\.pt: cannot be read \(Is a directory\); grant the worker's user read access"
    with pytest.raises(ConfigurationError, match=text):
        archive.read(tmp_path / "main.pt")


@pytest.mark.parametrize("config", ["[]", '{"config": []}', '{"config": {"w": []}}', "{}", "{"])
def test_an_archive_whose_lists_are_not_what_they_should_be_is_one_line(
    checkpoint: Path, tmp_path: Path, config: str
) -> None:
    path = tmp_path / "main.pt"
    with zipfile.ZipFile(checkpoint) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, config if name.endswith("model_weights_config.json") else old.read(name))
    with pytest.raises(ConfigurationError, match=r"main\.pt: .*; export the model again"):
        archive.read(path)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    astray = untrained_model.network(NAMED, 0)
    with torch.no_grad():
        astray.make_head.weight[0, 0] = float("nan")
    untrained_model.write(tmp_path / "main.pt", astray, NAMED)
    with pytest.raises(ConfigurationError, match=r"main\.pt: weights contain NaN \(make_head\.weight\)"):
        archive.read(tmp_path / "main.pt")


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The messages of our own loggers."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("video_analysis")]


def test_labels_outside_the_hierarchy_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hierarchy = {kind: makes for kind, makes in untrained_model.HIERARCHY.items() if kind != "Motorcycle"}
    named = Labels.model_validate(NAMED.model_dump() | {"hierarchy": hierarchy})
    untrained_model.write(tmp_path / "main.pt", untrained_model.network(named, 0), named)
    archive.read(tmp_path / "main.pt")
    (line,) = messages(caplog)
    assert line.endswith(
        "hierarchy contains Yamaha, Suzuki, Click, TMX, Mio, NMAX, Raider: these labels are never reported"
    )


def test_a_complete_checkpoint_causes_no_log_line(checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    archive.read(checkpoint)
    assert messages(caplog) == []
    assert Labels.model_validate(NAMED.model_dump() | {"hierarchy": None}).unreachable == ()

"""The demo: what it runs without arguments, and its error messages."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import cv2
import pytest

from video_analysis.demo import options, rendered_clip, run, weights
from video_analysis.devstack.follow import ProgressPrinter
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.simulator.scene import Scene
from video_analysis.training.splits import EVALUATION_SCENES
from video_analysis.worker_config import PACKAGE_FOLDER

ALL_THERE = all(path.is_file() for path in weights.OWN.files)


@pytest.fixture
def without_demo_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a clone whose demo weights were not trained yet."""
    missing = [
        PACKAGE_FOLDER / path.parent.parent.name / "bundle" / f"missing_{path.name}" for path in weights.OWN.files
    ]
    main_models = dict(zip(weights.OWN.main_models, missing[1:], strict=True))
    monkeypatch.setattr(weights, "OWN", weights.Networks(missing[0], main_models))


@pytest.mark.usefixtures("without_demo_weights")
def test_without_its_weights_the_demo_names_each_and_what_makes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["--out", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    for path in weights.OWN.files:
        assert str(path.relative_to(PACKAGE_FOLDER)) in line
    assert "`make train`" in line


def test_a_file_that_was_named_and_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = tmp_path / "nowhere.pt"
    assert run.main(["--weights", str(nowhere), "--video", str(nowhere), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"make demo needs VIDEO= (no {nowhere}) and WEIGHTS= (no {nowhere})\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--stride", "0"], "'0' is not a whole number"),
        (["--recorded-at", "yesterday"], "'yesterday' is not an RFC 3339"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        options.parse(given)
    assert message in capsys.readouterr().err


def test_without_arguments_the_demo_compares_its_own_two_main_models(tmp_path: Path) -> None:
    chosen = weights.choose(None, None, tmp_path)
    assert chosen.files == [weights.DETECTOR, weights.BASELINE, weights.CMT]
    assert chosen.settings["CVITX_RUN_MODE"] == "compare"


def test_one_main_model_runs_alone_with_the_detector_that_was_given_or_the_demos(tmp_path: Path) -> None:
    detector, main_model = tmp_path / "detector.pt", tmp_path / "main.pt"
    assert weights.choose(None, main_model, tmp_path).detector == weights.DETECTOR
    settings = weights.choose(detector, main_model, tmp_path).settings
    assert settings == {
        "CVITX_YOLO_WEIGHTS": str(detector),
        "CVITX_MAIN_CHECKPOINT": str(main_model),
        "CVITX_RUN_MODE": "single",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("without_demo_weights")
def test_a_detector_alone_gets_an_untrained_main_model_which_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = weights.choose(tmp_path / "detector.pt", None, tmp_path)
    assert chosen.main_models["CVITX_MAIN_CHECKPOINT"].is_file()
    assert weights.absent(chosen) == []
    assert "untrained" in capsys.readouterr().out


def test_a_worker_by_itself_never_falls_back_to_the_demos_weights() -> None:
    code = (PACKAGE_FOLDER / "worker_config.py").read_text("utf-8")
    for folder in ("yolo_worker", "main_worker", "worker_utils"):
        code += "".join(path.read_text("utf-8") for path in (PACKAGE_FOLDER / folder).rglob("*.py"))
    assert not [path.name for path in weights.OWN.files if path.name in code]


@pytest.mark.slow
def test_the_rendered_clip_is_a_scene_that_no_weights_have_seen_recorded_when_its_caption_says() -> None:
    assert rendered_clip.SEED in EVALUATION_SCENES
    facts = Scene.from_seed(rendered_clip.SEED).facts
    assert (facts.light, facts.weather) == ("day", "clear")
    assert datetime.fromisoformat(rendered_clip.RECORDED_AT).day == 1 + rendered_clip.SEED % 28


def test_the_rendered_clip_plays_and_its_making_says_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rendered_clip.render(tmp_path / "clip.mp4", seconds=0.4)
    capture = cv2.VideoCapture(str(tmp_path / "clip.mp4"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (6, 720)
    capture.release()
    assert capsys.readouterr().out.endswith("frame 6 of 6\n")


def test_an_unchanged_line_is_printed_again_with_its_age(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("video_analysis.devstack.follow.REPORT_EVERY_S", 0.0)
    printer = ProgressPrinter()
    for line in ("", "queued", "queued", "done"):
        printer.update(line)
    assert capsys.readouterr().out.splitlines() == ["queued", "queued (0 s)", "done"]


def test_a_worker_is_followed_by_event_codes_and_shown_by_its_messages(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        poller = WorkerProcess("yolo_worker", process, tmp_path / "yolo_worker.log")
    lines = [("INFO", "worker.starting", "yolo_worker is starting"), ("INFO", "model.converting", "converting yolo")]
    seen = []
    for level, event, message in [*lines, ("INFO", "consumer.ready", "polling x"), ("ERROR", "message.failed", "bad")]:
        with poller.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"level": level, "event": event, "message": message}) + "\n")
        seen.append(poller.startup_status())
    assert seen == [
        "yolo_worker: starting (usually 5 s)",
        "yolo_worker: converting yolo (once on this machine, usually 5 to 15 s)",
        "",
        "",
    ]
    assert poller.failures() == ["yolo_worker: bad"]
    assert [line["message"] for line in poller.events("consumer.ready")] == ["polling x"]
    assert poller.events("polling x") == []


@pytest.mark.skipif(not ALL_THERE, reason="the demo weights are not there: make train")
def test_the_demo_needs_nothing_but_the_repository_and_ends_with_a_report(
    tmp_path: Path, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(model_cache.parent))
    assert run.main(["--out", str(tmp_path)]) == 0
    html = (tmp_path / "report.html").read_text("utf-8")
    assert html.count('<article class="vehicle"') >= 8
    assert "baseline</th>" in html
    assert "cmt</th>" in html
    assert list(model_cache.glob("openvino/*/model.xml")), "converted networks are kept for the next run"
    assert not (tmp_path / "cache").exists()

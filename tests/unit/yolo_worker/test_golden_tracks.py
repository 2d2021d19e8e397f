"""The tracks of fixed detections change only together with ASSOCIATION, which is part of the run key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from video_analysis.tests.support import golden_tracks
from video_analysis.worker_config import TrackSettings
from video_analysis.yolo_worker.tracking.settings import ASSOCIATION

CHANGED = (
    "tracks changed; if this is intended, raise ASSOCIATION (yolo_worker/tracking/settings.py) and update the fixture: "
    f"python -m {golden_tracks.__name__}"
)
DECIDED_BY: dict[str, tuple[TrackSettings, str]] = {
    "n_init": (TrackSettings(n_init=2), "false detections"),
    "confirm_s": (TrackSettings(confirm_s=2), "false detections"),
    "confidence": (TrackSettings(confidence=0.3), "never sure"),
    "max_age_s": (TrackSettings(max_age_s=3), "gap of 2 s"),
    "gap_s": (TrackSettings(gap_s=0.2), "gap of 0.4 s, braked and turned"),
    "speed": (TrackSettings(speed=20), "by its own length per frame"),
    "max_cosine": (TrackSettings(max_cosine=0.05), "gap of 1 s, turned"),
    "max_iou_distance": (TrackSettings(max_iou_distance=0.1), "gap of 0.4 s, braked and turned"),
    "nn_budget": (TrackSettings(nn_budget=1), "former look after a gap"),
    "link_s": (TrackSettings(link_s=2), "standing, hidden for 4 s"),
    "embed_interval_s": (TrackSettings(embed_interval_s=0), "look between two embeddings"),
}


@pytest.fixture(scope="module")
def found() -> golden_tracks.Tracks:
    return golden_tracks.tracks(TrackSettings())


def test_the_tracks_of_fixed_detections_are_those_of_this_version(found: golden_tracks.Tracks) -> None:
    association, tracks = golden_tracks.stored()
    assert found == tracks, CHANGED
    assert association == ASSOCIATION, "ASSOCIATION was changed, but no track; update the fixture if it is intended"


@pytest.mark.parametrize("setting", DECIDED_BY)
def test_the_scenes_show_what_each_setting_decides(found: golden_tracks.Tracks, setting: str) -> None:
    settings, scene = DECIDED_BY[setting]
    changed = golden_tracks.tracks(settings, scene)
    assert any(found[name] != lines for name, lines in changed.items())


def test_every_tracking_setting_is_tried() -> None:
    assert set(DECIDED_BY) == set(TrackSettings.model_fields)


def test_the_fixture_is_not_written_for_other_tracks_of_the_same_version(
    found: golden_tracks.Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden_tracks, "tracks", lambda _settings: found)
    file = tmp_path / "golden_tracks.json"
    monkeypatch.setattr(golden_tracks, "FILE", file)
    file.write_text(json.dumps({"association": ASSOCIATION, "tracks": {"a scene": ["#1 0:0-9"]}}), "utf-8")
    with pytest.raises(SystemExit, match="raise ASSOCIATION"):
        golden_tracks.main()
    file.write_text(json.dumps({"association": ASSOCIATION - 1, "tracks": {"a scene": ["#1 0:0-9"]}}), "utf-8")
    golden_tracks.main()
    assert golden_tracks.stored()[0] == ASSOCIATION

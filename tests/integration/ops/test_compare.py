"""The agreement report: its counts by hand, and the command on real rows and real snapshots."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.ops import stored_pictures
from video_analysis.ops.compare import agreement, command, report_page, report_text, stored_verdicts, thumbnails
from video_analysis.ops.compare.stored_verdicts import ComparedSnapshot, StoredVerdict, StoredVerdicts
from video_analysis.ops.compare.thumbnails import Thumbnail
from video_analysis.tests.support import report_rows
from video_analysis.tests.support.browser import open_page
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import EnvironmentFault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.slow

VIDEO, WORKSPACE = report_rows.VIDEO_ID, report_rows.WORKSPACE_ID
HOSTILE = "</td><script>alert('Vios')</script>&\x1b[2J"
Sql = Callable[..., list[dict[str, object]]]
Said = tuple[str | None, str | None, str | None]


def verdict(labels: Said, conf: float = 0.9, latency_ms: int | None = 20) -> StoredVerdict:
    first, second, third = (None if label is None else conf for label in labels)
    return StoredVerdict("demo@0123", labels, (first, second, third), latency_ms)


def compared(baseline: StoredVerdict, cmt: StoredVerdict, track: int = 1) -> ComparedSnapshot:
    return ComparedSnapshot(VIDEO, "CAM1", track, 100 * track, f"s3://x/{track}", "Car", baseline, cmt)


VIOS, CITY, VIOS_BY_HONDA = ("Car", "Toyota", "Vios"), ("Car", "Honda", "City"), ("Car", "Honda", "Vios")
MAKE_ONLY, NOTHING, VAN = ("Car", "Toyota", None), (None, None, None), ("Van", "Toyota", None)


def street() -> agreement.Agreement:
    pairs = [(VIOS, VIOS), (VIOS, CITY), (VIOS, MAKE_ONLY), (NOTHING, VIOS), (VAN, MAKE_ONLY), (NOTHING, NOTHING)]
    confs = [(0.9, 0.7), (0.8, 0.6), (0.9, 0.9), (0.9, 0.5), (0.99, 0.95), (0.9, 0.9)]
    return agreement.measure(
        [
            compared(verdict(baseline, sure, 10 * track), verdict(cmt, less_sure, None), track)
            for track, ((baseline, cmt), (sure, less_sure)) in enumerate(zip(pairs, confs, strict=True), start=1)
        ]
    )


def test_every_snapshot_counts_once_at_every_level() -> None:
    levels = street().levels
    assert [list(levels[level].counts.values()) for level in ("type", "make", "model")] == [
        [3, 1, 0, 1, 1],
        [3, 1, 0, 1, 1],
        [1, 1, 1, 1, 2],
    ]
    assert [levels[level].agreement for level in ("type", "make", "model")] == [0.75, 0.75, 0.5]


def test_confidence_is_averaged_per_outcome() -> None:
    of_model = street().levels["model"].confidence
    assert of_model["baseline"] == {"agreeing": 0.9, "disagreeing": 0.8, "alone": 0.9}
    assert of_model["cmt"] == {"agreeing": 0.7, "disagreeing": 0.6, "alone": 0.5}
    assert agreement.measure([]).levels["type"].confidence["cmt"]["agreeing"] is None


def test_the_disagreement_with_the_highest_confidence_comes_first() -> None:
    found = street().disagreements
    assert [(one.snapshot.track_id, one.level, one.confidence) for one in found] == [
        (5, "type", 0.95),
        (2, "make", 0.6),
    ]


def test_names_that_are_confused_are_counted_models_with_their_makes() -> None:
    found = street()
    assert found.types == {("Car", "Car"): 3, (None, "Car"): 1, ("Van", "Car"): 1, (None, None): 1}
    assert found.frequent["make"] == [(("Toyota", "Honda"), 1)]
    assert found.frequent["model"] == [(("Toyota Vios", "Honda City"), 1)]
    often = agreement.measure([compared(verdict(CITY), verdict(VIOS))] * 3 + [compared(verdict(VIOS), verdict(CITY))])
    assert [count for _, count in often.frequent["make"]] == [3, 1]


def test_latency_is_median_and_95th_percentile_of_the_rows_that_say_it() -> None:
    latency = street().latency
    assert (latency["baseline"].median, latency["baseline"].p95) == (35.0, 57.5)
    assert (latency["cmt"].median, latency["cmt"].p95) == (None, None)


class Rows:
    """A video's rows, written as the workers would, and snapshots beside them."""

    def __init__(self, sql: Sql, s3: S3Client, bucket: str) -> None:
        self._sql, self._s3, self._bucket = sql, s3, bucket

    def add(self, track: int, *, pictured: bool = True, video: str = VIDEO, **said: Said) -> None:
        key = report_rows.key_of(track, 100 * track).replace(VIDEO, video)
        if pictured:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=report_rows.picture(), ContentType="image/jpeg")
        (row,) = self._sql(
            "INSERT INTO image_analyses (workspace_id, video_id, workspace_code, camera_code, track_id,"
            " snapshot_s3_key, detected_in_ms, yolo_type) VALUES (%s, %s, 'CTX1005', 'CAM1', %s, %s, %s, 'Car')"
            " RETURNING id",
            *(WORKSPACE, video, track, f"s3://{self._bucket}/{key}", 100 * track),
        )
        for variant, labels in said.items():
            confs = [None if label is None else 0.5 + track / 100 for label in labels]
            self._sql(
                "INSERT INTO image_analysis_results (analysis_id, variant, type_label, make_label, model_label,"
                " type_conf, make_conf, model_conf, latency_ms, checkpoint)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 20, %s)",
                *(row["id"], variant, *labels, *confs, f"demo-{variant}@0123456789ab"),
            )


@pytest.fixture
def rows(
    sql: Sql, s3: S3Client, bucket: str, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Rows:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CVITX_ENV_OVERRIDES", "1")
    monkeypatch.setenv("CVITX_S3_BUCKET", bucket)
    monkeypatch.setenv("CVITX_DATABASE_URL", database_url)
    return Rows(sql, s3, bucket)


def report(*arguments: str) -> tuple[str, dict[str, Any]]:
    """(page, JSON) of a run that succeeds."""
    assert command.main([*arguments, "--out", "report.html"]) == 0
    return Path("report.html").read_text("utf-8"), json.loads(Path("report.json").read_text("utf-8"))


def test_a_video_s_rows_become_a_page_figures_and_lines(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    rows.add(1, baseline=VIOS, cmt=VIOS)
    rows.add(2, baseline=VIOS, cmt=CITY)
    rows.add(3, baseline=VIOS)
    page, data = report("--video", VIDEO.upper())
    assert (data["scope"], data["id"], data["snapshots"]) == ("video", VIDEO, 2)
    assert data["levels"]["make"]["counts"] == {
        "same": 1, "differ": 1, "baseline_only": 0, "cmt_only": 0, "neither": 0,
    }  # fmt: skip
    assert [(one["track_id"], one["level"], one["sureness"]) for one in data["disagreements"]] == [(2, "make", 0.52)]
    assert data["disagreements"][0]["cmt"]["labels"] == list(CITY)
    assert data["checkpoints"]["cmt"] == {"demo-cmt@0123456789ab": 2}
    assert page.count("data:image/jpeg;base64,") == page.count("<article") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("2 snapshots with both results, disagreements: 1")
    assert "rows of baseline: 2 by demo-baseline@0123456789ab" in lines
    assert "rows of cmt: 2 by demo-cmt@0123456789ab" in lines
    assert data["checkpoints_of_both"] == []
    assert not [line for line in lines if "images are missing" in line or "agrees with itself" in line]


def test_the_lines_say_which_types_makes_and_models_are_confused() -> None:
    lines = list(report_text.lines("video", street()))
    assert lines[-3:] == [
        "type: 1 × baseline Van, cmt Car",
        "make: 1 × baseline Toyota, cmt Honda",
        "model: 1 × baseline Toyota Vios, cmt Honda City",
    ]


def test_one_checkpoint_in_both_variants_is_reported(rows: Rows, capsys: pytest.CaptureFixture[str], sql: Sql) -> None:
    rows.add(1, baseline=VIOS, cmt=VIOS)
    rows.add(2, baseline=VIOS, cmt=VIOS)
    sql("UPDATE image_analysis_results SET checkpoint = 'demo-baseline@0123456789ab'")
    words = "both variants have rows by demo-baseline@0123456789ab: a checkpoint always agrees with itself"
    assert report("--video", VIDEO)[1]["checkpoints_of_both"] == ["demo-baseline@0123456789ab"]
    assert capsys.readouterr().out.splitlines().count(words) == 1
    sql("UPDATE image_analysis_results SET checkpoint = NULL")
    assert report("--video", VIDEO)[1]["checkpoints_of_both"] == [], "unknown"
    assert "agrees with itself" not in capsys.readouterr().out


def test_a_workspace_is_all_its_videos_and_a_video_is_itself_alone(rows: Rows) -> None:
    other = str(uuid.uuid4())
    rows.add(1, baseline=VIOS, cmt=CITY)
    rows.add(2, video=other, baseline=VIOS, cmt=CITY)
    assert report("--workspace", WORKSPACE)[1]["snapshots"] == 2
    assert [one["video_id"] for one in report("--video", other)[1]["disagreements"]] == [other]


def test_a_video_that_was_processed_twice_counts_once(rows: Rows, sql: Sql) -> None:
    for track in (1, 2, 3):
        rows.add(track, baseline=VIOS, cmt=CITY)
    sql("UPDATE image_analyses SET run_key = CASE track_id WHEN 1 THEN 'newer' ELSE 'older' END")
    sql(
        "INSERT INTO video_runs (video_id, workspace_id, run_key, run_type, root_run_id, status, created_at)"
        " SELECT %s, %s, run_key, 'replay', gen_random_uuid(), 'completed', timestamptz '2026-01-01' + minute"
        " FROM (VALUES ('older', interval '0'), ('newer', interval '1 min')) AS r (run_key, minute)",
        *(VIDEO, WORKSPACE),
    )
    for scope in (("--video", VIDEO), ("--workspace", WORKSPACE)):
        assert [one["track_id"] for one in report(*scope)[1]["disagreements"]] == [1]
        assert report(*scope)[1]["snapshots"] == 1


def test_the_page_has_no_more_images_than_requested(rows: Rows) -> None:
    for track in (1, 2, 3):
        rows.add(track, baseline=VIOS, cmt=CITY)
    page, data = report("--video", VIDEO, "--pictures", "2")
    assert [name in page for name in ("Vehicle 3 at", "Vehicle 2 at", "Vehicle 1 at")] == [True, True, False]
    assert page.index("Vehicle 3 at") < page.index("Vehicle 2 at")
    assert len(data["disagreements"]) == 3


def test_a_missing_image_is_reported_on_the_page_and_on_the_terminal(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.add(1, pictured=False, baseline=VIOS, cmt=CITY)
    rows.add(2, baseline=VIOS, cmt=CITY)
    page, _ = report("--video", VIDEO)
    assert page.count("data:image/jpeg;base64,") == 1
    assert "No image: s3://" in page
    assert "not found, or s3:GetObject on it is denied" in page
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "missing" in line]
    assert line.startswith("1 of 2 images are missing: s3://")
    assert "not found, or s3:GetObject on it is denied" in line


def test_at_most_three_different_reasons_are_shown() -> None:
    outage = [Thumbnail(None, "S3 cannot be reached\x1b"), *[Thumbnail(None, "not fetched")] * 9]
    assert list(report_text.missing_images([Thumbnail(b""), *outage])) == [
        "10 of 11 images are missing: S3 cannot be reached\\x1b; not fetched"
    ]
    (line,) = report_text.missing_images([Thumbnail(None, f"reason {number}") for number in range(5)])
    assert line == "5 of 5 images are missing: reason 0; reason 1; reason 2; 2 more reasons, see the page"
    assert list(report_text.missing_images([Thumbnail(b"")])) == []


def test_hostile_text_stays_text(rows: Rows, capsys: pytest.CaptureFixture[str], sql: Sql) -> None:
    rows.add(1, baseline=VIOS, cmt=(HOSTILE, HOSTILE, HOSTILE))
    sql("UPDATE image_analyses SET camera_code = %s, yolo_type = %s", HOSTILE, HOSTILE)
    sql("UPDATE image_analysis_results SET checkpoint = %s", HOSTILE)
    sql("UPDATE image_analyses SET snapshot_s3_key = %s", f"s3://{HOSTILE}")
    page, data = report("--video", VIDEO)
    assert "<script" not in page
    assert unescape(page).count(HOSTILE) == 13
    assert data["frequent_disagreements"]["make"][0]["cmt"] == HOSTILE
    assert "\x1b" not in capsys.readouterr().out


def test_a_snapshot_in_another_bucket_is_not_fetched() -> None:
    uri = f"s3://elsewhere/{report_rows.key_of(1, 100)}"
    (thumbnail,) = thumbnails.fetch(Storage(), "ours-only", [uri])
    assert thumbnail.problem == f"{uri}: is not in the bucket of CVITX_S3_BUCKET, ours-only"


class Storage:
    """S3 that is down."""

    asked = 0

    def fetch_bytes(self, key: str, limit_bytes: int) -> tuple[bytes, str]:
        self.asked += 1
        raise EnvironmentFault("S3 cannot be reached")


def test_after_an_outage_of_s3_no_further_image_is_fetched() -> None:
    storage = Storage()
    uris = [f"s3://ours-only/{report_rows.key_of(track, 100)}" for track in range(1, 101)]
    fetched = thumbnails.fetch(storage, "ours-only", uris)
    assert storage.asked <= stored_pictures.FETCH_THREADS
    assert fetched[0] == Thumbnail(None, "S3 cannot be reached")
    assert fetched[-1].problem == "not fetched, because S3 failed before"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "no such video: neither videos nor image_analyses has"),
        ({"baseline": VIOS}, "(1 snapshots, 1 baseline rows, 0 cmt rows): run main_worker with CVITX_RUN_MODE=compare"),
        ({}, "(1 snapshots, 0 baseline rows, 0 cmt rows): run main_worker"),
    ],
)
def test_nothing_to_compare_is_one_line_with_a_remedy(
    rows: Rows, capsys: pytest.CaptureFixture[str], said: dict[str, Said] | None, why: str
) -> None:
    if said is not None:
        rows.add(1, **said)  # type: ignore[arg-type]  # labels alone
    assert command.main(["--video", VIDEO]) == 2
    printed = capsys.readouterr().err
    assert why in printed
    assert printed.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_a_video_that_is_not_processed_yet_is_not_reported_as_missing(
    rows: Rows, sql: Sql, capsys: pytest.CaptureFixture[str]
) -> None:
    sql("INSERT INTO videos (id, workspace_id) VALUES (%s, %s)", VIDEO, WORKSPACE)
    assert command.main(["--workspace", WORKSPACE]) == 2
    assert "(0 snapshots, 0 baseline rows, 0 cmt rows)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"CVITX_DATABASE_URL": "postgresql://nobody@localhost:1/none"}, "database cannot be reached"),
        ({"CVITX_DATABASE_URL": "no URL"}, "CVITX_DATABASE_URL: is not a PostgreSQL URL"),
        ({"CVITX_REGIONS": "1"}, "CVITX_REGIONS: no such setting; did you mean CVITX_REGION?"),
        ({"AWS_PROFILE": "nobody"}, "the S3 client cannot be created: The config profile (nobody) could not be found"),
        ({"AWS_ENDPOINT_URL": "nowhere"}, "the S3 client cannot be created: Invalid endpoint: nowhere"),
    ],
)
def test_a_wrong_environment_is_one_line(
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environ: dict[str, str],
    why: str,
) -> None:
    rows.add(1, baseline=VIOS, cmt=CITY)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert command.main(["--video", VIDEO]) == 2
    printed = capsys.readouterr().err
    assert why in printed
    assert printed.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_line(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    rows.add(1, baseline=VIOS, cmt=CITY)
    assert command.main(["--video", VIDEO, "--out", "none/report.html"]) == 2
    said = capsys.readouterr().err
    assert "none/report.json" in said
    assert said.endswith("; choose another file with --out\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--video", "5"], "'5' is not a UUID"),
        (["--video", VIDEO, "--workspace", WORKSPACE], "not allowed with argument"),
        ([], "one of the arguments --video --workspace is required"),
        (["--video", VIDEO, "--pictures", "-1"], "'-1' is not an integer of 0 or more"),
        (["--video", VIDEO, "--pictures", "x"], "'x' is not an integer"),
        (["--video", VIDEO, "--out", "report.json"], "does not end in .html"),
    ],
)
def test_a_wrong_argument_is_named(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert why in capsys.readouterr().err


def test_a_comparison_can_write_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_verdicts, "PAIRS", "DELETE FROM image_analyses WHERE {analysis} = %(id)s")
    database = Database(database_url, "test")
    with pytest.raises(EnvironmentFault, match="read-only transaction"):
        StoredVerdicts(database).read("video", VIDEO)
    database.close()


def test_the_page_fits_a_phone_and_fetches_nothing(chromium: str, tmp_path: Path) -> None:
    long: Said = ("W" * 60, "M" * 60, "V" * 60)
    pairs = [compared(verdict(VIOS), verdict(long), track) for track in (1, 2)]
    small = [Thumbnail(report_rows.picture()), Thumbnail(None, "W" * 200)]
    (page := tmp_path / "report.html").write_text(report_page.render("video", agreement.measure(pairs), small), "utf-8")
    seen = open_page(chromium, page, 360, tmp_path / "report.png")
    assert seen["loaded"]
    assert seen["scroll_width"] <= 360
    assert seen["cards"] == 2
    assert [picture[:3] for picture in seen["pictures"]] == [[True, 640, 640]]
    assert (seen["title"], seen["scripts"], seen["console"]) == ("Agreement report: video", 0, [])
    assert len([url for url in seen["requests"] if not url.startswith("data:")]) == 1

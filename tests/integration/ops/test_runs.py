"""Operators list, pause, resume, cancel and replay runs; the worker does what they request."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from video_analysis.ops import replay, runs
from video_analysis.ops.run_rows import RunRows
from video_analysis.tests.support import video_bench
from video_analysis.tests.support.video_bench import TASK, VIDEO, Bench, Sql
from video_analysis.worker_config import TrackSettings
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import Cancelled, Paused, Permanent, Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

Result = TypeVar("Result")
FRAMES = 30
ADOPTED = "each video that a worker begins or resumes from now on: CAM1 has the settings of the workers"


@dataclass
class Site:
    """A worker with a bucket, a video queue and a database, as an operator's environment points at them."""

    bench: Bench
    sqs: SQSClient
    queue_url: str
    capsys: pytest.CaptureFixture[str]

    def ops(self, *arguments: str) -> str:
        """What `ops runs` prints."""
        assert runs.main(arguments) == 0
        return self.capsys.readouterr().out

    def refused(self, *arguments: str) -> str:
        """Why `ops runs` fails."""
        assert runs.main(arguments) == 2
        return self.capsys.readouterr().err

    def replay(self, *arguments: str, status: int = 0) -> str:
        """What `ops replay` prints."""
        assert replay.main((VIDEO, *arguments)) == status
        found = self.capsys.readouterr()
        return found.err if status else found.out

    def sent(self) -> list[dict[str, Any]]:
        """The messages in the queue, taken out of it."""
        received = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        for one in received:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in received]

    def run_id(self) -> str:
        return str(self.bench.runs()[-1]["id"])

    def pause_running(self) -> None:
        """A run of which one vehicle of two was sent when it was paused."""

        def pause(message: object) -> None:
            runs.main(["pause", self.run_id()])

        self.bench.outbox.on_send = pause
        assert isinstance(self.bench.fail(), Paused)
        self.bench.outbox.on_send = lambda message: None
        self.capsys.readouterr()


@pytest.fixture
def site(
    s3: S3Client,
    sqs: SQSClient,
    bucket: str,
    database_url: str,
    sql: Sql,
    ops_queue_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Site]:
    monkeypatch.setattr("video_analysis.yolo_worker.runs.progress.EVERY_S", 0.0)
    with video_bench.opened(database_url, sql, s3, bucket, upload_workers=1) as bench:
        bench.pipeline.vehicles = ((11, 1, 2), (12, 2, 4), (13, 3, 20))
        bench.pipeline.frame_count = FRAMES
        yield Site(bench, sqs, ops_queue_url, capsys)


def test_a_running_run_is_paused_and_resumed_and_then_completed(site: Site) -> None:
    site.pause_running()
    run_id = site.run_id()
    assert site.ops("pause", run_id) == f"{run_id}: paused\n"
    assert site.ops("resume", run_id) == f"{run_id}: pending\n"
    [message] = site.sent()
    assert message == {"event": "REPLAY_VIDEO", "run_id": run_id} | {
        name: TASK[name] for name in ("video_id", "workspace_id")
    }
    site.bench.deliver(message, message_id="m-2")
    [run] = site.bench.runs()
    assert (run["status"], run["attempts"], site.bench.video()["status"]) == ("completed", 2, "done")
    assert len(site.bench.rows()) == len(site.bench.objects()) == 3


def test_a_resumed_run_has_its_own_stride(site: Site) -> None:
    site.pause_running()
    site.bench.sql("UPDATE videos SET frame_stride = 3")
    site.ops("resume", site.run_id())
    site.bench.deliver(site.sent()[0], message_id="m-2")
    assert [run["config_snapshot"]["stride"] for run in site.bench.runs()] == [1]


def test_a_pending_run_is_sent_again_paused_and_cancelled(site: Site) -> None:
    site.pause_running()
    run_id = site.run_id()
    for _ in range(2):
        site.ops("resume", run_id)
    assert len(site.sent()) == 2
    assert site.ops("pause", run_id) == f"{run_id}: paused\n"
    for _ in range(2):
        assert site.ops("cancel", run_id) == f"{run_id}: cancelled\n"
    assert (site.bench.video()["status"], site.bench.video()["error_code"]) == ("error", "cancelled")
    assert "is cancelled: only a paused run" in site.refused("resume", run_id)
    message = {"event": "REPLAY_VIDEO", "run_id": run_id, "video_id": VIDEO, "workspace_id": TASK["workspace_id"]}
    site.bench.deliver(message, message_id="m-2")
    assert site.bench.observer.codes()[-1] == "run.skipped"


def test_a_running_run_is_cancelled_and_a_pause_can_be_taken_back(site: Site) -> None:
    def fail(message: object) -> None:
        raise Transient("SQS did not answer")

    site.bench.outbox.on_send = fail
    site.bench.fail()
    run_id, request = site.run_id(), "is requested; the worker acts within seconds of processing\n"
    assert site.ops("pause", run_id) == f"{run_id}: pause {request}"
    assert site.ops("resume", run_id) == f"{run_id}: running\n"
    assert site.ops("cancel", run_id) == f"{run_id}: cancel {request}"
    assert "running, cancel requested (transient)" in site.ops("list")
    for command in ("pause", "resume"):
        assert "is about to be cancelled" in site.refused(command, run_id)
    assert isinstance(site.bench.fail(receive=2, final=True), Cancelled)
    assert site.bench.runs()[0]["status"] == "cancelled"


def test_the_last_attempt_can_be_paused(site: Site) -> None:
    def pause(message: object) -> None:
        runs.main(["pause", site.run_id()])

    site.bench.outbox.on_send = pause
    assert isinstance(site.bench.fail(receive=5, final=True), Paused)
    run_id = site.run_id()
    requested = f"{run_id}: pause is requested; the last attempt acts on it, unless its worker has crashed\n"
    assert site.capsys.readouterr().out.startswith(requested)
    assert site.ops("resume", run_id) == f"{run_id}: pending\n"


def test_a_run_that_is_superseded_names_the_command_that_shows_the_one_in_its_place(site: Site) -> None:
    site.pause_running()
    paused = site.run_id()
    site.bench.sql("INSERT INTO camera_settings VALUES (%s, 'CAM1', '{\"track.gap_s\": 2}')", TASK["workspace_id"])
    site.ops("resume", paused)
    [message] = site.sent()
    site.bench.deliver(message, message_id="m-2")
    assert [run["status"] for run in site.bench.runs()] == ["failed", "completed"]
    for command in ("pause", "resume", "cancel"):
        assert f"another run has taken its place: `runs tree {paused}` shows it" in site.refused(command, paused)


def test_a_video_without_a_row_cannot_be_resumed(site: Site) -> None:
    site.pause_running()
    site.bench.sql("DELETE FROM videos")
    assert "send PROCESS_VIDEO again" in site.refused("resume", site.run_id())
    assert site.bench.runs()[0]["status"] == "paused"


def test_runs_are_listed_with_their_progress_and_shown_whole(site: Site) -> None:
    assert site.ops("list") == "no such runs\n"
    site.bench.deliver()
    run_id = site.run_id()
    heading, line = site.ops("list", "--video", VIDEO, "--status", "completed").splitlines()
    columns = ["run", "video", "camera", "type", "status", "stage", "progress", "fps", "eta", "vehicles", "updated"]
    assert heading.split() == columns
    assert line.split()[:7] == [run_id, VIDEO, "CAM1", "initial", "completed", "finish", "100%"]
    assert line.split()[9] == "3"
    shown = dict(line.split(maxsplit=1) for line in site.ops("show", run_id).splitlines())
    assert (shown["status"], shown["frames_done"], shown["attempts"]) == ("completed", str(FRAMES), "1")
    assert json.loads(shown["config_snapshot"])["stride"] == 1
    assert site.ops("list", "--status", "running") == "no such runs\n"
    site.bench.sql("DELETE FROM videos")
    assert site.ops("list").splitlines()[1].split()[2] == "-", "a video of an operator's own message has no row"


def test_a_run_that_does_not_exist_is_reported(site: Site) -> None:
    assert "there is no run" in site.refused("show", str(uuid.uuid4()))


def test_a_replay_is_a_run_of_its_own_with_rows_of_its_own(site: Site) -> None:
    site.bench.deliver()
    before = site.bench.video(), site.bench.rows()
    parent = site.run_id()
    plan = site.replay("--from", "track", "--set", "track.max_age_s=3", "--dry-run")
    assert f"parent: {parent}" in plan
    assert "stages that run again: track, select\n" in plan
    assert f"reused: boxes and embeddings of {FRAMES} of {FRAMES} frames, from 1 parts. The networks" in plan
    assert "reused: nothing, every network runs again\n" in site.replay("--from", "detect", "--dry-run")
    assert "  track.max_age_s = 3.0\n" in plan
    assert len(site.bench.runs()) == 1
    site.replay("--from", "track", "--set", "track.max_age_s=3")
    [message] = site.sent()
    site.bench.deliver(message, message_id="m-2")
    run = site.bench.runs()[-1]
    assert (run["run_type"], run["status"], run["parent_run_id"]) == ("replay", "completed", parent)
    assert run["config_snapshot"]["tracker"]["max_age_s"] == 3
    assert (site.bench.video(), len(site.bench.rows())) == (before[0], 2 * len(before[1]))
    shown = site.bench.sql("SELECT run_id FROM current_image_analyses")
    assert [row["run_id"] for row in shown] == [run["id"]] * 3
    assert site.ops("tree", run["id"]).splitlines() == [
        f"{parent} initial: completed",
        f"  {run['id']} replay from track track.max_age_s=3.0: completed",
    ]


def test_a_replay_is_undone_by_one_of_the_run_before(site: Site) -> None:
    site.bench.deliver()
    first = site.run_id()
    before = site.bench.sql("SELECT id FROM current_image_analyses ORDER BY id")
    site.replay("--from", "track", "--set", "track.max_age_s=3")
    site.bench.deliver(site.sent()[0], message_id="m-2")
    replayed = site.run_id()
    site.ops("adopt", replayed)
    site.replay("--from", "select", "--run", first)
    site.bench.pipeline.detected.clear()
    site.bench.deliver(site.sent()[0], message_id="m-3")
    assert site.bench.pipeline.detected == []
    assert site.bench.sql("SELECT id FROM current_image_analyses ORDER BY id") == before
    assert site.ops("adopt", "--replace", first) == f"{ADOPTED}\n"


def test_a_replay_whose_message_is_not_sent_names_the_command_that_sends_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.bench.deliver()
    with monkeypatch.context() as patch:
        patch.setenv("CVITX_VIDEO_QUEUE", "no-such-queue")
        why = site.replay("--from", "track", status=2)
    run_id = site.run_id()
    assert f"run {run_id} is pending, but its message could not be sent" in why
    assert f"`runs resume {run_id}` sends its message again" in why
    site.ops("resume", run_id)
    assert [message["run_id"] for message in site.sent()] == [run_id]


class RepeatingDatabase(Database):
    """Each transaction is repeated after its commit, as if the server's answer had been lost."""

    def transaction(self, work: Callable[[Any], Result]) -> Result:
        super().transaction(work)
        return super().transaction(work)


def test_a_replay_is_inserted_once_also_if_the_commit_is_not_answered(site: Site, database_url: str) -> None:
    site.bench.deliver()
    with closing(RepeatingDatabase(database_url, "cvitx-test")) as database:
        rows = RunRows(database)
        replayed = rows.insert_replay(rows.one(site.run_id()), "track", {})
    assert [run["id"] for run in site.bench.runs()[1:]] == [replayed.id]


def test_the_dry_run_shows_the_settings_of_the_camera_for_the_stages_that_run_again(site: Site) -> None:
    site.bench.deliver()
    camera = {"detector.iou": 0.4, "track.gap_s": 2, "track.max_age_s": 1, "best.edge_px": 9}
    site.bench.sql("INSERT INTO camera_settings VALUES (%s, 'CAM1', %s)", TASK["workspace_id"], json.dumps(camera))
    plan = site.replay("--from", "track", "--set", "track.max_age_s=3", "--dry-run")
    lines = ["track.max_age_s = 3.0", "best.edge_px = 9 (of the camera)", "track.gap_s = 2.0 (of the camera)"]
    assert "".join(f"  {line}\n" for line in lines) in plan
    site.bench.sql("UPDATE camera_settings SET overrides = '[]'")
    assert "of the camera" not in site.replay("--from", "track", "--dry-run")
    site.bench.sql("DROP TABLE camera_settings")
    assert "settings: those of the workers\n" in site.replay("--from", "track", "--dry-run")


def test_the_dry_run_shows_that_parts_of_other_settings_are_not_reused(site: Site) -> None:
    site.bench.deliver()
    site.bench.sql("UPDATE stage_checkpoints SET traits_hash = 'other'")
    plan = site.replay("--from", "track", "--dry-run")
    expected = (
        f"0 of {FRAMES} frames, from 0 parts; 1 other parts are of other settings or another version. The networks"
    )
    assert expected in plan
    site.bench.sql("DELETE FROM stage_checkpoints")
    assert "there are no checkpoint parts: every network runs again\n" in site.replay("--from", "track", "--dry-run")


def test_the_dry_run_does_not_count_parts_that_were_deleted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.bench.deliver()
    [part] = site.bench.parts()
    site.bench.s3.put_object(Bucket=site.bench.bucket, Key=part["s3_key"], Body=b"of another size")
    lost = f"reused: boxes and embeddings of 0 of {FRAMES} frames, from 0 parts; 1 parts are no longer in S3"
    assert lost in site.replay("--from", "track", "--dry-run")
    site.bench.s3.delete_object(Bucket=site.bench.bucket, Key=part["s3_key"])
    assert lost in site.replay("--from", "track", "--dry-run")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    assert "reused: unknown, S3 cannot be used to look for the 1 checkpoint parts: " in site.replay(
        "--from", "track", "--dry-run"
    )


def test_two_runs_are_compared_with_pictures(site: Site, tmp_path: Path) -> None:
    site.bench.deliver()
    site.replay("--from", "track", "--set", "track.max_age_s=3")
    site.bench.pipeline.vehicles = ((11, 1, 2), (12, 2, 10), (13, 3, 20), (14, 4, 25))
    site.bench.deliver(site.sent()[0], message_id="m-2")
    first, second = (run["id"] for run in site.bench.runs())
    page = tmp_path / "diff.html"
    shown = site.ops("diff", first, second, "--out", str(page)).splitlines()
    assert f"  track.max_age_s: A {TrackSettings().max_age_s}, B 3.0" in shown
    assert "same best frame 2, another best frame 1, new in B 1, gone 0" in shown, shown
    assert shown[-1] == f"written: {page}"
    html = page.read_text("utf-8")
    assert html.count("data:image/jpeg;base64,") == 3
    assert "No image" not in html
    assert "same best frame 2, another best frame 1, new in B 0, gone 1\n" in site.ops(
        "diff", second, first, "--out", str(page)
    )
    assert "there is nothing to compare" in site.refused("diff", first, first)


@pytest.mark.slow
def test_the_same_best_frames_are_found_after_many_replays(site: Site, tmp_path: Path) -> None:
    site.bench.deliver()
    first = site.run_id()
    for number in range(2, 14):
        site.replay("--from", "track", "--run", first, "--set", f"track.max_age_s={number}")
        site.bench.deliver(site.sent()[0], message_id=f"m-{number}")
    offsets = [row["detected_in_ms"] for row in site.bench.sql("SELECT detected_in_ms FROM current_image_analyses")]
    assert {offset % 40 for offset in offsets} == {12}
    page = str(tmp_path / "diff.html")
    expected = "same best frame 3, another best frame 0, new in B 0, gone 0\n"
    assert expected in site.ops("diff", first, site.run_id(), "--out", page)
    site.bench.sql("DELETE FROM stage_checkpoints")
    assert expected in site.ops("diff", first, site.run_id(), "--out", page), "by their boxes"


@pytest.mark.parametrize("has_parts", [True, False])
def test_a_run_that_has_not_ended_is_compared_as_far_as_it_came(site: Site, tmp_path: Path, has_parts: bool) -> None:
    site.bench.deliver()
    first = site.run_id()
    site.replay("--from", "track", "--set", "track.max_age_s=3")
    [message] = site.sent()

    def cancel(sent: object) -> None:
        runs.main(["cancel", site.run_id()])

    site.bench.outbox.on_send = cancel
    site.bench.fail(message, message_id="m-2", final=True)
    site.capsys.readouterr()
    if not has_parts:
        site.bench.sql("DELETE FROM stage_checkpoints")
    page = tmp_path / "diff.html"
    for runs_of in ((first, site.run_id()), (site.run_id(), first)):
        shown = site.ops("diff", *runs_of, "--out", str(page))
        assert "is cancelled: only the first 0." in shown
        assert "gone 0" in shown
        assert "new in B 0" in shown
        assert "is cancelled: only the first 0." in page.read_text("utf-8")


def test_a_replay_of_a_replay_keeps_the_settings_of_its_parent(site: Site) -> None:
    site.bench.deliver()
    site.replay("--from", "detect", "--set", "detector.iou=0.4")
    site.bench.deliver(site.sent()[0], message_id="m-2")
    site.replay("--from", "select", "--set", "best.edge_px=9")
    site.bench.deliver(site.sent()[0], message_id="m-3")
    run = site.bench.runs()[-1]
    assert (run["status"], run["config_overrides"]) == ("completed", {"detector.iou": 0.4, "best.edge_px": 9})
    assert run["config_snapshot"]["detector"]["iou"] == 0.4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["--from", "select", "--set", "track.max_age_s=3"],
            "changes the stage track, but the replay begins at select",
        ),
        (["--from", "detect", "--set", "yolo_weights=1"], "cannot be overridden"),
        (["--from", "detect", "--set", "track.max_age_s=-1"], "should be greater than 0"),
        (["--from", "track", "--set", f"track.nn_budget={10**30}"], "should be less than or equal to 1000"),
        (["--from", "detect", "--set", "detector.size_px=3200000000"], "should be less than or equal to 4096"),
        (["--from", "track", "--set", "track.max_age=3"], "did you mean track.max_age_s?"),
    ],
)
def test_a_refused_override_inserts_nothing(site: Site, arguments: list[str], reason: str) -> None:
    site.bench.deliver()
    assert reason in site.replay(*arguments, status=2)
    assert (len(site.bench.runs()), site.sent()) == (1, [])


@pytest.mark.parametrize(
    "written", ['{"s3_bucket": "other"}', '{"track.nn_budget": 1e30}', '{"track.max_age_s": 1e300}']
)
def test_the_worker_refuses_an_override_that_was_written_past_the_command(site: Site, written: str) -> None:
    site.bench.deliver()
    site.replay("--from", "track", "--set", "track.max_age_s=3")
    site.bench.sql("UPDATE video_runs SET config_overrides = %s WHERE run_type = 'replay'", written)
    before = site.bench.video()
    failure = site.bench.fail(site.sent()[0], message_id="m-2", final=True)
    assert isinstance(failure, Permanent)
    run = site.bench.runs()[-1]
    assert (run["status"], run["error_code"]) == ("failed", "override_refused")
    assert site.bench.video() == before, "a replay never changes the video's row"


def test_a_video_without_a_completed_run_cannot_be_replayed(site: Site) -> None:
    assert "has no completed run: send PROCESS_VIDEO first" in site.replay("--from", "track", status=2)
    site.pause_running()
    run_id = site.run_id()
    expected = f"has no completed run: its run {run_id} is paused, resume it first"
    assert expected in site.replay("--from", "track", status=2)
    site.ops("cancel", run_id)
    assert "send PROCESS_VIDEO first" in site.replay("--from", "track", status=2)


def test_an_adopted_run_changes_the_next_videos_of_its_camera(site: Site) -> None:
    site.bench.deliver()
    assert "is pending: only a completed run" in site.refused("adopt", pending_replay(site))
    site.bench.deliver(site.sent()[0], message_id="m-2")
    replayed = site.bench.runs()[-1]
    adopted = f"{ADOPTED}, and\n  track.max_age_s = 3.0\n"
    for _ in range(2):
        assert site.ops("adopt", replayed["id"]) == adopted
    site.bench.deliver(message_id="m-3")
    assert site.bench.runs()[-1]["run_key"] == replayed["run_key"]
    assert len(site.bench.rows()) == 6, "the rows of the replay are those of its run key"
    assert site.ops("adopt", "--replace", site.bench.runs()[0]["id"]) == (f"{ADOPTED}\n")
    site.bench.deliver(message_id="m-4")
    assert site.bench.runs()[-1]["run_key"] == site.bench.runs()[0]["run_key"], "the first run's settings again"
    assert len(site.bench.runs()) == 4
    assert {row["run_key"] for row in site.bench.sql("SELECT run_key FROM current_image_analyses")} == {
        site.bench.runs()[0]["run_key"]
    }


def test_the_other_settings_of_a_camera_are_kept(site: Site) -> None:
    site.bench.sql(
        "INSERT INTO camera_settings VALUES (%s, 'CAM1', %s)",
        *(TASK["workspace_id"], '{"best.edge_px": 9, "track.max_age_s": 1}'),
    )
    site.bench.deliver()
    pending_replay(site)
    site.bench.deliver(site.sent()[0], message_id="m-2")
    replayed = site.bench.runs()[-1]
    assert site.ops("adopt", replayed["id"]) == (
        f"{ADOPTED}, and\n  best.edge_px = 9 (kept, not of this run)\n  track.max_age_s = 3.0\n"
    )
    site.bench.deliver(message_id="m-3")
    assert site.bench.runs()[-1]["run_key"] == replayed["run_key"]
    site.bench.sql("UPDATE camera_settings SET overrides = '[]'")
    assert site.ops("adopt", replayed["id"]).endswith("and\n  track.max_age_s = 3.0\n"), "what is no object is replaced"


def test_settings_of_a_camera_that_a_worker_refuses_are_not_adopted(site: Site) -> None:
    kept = '{"best.edge_px": 9, "track.nn_budget": 100000}'
    site.bench.sql("INSERT INTO camera_settings VALUES (%s, 'CAM1', %s)", TASK["workspace_id"], kept)
    site.bench.deliver()
    pending_replay(site)
    site.bench.deliver(site.sent()[0], message_id="m-2")
    why = site.refused("adopt", site.run_id())
    assert "CAM1 would have settings that are refused: track.nn_budget: is 100000: " in why
    assert "--replace removes the settings that the camera had before" in why
    [row] = site.bench.sql("SELECT overrides FROM camera_settings")
    assert row["overrides"] == json.loads(kept), "unchanged"
    assert site.ops("adopt", "--replace", site.run_id()) == f"{ADOPTED}, and\n  track.max_age_s = 3.0\n"
    site.bench.sql("UPDATE video_runs SET config_overrides = '{\"track.max_age_s\": 1e9}'")
    why = site.refused("adopt", "--replace", site.run_id())
    assert "track.max_age_s: is 1000000000" in why
    assert "--replace" not in why


def pending_replay(site: Site) -> str:
    site.replay("--from", "track", "--set", "track.max_age_s=3")
    return site.run_id()


def test_of_the_settings_of_a_camera_only_the_refused_ones_are_not_used(site: Site) -> None:
    stored = {"track.max_age_s": 3, "track.nn_budget": 10**30, "track.old_name": 1}
    site.bench.sql("INSERT INTO camera_settings VALUES (%s, 'CAM1', %s)", TASK["workspace_id"], json.dumps(stored))
    site.bench.deliver()
    tracker = site.bench.runs()[0]["config_snapshot"]["tracker"]
    assert (tracker["max_age_s"], tracker["nn_budget"]) == (3, TrackSettings().nn_budget)
    [event] = [event for event in site.bench.observer.events if event.code == "camera.settings_refused"]
    assert event.message.startswith("settings of CAM1 that are not used: ")
    assert "track.old_name: cannot be overridden; possible are" in event.message
    assert "track.nn_budget: is 1000" in event.message


def test_refused_or_unreadable_settings_of_a_camera_are_not_used(site: Site) -> None:
    site.bench.sql(
        "INSERT INTO camera_settings VALUES (%s, 'CAM1', '{\"yolo_weights\": \"other.pt\"}')", TASK["workspace_id"]
    )
    site.bench.deliver()
    site.bench.sql("DROP TABLE camera_settings")
    for number in (2, 3):
        site.bench.deliver(message_id=f"m-{number}")
    codes = [code for code in site.bench.observer.codes() if code.startswith("camera.")]
    assert codes == ["camera.settings_refused", "camera.settings_unavailable"]
    assert len(site.bench.runs()) == 1


def test_a_replay_from_classify_sends_the_current_snapshots_again_and_is_no_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.bench.deliver()
    site.bench.sql("UPDATE image_analyses SET status = 'done'")
    site.replay("--from", "track", "--set", "track.max_age_s=3")
    site.bench.deliver(site.sent()[0], message_id="m-2")
    site.bench.sql("UPDATE image_analyses SET status = 'done'")
    monkeypatch.setenv("CVITX_SNAPSHOT_QUEUE", site.queue_url.rsplit("/", 1)[-1])
    current = {row["snapshot_s3_key"] for row in site.bench.sql("SELECT * FROM current_image_analyses")}
    assert site.replay("--from", "classify", "--dry-run") == "3 would be sent, 0 skipped\n"
    assert site.replay("--from", "classify") == "3 sent, 0 skipped\n"
    assert {message["snapshot_s3_key"] for message in site.sent()} == current
    assert len(site.bench.runs()) == 2
    assert "has no --set" in site.replay("--from", "classify", "--set", "best.edge_px=1", status=2)

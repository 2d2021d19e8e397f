"""Faults that `make chaos` has found in processes, one test each; and tests of the hooks."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from video_analysis.tests.chaos import hooks, processes, steps
from video_analysis.tests.chaos.environment import CLIP, CLIP_FRAMES, STRIDE, VISIBILITY_S
from video_analysis.tests.support.consumer_harness import Bench, ScriptedHandler
from video_analysis.worker_utils.consumer.retry_policy import classify_exception
from video_analysis.worker_utils.errors import BadVideo, EnvironmentFault, Transient
from video_analysis.worker_utils.execution import memory_pressure
from video_analysis.yolo_worker.source import open_video, video

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MORE_THAN_THERE_IS = 1 << 60


@pytest.fixture
def starved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_pressure, "HEADROOM_BYTES", MORE_THAN_THERE_IS)


@pytest.mark.usefixtures("starved")
def test_a_refusal_without_memory_is_the_environments_fault_and_says_both() -> None:
    judged = memory_pressure.reclassify_under_memory_pressure(BadVideo("no video stream"))
    assert isinstance(judged, EnvironmentFault)
    assert str(judged).startswith("out of memory")
    assert "no video stream" in str(judged)


def test_a_refusal_with_memory_stands() -> None:
    refusal = BadVideo("no video stream")
    assert memory_pressure.reclassify_under_memory_pressure(refusal) is refusal


@pytest.mark.usefixtures("starved")
@pytest.mark.parametrize("outcome", [Transient("a timeout"), None])
def test_what_blames_no_message_is_never_doubted(outcome: Transient | None) -> None:
    assert memory_pressure.reclassify_under_memory_pressure(outcome) is outcome


@pytest.mark.usefixtures("starved")
def test_a_worker_without_memory_gives_a_refused_message_another_try(sqs: SQSClient, queue_name: str) -> None:
    bench = Bench(sqs, queue_name)
    handler = ScriptedHandler(lambda delivery: BadVideo("no video stream") if delivery.receive_count == 1 else None)
    bench.send("x")
    with bench.running(handler):
        first, second = handler.next_delivery(), handler.next_delivery()
    assert (first.message_id, second.receive_count) == (second.message_id, 2)
    assert [final for _, _, final in handler.recorded.queue] == [False]
    assert bench.left() == 0


def test_the_room_asked_for_holds_the_largest_picture() -> None:
    assert memory_pressure.HEADROOM_BYTES > 3 * open_video.LARGEST_PICTURE_PX


def test_a_failed_allocation_is_the_environments_fault() -> None:
    assert isinstance(classify_exception(MemoryError("640 MiB")), EnvironmentFault)


@pytest.mark.parametrize("times", [1, 2])
def test_a_process_can_send_itself_several_signals(times: int, tmp_path: Path) -> None:
    script = tmp_path / "stop.py"
    script.write_text(
        "import signal\nfrom video_analysis.tests.chaos import hooks\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('stop', flush=True))\n"
        f"hooks.send(signal.SIGTERM, {times})\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["stop"] * times


def test_a_poison_kills_only_where_its_video_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[signal.Signals] = []
    fetched: list[str] = []

    class Store:
        def _download(self, key: str) -> None:
            fetched.append(key)

    monkeypatch.setattr(steps, "target", lambda _step: (Store, "_download"))
    monkeypatch.setattr(hooks, "send", sent.append)
    hooks.install({"CHAOS_POISON": "bad"})
    for key in ("demo_user/good.mp4", "demo_user/bad.mp4"):
        Store()._download(key)
    assert (sent, fetched) == ([signal.SIGKILL], ["demo_user/good.mp4", "demo_user/bad.mp4"])


def test_the_delays_alone_outlast_the_leases_however_fast_the_machine_is() -> None:
    frames = CLIP_FRAMES // STRIDE
    assert frames * processes.SLOW_S > processes.LEASES_OUTLASTED * VISIBILITY_S


@pytest.mark.skipif(not CLIP.is_file(), reason=f"no {CLIP}")
def test_the_clip_has_the_frames_that_the_delays_are_computed_from() -> None:
    assert video.probe(CLIP).announced_frames == CLIP_FRAMES

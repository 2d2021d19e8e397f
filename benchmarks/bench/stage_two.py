"""Stage 2 end to end, compared with its forward pass alone. At most 50 snapshot messages are queued at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

from video_analysis.benchmarks.bench import material, measured_worker
from video_analysis.benchmarks.bench.end_to_end import Say
from video_analysis.benchmarks.bench.figures import JsonObject, rounded, summary
from video_analysis.benchmarks.bench.measured_worker import MeasuredWorker, instant_s
from video_analysis.benchmarks.bench.processes import Bench, NotMeasured
from video_analysis.devstack.local_stack import Stack
from video_analysis.worker_utils.contracts.messages import SnapshotReady

AHEAD = 50
"""The time of a receive from moto grows with the backlog."""
AT_ONCE = 10
"""Messages per send, so that the worker's first receive gets a full batch."""
WARM_UP = 20


def measure(
    bench: Bench, stack: Stack, checkpoint: Path, snapshots: int, runs: int, batches: int, say: Say
) -> JsonObject:
    """Measure the forward pass, `runs` end-to-end runs, and the forward pass again."""
    alone = [_forward(bench, checkpoint, batches)]
    with running(bench, stack, checkpoint) as stage:
        rates = [stage.ips(snapshots) for _ in range(runs)]
        startup_s, rss_mb = stage.worker.startup_s, stage.worker.rss_mb
    alone.append(_forward(bench, checkpoint, batches))
    forward = summary([sample for one in alone for sample in one["stage2_forward_ips"]])
    whole = summary(rates)
    efficiency = whole["median"] / forward["median"]
    say(f"stage 2, {checkpoint.name}: {whole['median']} of {forward['median']} pictures/s")
    return {
        "stage2_ips": whole["median"],
        "stage2_forward_ips": forward["median"],
        "stage2_efficiency": rounded(efficiency),
        "checkpoint": alone[0]["checkpoint"],
        "gflops": alone[0]["gflops"],
        "decode_ms": alone[0]["decode_ms"],
        "startup_s": rounded(startup_s),
        "rss_mb": rounded(rss_mb),
        "samples": {"stage2_ips": whole, "stage2_forward_ips": forward},
    }


def _forward(bench: Bench, checkpoint: Path, batches: int) -> JsonObject:
    pictures = material.pictures(bench.folder)
    arguments = ["--checkpoint", checkpoint, "--pictures", pictures, "--batches", str(batches)]
    report: JsonObject = bench.run_json("bench.forward", arguments)
    return report


class StageTwo:
    """A running main_worker and its local stack."""

    def __init__(self, stack: Stack, worker: MeasuredWorker, jpegs: Sequence[bytes]) -> None:
        self._stack = stack
        self.worker = worker
        self._jpegs = jpegs

    def ips(self, count: int) -> float:
        """Pictures per second from the first receive to the last acknowledgement, when all rows are done."""
        return _run(self._stack, self.worker, self._jpegs, count)


@contextmanager
def running(bench: Bench, stack: Stack, checkpoint: Path, without: str | None = None) -> Iterator[StageTwo]:
    """A warm main_worker, `without` one of the ABLATIONS of ablation_worker."""
    environ = {
        **stack.environ,
        "CVITX_MAIN_CHECKPOINT": str(checkpoint.resolve()),
        "CVITX_CACHE_DIR": str(bench.cache),
        "CVITX_WAIT_TIME_S": "1",
    }
    jpegs = material.read_pictures(material.pictures(bench.folder))
    with measured_worker.worker("main_worker", environ, bench.folder, without) as worker:
        stage = StageTwo(stack, worker, jpegs)
        stage.ips(WARM_UP)
        yield stage


def _run(stack: Stack, worker: MeasuredWorker, jpegs: Sequence[bytes], count: int) -> float:
    video_id = str(uuid.uuid4())
    waiting = [
        stack.put_snapshot(video_id, track, jpeg)
        for track, jpeg in enumerate(islice(cycle(jpegs), count), start=1)
    ]  # fmt: skip
    sent = 0
    while sent < count:
        sent += _announce(stack, waiting[sent : sent + AT_ONCE])
        _until_finished(worker, video_id, sent + AT_ONCE - AHEAD)
    _until_finished(worker, video_id, count)
    (row,) = stack.sql("SELECT count(*) AS done FROM image_analyses WHERE video_id = %s AND status = 'done'", video_id)
    if row["done"] != count:
        raise NotMeasured(f"{row['done']} of {count} snapshots have a finished row")
    received, finished = (worker.of_video(event, video_id) for event in ("message.received", "message.finished"))
    return count / (instant_s(finished[-1]) - instant_s(received[0]))


def _announce(stack: Stack, snapshots: list[SnapshotReady]) -> int:
    entries = [{"Id": str(place), "MessageBody": one.to_json()} for place, one in enumerate(snapshots)]
    stack.sqs.send_message_batch(QueueUrl=stack.snapshot_queue_url, Entries=entries)  # type: ignore[arg-type]
    return len(snapshots)


def _until_finished(worker: MeasuredWorker, video_id: str, count: int) -> None:
    """Wait until `count` snapshots of the video are finished."""
    if count > 0:
        worker.until(lambda: len(worker.of_video("message.finished", video_id)) >= count)

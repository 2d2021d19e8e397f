"""Outages: S3, SQS, PostgreSQL and the disk fail for a while with messages in flight; nothing may be lost."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from video_analysis.tests.chaos import conditions, database_outages, environment, line_faults, proxy
from video_analysis.tests.chaos.conditions import logged, reconfigured, wait_ready, wait_until
from video_analysis.tests.chaos.environment import TIMEOUT_S, ChaosEnvironment, Result, Scenario
from video_analysis.tests.chaos.proxy import Fault
from video_analysis.tests.chaos.steps import CHECK_LEASE, Boundary
from video_analysis.tests.support import synthetic_clips
from video_analysis.worker_utils.aws import s3, sqs_address

RAW, SNAPSHOT = "/raw/", "/snapshots/"


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """(name, scenario) pairs. The full disk is left out if no file system may be mounted."""
    for name, faults in _network_faults():
        yield name, partial(with_network_faults, faults=faults)
    yield from database_outages.scenarios()
    if conditions.may_mount():
        yield "local disk full in mid-download", disk_full
    yield "object replaced between two attempts", object_replaced


def _network_faults() -> Iterator[tuple[str, tuple[Fault, ...]]]:
    """(name, faults) of each network fault."""
    yield "S3 slow: 2 s per response", (Fault(("GetObject", "PutObject"), line_faults.late(2)),)
    yield "S3 answers 500", _s3_refuses(500, "InternalError")
    yield "S3 answers 503 SlowDown", _s3_refuses(503, "SlowDown")
    yield (
        "S3 cut in mid-body",
        tuple(Fault(("GetObject",), line_faults.cut, 2, path=path) for path in (RAW, SNAPSHOT)),
    )
    yield "S3 write whose answer is lost", (Fault(("PutObject",), line_faults.lost, 6),)
    yield "S3 hangs for a read's 30 s", (Fault(("GetObject",), line_faults.hung, 1),)
    yield "SQS receive whose answer is lost", (Fault(("ReceiveMessage",), line_faults.lost, 3),)
    yield "SQS send whose answer is lost", (Fault(("SendMessage",), line_faults.lost, 5),)
    yield "SQS delete whose answer is lost", (Fault(("DeleteMessage",), line_faults.lost, 4),)
    yield "SQS throttles", _sqs_refuses(400, "ThrottlingException")
    yield "SQS answers 500", _sqs_refuses(500, "InternalFailure")
    yield "SQS poll hangs", (Fault(("ReceiveMessage",), line_faults.hung, 4),)


def _s3_refuses(status: int, code: str) -> tuple[Fault, ...]:
    """One refusal more than the client's attempts, so that the worker gets the error."""
    refused = line_faults.refused(status, code)
    chosen = (("GetObject", RAW), ("PutObject", SNAPSHOT), ("GetObject", SNAPSHOT))
    return tuple(Fault((operation,), refused, s3.ATTEMPTS + 1, path=path) for operation, path in chosen)


def _sqs_refuses(status: int, code: str) -> tuple[Fault, ...]:
    """Refuse polls for 5 s, and the calls after a receive once more than the client's attempts."""
    refused = line_faults.refused(status, code)
    chosen = ("SendMessage", "DeleteMessage", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")
    often = tuple(Fault((operation,), refused, sqs_address.ATTEMPTS + 1) for operation in chosen)
    return Fault(("ReceiveMessage",), refused, seconds=5), *often


def with_network_faults(chaos: ChaosEnvironment, scenario: str, *, faults: Sequence[Fault], videos: int = 2) -> Result:
    """Send videos while faults are injected into requests to S3 or SQS."""
    dead = chaos.dead()
    with proxy.between(_endpoint(chaos)) as line, reconfigured(chaos, {"AWS_ENDPOINT_URL": line.url}):
        wait_ready(chaos)
        line.faults = tuple(faults)
        for _ in range(videos):
            chaos.send()
        chaos.settle()
        return chaos.evaluate(scenario, line.hits, dead)


def disk_full(chaos: ChaosEnvironment, scenario: str) -> Result:
    """The temporary folder, on its own file system, fills up during a download and is emptied later."""
    dead, supervised, filled = chaos.dead(), chaos.workers["yolo_worker"], threading.Event()
    fault = Fault(("GetObject",), line_faults.stalled(filled), 1, path=RAW)
    with conditions.small_disk() as folder, proxy.between(_endpoint(chaos)) as line:
        environ = {"AWS_ENDPOINT_URL": line.url, "CVITX_TEMP_DIR": str(folder), "CVITX_MIN_FREE_DISK_MB": "1"}
        with reconfigured(chaos, environ):
            wait_ready(chaos)
            line.faults = (fault,)
            chaos.send()
            wait_until(lambda: line.hits and list(folder.glob("*/video.mp4")), "a download")
            conditions.fill(folder / "ballast")
            filled.set()
            supervised.await_event("probe.failed", TIMEOUT_S, "disk_full")
            (folder / "ballast").unlink()
            chaos.settle()
            return chaos.evaluate(scenario, len(logged(supervised, "message.failed", "disk_full")), dead)


def object_replaced(chaos: ChaosEnvironment, scenario: str) -> Result:
    """The first attempt downloads a truncated file and is killed; the second one finds the whole file."""
    dead, supervised, stack = chaos.dead(), chaos.workers["yolo_worker"], chaos.stack
    with reconfigured(chaos):
        supervised.stop_cleanly()
        task = chaos.send()
        where = {"Bucket": stack.config.s3_bucket, "Key": task["s3_key_raw"]}
        stack.s3.put_object(**where, Body=_cut_off())
        supervised.start(Boundary(CHECK_LEASE, "after", 12))
        wait_until(lambda: supervised.running.poll() is not None, "a kill")
        stack.s3.upload_file(str(environment.CLIP), *where.values())
        chaos.settle()
        return chaos.evaluate(scenario, 1, dead)


def _cut_off() -> bytes:
    """The clip with its index first, without its last tenth: readable up to the cut."""
    with tempfile.TemporaryDirectory() as folder:
        whole = synthetic_clips.trim(
            environment.CLIP, Path(folder) / "whole.mp4", 0, {"movflags": "faststart"}
        ).read_bytes()
    return whole[: len(whole) * 9 // 10]


def _endpoint(chaos: ChaosEnvironment) -> str:
    return chaos.stack.environ["AWS_ENDPOINT_URL"]

"""The README's policies, as they stand there: enough for both workers, and nothing in them is too much."""

from __future__ import annotations

import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from video_analysis import worker_config
from video_analysis.demo.weights import with_untrained
from video_analysis.devstack import local_stack, provision, stored_results
from video_analysis.devstack.local_stack import Stack
from video_analysis.main_worker import run_poller as stage_two
from video_analysis.tests.support import cloudformation, doc_examples, iam
from video_analysis.tests.support.iam import Role
from video_analysis.tests.support.log_capture import LogCapture, capture_logs
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg
from video_analysis.yolo_worker import run_poller as stage_one

POLICIES = dict(zip(("yolo_worker", "main_worker"), doc_examples.documents("Version"), strict=False))
ACTIONS = [
    (worker, statement["Sid"], action)
    for worker, policy in POLICIES.items()
    for statement in policy["Statement"]
    for action in iam.actions(statement)
]
NEXT = "cvitx-snapshot-tasks"
URL_OF = "sqs:GetQueueUrl"
ASKED_IN_VAIN = {
    "yolo_worker": {(URL_OF, "cvitx-video-tasks"), (URL_OF, NEXT), ("s3:PutObject", "runs/*")},
    "main_worker": {(URL_OF, NEXT)},
}
"""What the workers try for a better start, and do without."""
ROLES = {"yolo_worker": "YoloWorkerRole", "main_worker": "MainWorkerRole"}
"""In infra/template.yaml."""
NEEDED_AFTER_AN_INTERRUPTION = {("KeepCheckpoints", "s3:GetObject")}
Build = Callable[[threading.Event], Consumer]


@pytest.fixture(scope="module")
def environment(shared_data: Path) -> Iterator[Stack]:
    weights = shared_data / "models" / "yolov8n_coco.pt"
    if not weights.is_file():
        pytest.skip(f"no detector weights at {weights}")
    with tempfile.TemporaryDirectory(prefix="cvitx-iam-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = with_untrained(weights, folder) | {
            "CVITX_DEVICE": "torch",  # nothing has to be converted first
            "CVITX_PAUSE_FIRST_S": "0.1",
        }
        with local_stack.started(folder, WorkerConfig(), settings) as environment:
            yield environment


@pytest.fixture(scope="module")
def builds(environment: Stack) -> Iterator[dict[str, Build]]:
    """Both entry points; their networks, which ask AWS for nothing, are loaded once."""
    config = worker_config.load(environment.environ)
    pipeline, models = stage_one.pipeline(config), stage_two.models(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_one, "pipeline", lambda _: pipeline)
        patch.setattr(stage_two, "models", lambda _: models)
        yield {"yolo_worker": stage_one.build, "main_worker": stage_two.build}


@pytest.fixture
def log() -> Iterator[LogCapture]:
    with capture_logs() as log:
        yield log


@pytest.fixture
def at_work(
    environment: Stack, builds: dict[str, Build], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Role], Any]:
    """`with at_work(worker, role)`: the worker, whose every client is the role's, in a thread."""
    for name in (environment.config.video_queue, environment.config.snapshot_queue):
        environment.sqs.delete_queue(QueueUrl=environment.sqs.get_queue_url(QueueName=name)["QueueUrl"])
        provision.queue(environment.sqs, name, environment.config)
    for name, value in environment.environ.items():
        monkeypatch.setenv(name, value)

    @contextmanager
    def at_work(worker: str, role: Role) -> Iterator[None]:
        monkeypatch.setattr(boto3, "Session", iam.session_of(role))
        shutdown = threading.Event()
        thread = threading.Thread(target=builds[worker](shutdown).run)
        thread.start()
        try:
            yield
        finally:
            shutdown.set()
            thread.join()

    return at_work


@pytest.fixture
def clip(shared_data: Path) -> Path:
    return shared_data / "video" / "otvision_cars_truck_800x600_60f.mp4"


def send_snapshot(environment: Stack) -> None:
    """A picture and its message, as stage 1 leaves them."""
    content = encode_jpeg(np.full((640, 640, 3), 120, np.uint8), 95)
    environment.send_snapshot(environment.put_snapshot(str(uuid.uuid4()), 1, content))


def send_garbage(url: str, environment: Stack) -> None:
    """What is only ever released, on its way to the dead-letter queue."""
    environment.sqs.send_message(QueueUrl=url, MessageBody="garbage")


@pytest.mark.parametrize("source", ["documentation", pytest.param("template", marks=pytest.mark.slow)])
def test_with_exactly_these_permissions_a_clip_becomes_finished_rows_and_every_one_of_them_is_needed(
    environment: Stack, log: LogCapture, at_work: Callable[[str, Role], Any], clip: Path, source: str
) -> None:
    statements = {worker: policy["Statement"] for worker, policy in POLICIES.items()}
    if source == "template":
        template = cloudformation.Stack()
        statements = {worker: template.statements(role) for worker, role in ROLES.items()}
    roles = {worker: Role(allowed) for worker, allowed in statements.items()}
    task = environment.upload(clip, stride=3)
    environment.send(task)
    send_garbage(environment.video_queue_url, environment)
    with at_work("yolo_worker", roles["yolo_worker"]):
        log.wait_for(lambda: log.count("video.done") > 0 and environment.depth(environment.video_queue_url) == 0)
    send_garbage(environment.snapshot_queue_url, environment)
    with at_work("main_worker", roles["main_worker"]):
        vehicles = log.count("snapshot.ready")
        log.wait_for(lambda: log.count("snapshot.classified") == vehicles)
        log.wait_for(lambda: environment.depth(environment.snapshot_queue_url) == 0)
    found = stored_results.read(environment, task["video_id"])
    assert found.faults() == []
    assert vehicles == len(found.analyses) > 0
    for worker, allowed in statements.items():
        granted = {(statement["Sid"], action) for statement in allowed for action in iam.actions(statement)}
        assert roles[worker].used == granted - NEEDED_AFTER_AN_INTERRUPTION
        refused = {(action, "runs/*" if "/runs/" in place else place) for action, place in roles[worker].refused}
        assert refused == {one for one in ASKED_IN_VAIN[worker] if source == "documentation" or one[0] == URL_OF}


@pytest.mark.parametrize(("worker", "sid", "action"), ACTIONS)
def test_without_any_one_permission_a_line_names_it(
    environment: Stack,
    log: LogCapture,
    at_work: Callable[[str, Role], Any],
    clip: Path,
    worker: str,
    sid: str,
    action: str,
) -> None:
    role = Role(iam.without(POLICIES[worker]["Statement"], action))
    if worker == "yolo_worker":
        environment.send(environment.upload(clip, stride=10))
        send_garbage(environment.video_queue_url, environment)
    else:
        send_snapshot(environment)
        send_garbage(environment.snapshot_queue_url, environment)
    with at_work(worker, role):
        log.wait_for(lambda: any(action in line["message"] and "denied" in line["message"] for line in log.lines))
    assert action in {refused for refused, _ in role.refused}


def test_the_shim_refuses_what_no_statement_allows() -> None:
    (statement,) = [one for one in POLICIES["yolo_worker"]["Statement"] if one["Sid"] == "ReadRawVideos"]
    role = Role([statement])
    limited = iam.session_of(role)("a", "b", region_name="ap-southeast-2").client("s3")
    bucket = WorkerConfig().s3_bucket
    for key in ("demo_user/w/v/snapshots/a.jpg", "other/w/v/raw/a.mp4", "raw/a.mp4"):
        with pytest.raises(limited.exceptions.ClientError, match="AccessDenied"):
            limited.get_object(Bucket=bucket, Key=key)
    with pytest.raises(limited.exceptions.ClientError, match="AccessDenied"):
        limited.head_object(Bucket=bucket, Key="demo_user/w/v/raw/a.mp4")
    assert {action for action, _ in role.refused} == {"s3:GetObject", "s3:HeadObject"}
    assert role.used == set()

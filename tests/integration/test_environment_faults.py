"""Faults of the environment: one line names each, polling pauses, and no good message reaches the dead-letter queue."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.tests.support.environment_harness import Environment, settings
from video_analysis.tests.support.snapshot_stage import classifier_of_colours
from video_analysis.worker_utils.consumer.lease import LIMIT_MARGIN_S, LONGEST_LEASE_S

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger(__name__)
Sql = Callable[..., list[dict[str, Any]]]
WITHOUT_DEFAULT = "ALTER TABLE {0} ADD tenant text NOT NULL DEFAULT ''; ALTER TABLE {0} ALTER tenant DROP DEFAULT"
YOLO, MAIN = "yolo_worker", "main_worker"
TABLES: list[tuple[str, str, str, str]] = [
    (YOLO, "REVOKE UPDATE ON videos FROM {role}", "GRANT UPDATE ON videos TO {role}", "GRANT UPDATE ON videos TO "),
    (
        YOLO,
        "REVOKE INSERT ON image_analyses FROM {role}",
        "GRANT INSERT ON image_analyses TO {role}",
        "GRANT INSERT ON image_analyses TO ",
    ),
    (
        MAIN,
        "REVOKE UPDATE ON image_analysis_results FROM {role}",
        "GRANT UPDATE ON image_analysis_results TO {role}",
        "GRANT UPDATE ON image_analysis_results TO ",
    ),
    (
        YOLO,
        WITHOUT_DEFAULT.format("image_analyses"),
        "ALTER TABLE image_analyses ALTER tenant SET DEFAULT 'none'",
        "image_analyses.tenant: NOT NULL",
    ),
    (
        MAIN,
        WITHOUT_DEFAULT.format("image_analysis_results"),
        "ALTER TABLE image_analysis_results ALTER tenant SET DEFAULT 'none'",
        "image_analysis_results.tenant: NOT NULL",
    ),
    (
        MAIN,
        "ALTER TYPE analysis_status_enum RENAME VALUE 'done' TO 'ready'",
        "ALTER TYPE analysis_status_enum RENAME VALUE 'ready' TO 'done'",
        'analysis_status_enum: "done"',
    ),
    (
        YOLO,
        "ALTER TYPE video_status_enum RENAME VALUE 'done' TO 'ready'",
        "ALTER TYPE video_status_enum RENAME VALUE 'ready' TO 'done'",
        'video_status_enum: "done"',
    ),
    (
        YOLO,
        "ALTER TABLE videos ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE videos DISABLE ROW LEVEL SECURITY",
        "row-level security hides rows of videos",
    ),
    (
        MAIN,
        "ALTER TABLE image_analyses ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE image_analyses DISABLE ROW LEVEL SECURITY",
        "row-level security hides rows of image_analyses",
    ),
]
CHANGE = "sqs:ChangeMessageVisibility"
CALLS = [
    (YOLO, "s3:GetObject"),
    (YOLO, "s3:PutObject"),
    (YOLO, "sqs:SendMessage"),
    (YOLO, "sqs:DeleteMessage"),
    (MAIN, "s3:GetObject"),
    (MAIN, "sqs:DeleteMessage"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return classifier_of_colours(tmp_path_factory.mktemp("colours"))


@pytest.fixture
def environment(
    request: pytest.FixtureRequest,
    sql: Sql,
    database_url: str,
    s3: S3Client,
    sqs: SQSClient,
    bucket: str,
    model: Classifier,
) -> Iterator[Environment]:
    """The environment of the worker that the test names."""
    made = Environment(request.param, sql, database_url, s3, sqs, settings(bucket), model)
    yield made
    sql(f"DROP OWNED BY {made.db_role}; DROP ROLE {made.db_role}")


def check(environment: Environment, fault: Callable[[], None], remedy: Callable[[], None], named: str) -> None:
    """A message that is sent during the fault waits, whatever the fault lasts, and finishes after the remedy."""
    with environment.running():
        environment.observer.wait_for("consumer.ready")
        environment.send()
        environment.await_empty_queue()
        fault()
        video_id = environment.send()
        passed_s = environment.await_line(named)
        log.info("%.3f s from the fault to the line of %s that contains: %s", passed_s, environment.worker, named)
        lines = [event for event in environment.observer.events if named in event.message]
        waiting = environment.observer.codes().count("polling.paused")
        if "snapshot.held" not in {event.code for event in lines}:
            environment.observer.wait_for("polling.paused", waiting + 3)
        assert environment.receives() == 2
        remedy()
        environment.await_empty_queue()
    assert environment.receives() <= 3
    assert environment.in_dead_letter_queue() == 0
    rows = environment.sql("SELECT status::text, error_code FROM image_analyses WHERE video_id = %s", video_id)
    status = "queued" if environment.worker == YOLO else "done"
    assert {(row["status"], row["error_code"]) for row in rows} == {(status, None)}
    if environment.worker == YOLO:
        assert environment.sql("SELECT status::text FROM videos WHERE id = %s", video_id) == [{"status": "done"}]


@pytest.mark.parametrize(
    ("environment", "fault", "remedy", "named"),
    TABLES,
    ids=[fault for _, fault, *_ in TABLES],
    indirect=["environment"],
)
def test_a_change_of_the_database_pauses_polling_with_one_line_and_spends_no_message(
    environment: Environment, fault: str, remedy: str, named: str
) -> None:
    check(environment, lambda: _run(environment, fault), lambda: _run(environment, remedy), named)


@pytest.mark.parametrize(("environment", "action"), CALLS, indirect=["environment"])
def test_a_lost_permission_pauses_polling_with_one_line_and_spends_no_message(
    environment: Environment, action: str
) -> None:
    check(environment, lambda: environment.deny(action), environment.permit, action)


def _run(environment: Environment, statement: str) -> None:
    environment.sql(statement.format(role=environment.db_role))


@pytest.mark.parametrize("environment", [YOLO], indirect=True)
def test_a_snapshot_that_cannot_be_sent_says_so_in_its_row_until_a_later_attempt_sends_it(
    environment: Environment,
) -> None:
    rows = "SELECT status::text, error_code, error_msg FROM image_analyses"
    with environment.running():
        environment.observer.wait_for("consumer.ready")
        environment.deny("sqs:SendMessage")
        environment.send()
        environment.observer.wait_for("snapshot.held")
        environment.await_rows("error_code = 'send_denied'", 2)
    assert environment.observer.codes().count("snapshot.held") == 1
    assert "snapshot.resumed" not in environment.observer.codes()
    for row in environment.sql(rows):
        assert (row["status"], row["error_code"]) == ("queued", "send_denied")
        assert "sqs:SendMessage" in str(row["error_msg"])
    environment.permit()
    with environment.running():
        environment.await_empty_queue()
    assert environment.receives() == 2
    assert environment.sql(rows) == [{"status": "queued", "error_code": None, "error_msg": None}] * 2


@pytest.mark.parametrize(
    ("environment", "action"), [(YOLO, "s3:PutObject"), (YOLO, "sqs:SendMessage")], indirect=["environment"]
)
def test_a_held_call_says_in_the_video_s_row_why_it_waits(environment: Environment, action: str) -> None:
    with environment.running():
        environment.observer.wait_for("consumer.ready")
        environment.deny(action)
        video_id = environment.send()
        environment.await_video(video_id, "permission_denied", action)
        environment.permit()
        environment.await_empty_queue()
    assert _statuses(environment, video_id) == {("done", None)}


@pytest.mark.parametrize("environment", [YOLO], indirect=True)
def test_a_held_call_that_is_refused_for_another_reason_says_the_new_one_in_the_row_and_the_log(
    environment: Environment,
) -> None:
    with environment.running():
        environment.observer.wait_for("consumer.ready")
        environment.deny("s3:PutObject")
        video_id = environment.send()
        environment.await_video(video_id, "permission_denied", "s3:PutObject")
        environment.role.refusal_of_writes = "NoSuchBucket"
        environment.permit()
        environment.await_video(video_id, "no_bucket", "CVITX_S3_BUCKET")
        environment.role.refusal_of_writes = None
        environment.await_empty_queue()
    held = [event.fields["error_code"] for event in environment.observer.events if event.code == "snapshot.held"]
    assert held == ["permission_denied", "no_bucket"]
    assert _statuses(environment, video_id) == {("done", None)}


@pytest.mark.parametrize("environment", [YOLO], indirect=True)
def test_a_hold_ends_before_its_lease_and_the_probe_repeats_the_refused_key_until_it_is_permitted(
    environment: Environment,
) -> None:
    video_id = str(uuid.uuid4())
    environment.hold_margin_s = LONGEST_LEASE_S - LIMIT_MARGIN_S - 1
    environment.role.is_denied = lambda action, arn: action == "s3:PutObject" and video_id in arn
    with environment.running():
        environment.send(video_id)
        (failed,) = environment.observer.wait_for("message.failed")
        assert (failed.fields["failure"], failed.fields["error_code"]) == ("Denied", "permission_denied")
        assert failed.fields["released_after_s"] == 1
        environment.observer.wait_for("polling.paused", 20)  # longer than the delay of the release
        assert environment.receives() == 1
        assert _statuses(environment, video_id) == {("processing", "permission_denied")}
        environment.role.is_denied = lambda action, arn: False
        environment.await_empty_queue()
    assert environment.receives() == 2
    assert _statuses(environment, video_id) == {("done", None)}
    assert environment.in_dead_letter_queue() == 0


@pytest.mark.parametrize("environment", [YOLO], indirect=True)
def test_restarts_during_a_hold_receive_nothing_until_the_permission_is_granted(environment: Environment) -> None:
    with environment.running():
        environment.observer.wait_for("consumer.ready")
        environment.deny("s3:PutObject")
        video_id = environment.send()
        environment.await_video(video_id, "permission_denied", "s3:PutObject")
    (failed,) = environment.observer.wait_for("message.failed")
    assert (failed.fields["failure"], failed.fields["released_after_s"]) == ("Interrupted", 0)
    assert _statuses(environment, video_id) == {("processing", "permission_denied")}
    for restart in range(1, 6):
        with environment.running():
            environment.observer.wait_for("probe.failed", restart)
    assert environment.receives() == 1
    environment.permit()
    with environment.running():
        environment.await_empty_queue()
    assert _statuses(environment, video_id) == {("done", None)}
    assert environment.in_dead_letter_queue() == 0


@pytest.mark.parametrize("environment", [YOLO], indirect=True)
def test_a_restart_during_a_hold_that_the_probe_cannot_see_spends_a_receive(environment: Environment) -> None:
    video_id = str(uuid.uuid4())
    environment.role.is_denied = lambda action, arn: action == "s3:PutObject" and video_id in arn
    environment.send(video_id)
    for start in range(1, environment.config.max_receive_count + 1):
        with environment.running():
            environment.observer.wait_for("snapshot.held", start)
            environment.await_video(video_id, "permission_denied", "s3:PutObject")
    assert environment.receives() == environment.config.max_receive_count
    assert _statuses(environment, video_id) == {("error", "permission_denied")}
    with environment.running():
        environment.await_dead_letter()
    environment.role.is_denied = lambda action, arn: False
    environment.redrive()
    with environment.running():
        environment.await_empty_queue()
    assert _statuses(environment, video_id) == {("done", None)}


@pytest.mark.parametrize("environment", [pytest.param(YOLO, marks=pytest.mark.slow), MAIN], indirect=True)
def test_a_worker_that_starts_without_a_permission_receives_nothing_until_it_is_granted(
    environment: Environment,
) -> None:
    for action in sorted({action for worker, action in CALLS if worker == environment.worker} | {CHANGE}):
        environment.observer.events.clear()
        environment.deny(action)
        with environment.running():
            environment.send()
            environment.await_line(action)
            environment.observer.wait_for("polling.paused", 2)
            assert environment.receives() == 0
            environment.permit()
            environment.await_empty_queue()
        assert environment.receives() == 1


@pytest.mark.parametrize("environment", [YOLO, MAIN], indirect=True)
def test_a_disabled_kms_key_of_one_object_affects_its_message_alone(environment: Environment) -> None:
    status = partial(_statuses, environment)
    with environment.running():
        environment.observer.wait_for("consumer.ready")
        video_id = str(uuid.uuid4())
        environment.role.is_kms_key_disabled = lambda key: video_id in key
        environment.send(video_id)
        (failed,) = environment.observer.wait_for("message.failed")
        assert failed.fields["error_code"] == "kms_key_unusable"
        assert "enable the key" in failed.message
        good = environment.send()
        environment.observer.wait_for("message.finished")
        assert status(good) != {("error", "kms_key_unusable")}
        assert status(video_id) == {("error", "kms_key_unusable")}
        environment.role.is_kms_key_disabled = lambda key: False
        environment.await_empty_queue()
    assert {code for _, code in status(video_id)} == {None}
    assert "polling.paused" not in environment.observer.codes()
    assert environment.in_dead_letter_queue() == 0


@pytest.mark.parametrize("environment", [YOLO, MAIN], indirect=True)
def test_a_disabled_kms_key_of_all_objects_pauses_polling_and_spends_no_message(environment: Environment) -> None:
    with environment.running():
        environment.observer.wait_for("consumer.ready")
        environment.send()
        environment.await_empty_queue()
        environment.role.is_kms_key_disabled = lambda key: True
        for _ in range(5):
            environment.send()
        environment.await_line("KMS key")
        environment.observer.wait_for("polling.paused", 3)
        received = environment.receives()
        environment.observer.wait_for("polling.paused", 6)
        assert environment.receives() == received
        environment.role.is_kms_key_disabled = lambda key: False
        environment.await_empty_queue()
    assert environment.in_dead_letter_queue() == 0


@pytest.mark.parametrize("environment", [YOLO, MAIN], indirect=True)
def test_archived_objects_are_refused_with_the_remedy_and_pause_nothing(environment: Environment) -> None:
    archived = [environment.send() for _ in range(environment.config.denied_keys_limit)]
    environment.archive_objects()
    with environment.running():
        environment.observer.wait_for("message.failed", len(archived))
        good = environment.send()
        environment.observer.wait_for("message.finished")
    assert {code for video_id in archived for code in _statuses(environment, video_id)} == {
        ("error", "object_archived")
    }
    assert {code for _, code in _statuses(environment, good)} == {None}
    assert "polling.paused" not in environment.observer.codes()


def _statuses(environment: Environment, video_id: str) -> set[tuple[str, str | None]]:
    """The status and error_code of the worker's rows of this video."""
    table, key = ("videos", "id") if environment.worker == YOLO else ("image_analyses", "video_id")
    rows = environment.sql(f"SELECT status::text, error_code FROM {table} WHERE {key} = %s", video_id)
    return {(row["status"], row["error_code"]) for row in rows}

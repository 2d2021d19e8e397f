"""Show how much work waits in the queues: python -m video_analysis.ops queues --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import boto3

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status
from video_analysis.ops.aws_clients import PermissionMissing, calling
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup import queues
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.errors import WorkerError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

Result = TypeVar("Result")
ABOUT = """\
Shows the messages of each queue: those that wait, those in flight or waiting for their next attempt, the age of the
oldest, and the minutes that one worker needs for all of them, by the mean of recent videos and snapshots. Needs
sqs:GetQueueUrl and GetQueueAttributes on the queues, cloudwatch:GetMetricStatistics for the age, and the database for
the minutes, by your own credentials. A value that cannot be had is `-` (null in JSON); stderr has the reason."""
EXAMPLES = ("", "--json")
WAITING, IN_FLIGHT = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
AGE = "ApproximateAgeOfOldestMessage"
AGE_PERIOD_S = 300
AGE_WINDOW = timedelta(minutes=15)
"""CloudWatch has the metric some minutes late, and only of a queue that was used in the last hours."""
SECONDS_PER_VIDEO = """
SELECT avg(extract(epoch FROM completed_at - started_at))::float FROM (
    SELECT completed_at, started_at FROM video_runs
    WHERE status = 'completed' AND attempts = 1 AND run_type <> 'replay' ORDER BY completed_at DESC LIMIT 20) AS recent
"""
SECONDS_PER_SNAPSHOT = """
SELECT avg(latency_ms) / 1000.0 FROM (
    SELECT latency_ms FROM image_analysis_results ORDER BY updated_at DESC LIMIT 200) AS recent
"""
HEADINGS = ("queue", "waiting", "in flight", "oldest", "minutes of work")


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue; None for what cannot be had."""

    queue: str
    waiting: int
    in_flight: int
    oldest_s: float | None
    minutes: float | None


def main(given: Sequence[str] | None = None) -> int:
    """0 when the queues are shown, 2 on an error."""
    parser = arguments.parser("queues", ABOUT, *EXAMPLES)
    parser.add_argument("--json", action="store_true", help="one JSON object per queue")
    options = parser.parse_args(given)
    return exit_status.run("queues", lambda: _show(options))


def _show(options: argparse.Namespace) -> None:
    states = _states(worker_config.load(os.environ))
    if options.json:
        for state in states:
            print(json.dumps(asdict(state)))
        return
    rows = [HEADINGS, *map(_cells, states)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *cells]))


def _states(config: WorkerConfig) -> list[QueueState]:
    session = aws_clients.session(config)
    sqs = aws_clients.sqs(config, session)
    seconds = _or_nothing(lambda: _seconds(config), "no minutes") or {}
    names = [
        name_or_url
        for one in (config.video_queue, config.snapshot_queue)
        for name_or_url in (one, queues.dead_letter_queue(one))
    ]
    states = [_state(sqs, name_or_url, seconds.get(name_or_url)) for name_or_url in names]
    own = [state.queue for state, name_or_url in zip(states, names, strict=True) if _is_own(sqs, name_or_url)]
    ages_s = _or_nothing(lambda: _ages_s(session, own), "no ages") or {}
    return [replace(state, oldest_s=ages_s.get(state.queue)) for state in states]


def _or_nothing(read: Callable[[], Result], lost: str) -> Result | None:
    """What `read` returns; None after a failure, which is one line on stderr."""
    try:
        return read()
    except (WorkerError, PermissionMissing) as failure:
        sys.stderr.write(f"queues: {lost}: {failure}\n")
        return None


def _is_own(sqs: SQSClient, name_or_url: str) -> bool:
    """Whether CloudWatch of this account and region has the queue: not every one that a URL names is its own."""
    if not queues.is_url(name_or_url):
        return True
    try:
        return queues.url_of(sqs, queues.name_of(name_or_url)) == name_or_url
    except (WorkerError, PermissionMissing):
        return False


def _state(sqs: SQSClient, name_or_url: str, seconds: float | None) -> QueueState:
    """The state but for the age of the oldest message."""
    url = queues.url_of(sqs, name_or_url)
    if url is None:
        raise CommandError(f"there is no queue {name_or_url}: `ops setup --only queues` creates it")
    found = queues.attributes_of(sqs, url, name_or_url)
    waiting, in_flight = int(found[WAITING]), int(found[IN_FLIGHT])
    minutes = None if seconds is None else (waiting + in_flight) * seconds / 60
    return QueueState(queues.name_of(name_or_url), waiting, in_flight, None, minutes)


def _ages_s(session: boto3.Session, names: Sequence[str]) -> Mapping[str, float | None]:
    """Name → age of the oldest message by CloudWatch; None without a recent value."""
    client = session.client("cloudwatch", config=aws_clients.LIMITS)
    return {name: _age_s(client, name) for name in names}


def _age_s(cloudwatch: Any, name: str) -> float | None:
    now = datetime.now(UTC)
    with calling("cloudwatch:GetMetricStatistics", name):
        answer: Mapping[str, Any] = cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName=AGE,
            Dimensions=[{"Name": "QueueName", "Value": name}],
            StartTime=now - AGE_WINDOW,
            EndTime=now + timedelta(minutes=1),
            Period=AGE_PERIOD_S,
            Statistics=["Maximum"],
        )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return float(points[-1]["Maximum"]) if points else None


def _seconds(config: WorkerConfig) -> Mapping[str, float | None]:
    """Mean seconds per message, by the name of the queue; None without recent rows."""

    def read(cursor: Cursor) -> list[float | None]:
        found: list[float | None] = []
        for statement in (SECONDS_PER_VIDEO, SECONDS_PER_SNAPSHOT):
            cursor.execute(statement)
            ((mean,),) = cursor.fetchall()
            found.append(None if mean is None else float(mean))
        return found

    per_video, per_snapshot = Database(config.database_url, "cvitx-queues").transaction(read)
    return {config.video_queue: per_video, config.snapshot_queue: per_snapshot}


def _cells(state: QueueState) -> tuple[str, ...]:
    oldest = "-" if state.oldest_s is None else str(timedelta(seconds=round(state.oldest_s)))
    minutes = "-" if state.minutes is None else f"{state.minutes:.1f}"
    return state.queue, str(state.waiting), str(state.in_flight), oldest, minutes


if __name__ == "__main__":
    sys.exit(main())

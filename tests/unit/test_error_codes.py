"""docs/error-codes.md lists exactly the error codes and attempt states of the code, and each code is in use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import cast, get_args

import pytest

from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.aws.errors import Denied, NoSuchQueue
from video_analysis.worker_utils.consumer.retry_policy import Outcome, RetryPolicy, decide
from video_analysis.worker_utils.db.attempt_status import AttemptState
from video_analysis.worker_utils.errors import (
    BadMessage,
    BadSnapshot,
    BadVideo,
    Cancelled,
    EnvironmentFault,
    ErrorCode,
    Interrupted,
    LeaseLost,
    MissingObject,
    Paused,
    Permanent,
    Transient,
    WorkerError,
    strip_traceback,
)

PAGE = (PACKAGE_FOLDER / "docs" / "error-codes.md").read_text("utf-8")
STATES, CODES = PAGE.split("\n## Attempt states\n")[1].split("\n## Error codes\n")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
CLASSES: list[type[WorkerError]] = [
    *(BadMessage, BadVideo, BadSnapshot, Permanent, Transient, EnvironmentFault, Denied, NoSuchQueue),
    *(Interrupted, Paused, Cancelled, LeaseLost),
]
CONFIG = WorkerConfig()
POLICY = RetryPolicy(CONFIG.transient_delays_s, CONFIG.missing_delays_s)


def test_the_page_lists_every_attempt_state_once() -> None:
    assert sorted(row[0] for row in ROW.findall(STATES)) == sorted(get_args(AttemptState))


def test_the_page_lists_every_error_code_once() -> None:
    assert sorted(row[0] for row in ROW.findall(CODES)) == sorted(get_args(ErrorCode))


def test_every_error_code_is_in_use() -> None:
    assert set(codes_in_use()) == set(get_args(ErrorCode))


def codes_in_use() -> Iterator[str]:
    """The constants of `code=` in calls and of `default_code` in classes, in all that a worker runs."""
    for folder in ("worker_utils", "yolo_worker", "main_worker"):
        for path in (PACKAGE_FOLDER / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                    yield cast(str, node.value.value)
                if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "default_code":
                    assert isinstance(node.value, ast.Constant)
                    yield cast(str, node.value.value)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_failure_has_the_code_of_its_class_or_a_finer_one(kind: type[WorkerError]) -> None:
    assert kind("why").code == kind.default_code
    finer = kind("why", code="truncated")
    assert (finer.code, str(finer), repr(finer)) == ("truncated", "why", f"{kind.__name__}('why')")
    assert strip_traceback(finer).code == "truncated"


def test_a_missing_object_keeps_its_key_and_its_code() -> None:
    assert (MissingObject("why", "key").code, MissingObject("why", "key").key) == ("missing_object", "key")


def test_every_class_has_a_code_of_its_own() -> None:
    everyone: list[type[WorkerError]] = [WorkerError, MissingObject, *CLASSES]
    assert len({kind.default_code for kind in everyone}) == len(everyone)


@pytest.mark.parametrize("failure", [*(kind("why") for kind in CLASSES), MissingObject("why", "key")])
def test_the_documented_consequence_is_the_decided_one(failure: WorkerError) -> None:
    decided = decide(failure, receive_count=1, max_receive_count=5, policy=POLICY, jitter=0)
    follows = {code: words for code, _, words, _ in ROW.findall(CODES)}
    assert follows[failure.code] == word_for(decided)


def word_for(outcome: Outcome) -> str:
    if outcome.delete:
        return "acknowledged"
    if outcome.pause:
        return "paused"
    if outcome.remember:
        return "refused"
    if outcome.release_after_s is None:
        return "dropped"
    if outcome.record == "error":
        return "retried as error"
    return "retried" if outcome.release_after_s else "released"

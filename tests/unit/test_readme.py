"""The README holds: its messages parse, its settings and policies are the code's, what it names is there."""

from __future__ import annotations

import json
import re
from typing import Any

from video_analysis.tests.support import doc_examples
from video_analysis.tests.unit.test_event_codes import documented
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db import attempt_status

CONFIG = WorkerConfig()
QUEUE_ACTIONS = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes")
LOOKED_FOR = (
    attempt_status.LAST_ATTEMPT,
    attempt_status.DIED_EVERY_TIME,
    "message.received",
    "message.finished",
    "message.failed",
    "message.rejected_again",
    "video.progress",
    "video.done",
    "snapshot.ready",
    "snapshot.classified",
    "worker.start_failed",
    "probe.failed",
    "polling.paused",
    "the database lacks ",
    "is not there, or ",
    "truncated: ",
    "not a video: ",
    "no video stream",
    "empty file",
    "fails even on a blank image",
    "not 640×640×3",
)


def test_every_message_shown_is_one_that_the_workers_take() -> None:
    parsed = [messages.parse(json.dumps(document)) for document in doc_examples.documents("event")]
    assert [message.event for message in parsed] == ["PROCESS_VIDEO", "PROCESS_VIDEO_DB", "SNAPSHOT_READY"]


def test_every_log_line_shown_has_what_every_log_line_has() -> None:
    lines = [json.loads(line) for block in doc_examples.blocks("jsonl") for line in block.splitlines()]
    assert lines
    for line in lines:
        assert list(line)[:5] == ["time", "level", "logger", "event", "message"]
        code = documented()[line["event"]]
        assert line["level"] in code.levels
        assert set(line) - {"time", "level", "logger", "event", "message"} <= code.fields


def test_every_filter_of_the_log_selects_by_codes_that_exist_and_by_names_that_lines_have() -> None:
    filters = re.findall(r"jq -R -c '([^']+)'", "\n".join(doc_examples.blocks("bash")))
    codes = re.findall(r'\.event == "([^"]+)"', " ".join(filters))
    assert codes
    assert set(codes) <= set(documented())
    names = set(re.findall(r"\.(\w+) [!=]=", " ".join(filters)))
    for chosen in re.findall(r"\{([^}]+)\}", " ".join(filters)):
        names |= set(chosen.split(", "))
    fields = set().union(*(row.fields for row in documented().values()))
    assert names <= {"time", "level", "logger", "event", "message"} | fields


def test_what_an_operator_is_told_to_look_for_is_what_the_code_says() -> None:
    folders = ("worker_utils", "yolo_worker", "main_worker")
    code = "".join(path.read_text("utf-8") for folder in folders for path in (PACKAGE_FOLDER / folder).rglob("*.py"))
    for phrase in LOOKED_FOR:
        assert phrase in doc_examples.TEXT, phrase
        assert phrase in code, phrase


def test_the_queues_are_made_as_the_contract_says() -> None:
    (making,) = [block for block in doc_examples.blocks("bash") if "create-queue" in block]
    assert f'VisibilityTimeout: "{CONFIG.visibility_timeout_s}"' in making
    assert f'ReceiveMessageWaitTimeSeconds: "{CONFIG.wait_time_s}"' in making
    assert making.count(str(CONFIG.retention_s)) == 2
    assert f"maxReceiveCount: {CONFIG.max_receive_count}}}" in making
    assert f"for NAME in {CONFIG.video_queue} {CONFIG.snapshot_queue}; do" in making


def _granted(policy: dict[str, Any]) -> set[tuple[str, str]]:
    """(action, resource) of all statements."""
    return {
        (action, statement["Resource"])
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_the_policies_grant_what_the_code_needs_and_no_more() -> None:
    bucket, queues = f"arn:aws:s3:::{CONFIG.s3_bucket}", f"arn:aws:sqs:{CONFIG.region}:123456789012"
    taking = {
        queue: {(f"sqs:{action}", f"{queues}:{queue}") for action in QUEUE_ACTIONS}
        for queue in (CONFIG.video_queue, CONFIG.snapshot_queue)
    }
    yolo, main, api = (_granted(policy) for policy in doc_examples.documents("Version"))
    assert yolo == taking[CONFIG.video_queue] | {
        ("s3:GetObject", f"{bucket}/demo_user/*/*/raw/*"),
        ("s3:PutObject", f"{bucket}/demo_user/*/*/snapshots/*"),
        ("sqs:SendMessage", f"{queues}:{CONFIG.snapshot_queue}"),
    }
    assert main == taking[CONFIG.snapshot_queue] | {("s3:GetObject", f"{bucket}/*/snapshots/*")}
    assert api >= {
        ("s3:PutObject", f"{bucket}/demo_user/*/*/raw/*"),
        ("sqs:SendMessage", f"{queues}:{CONFIG.video_queue}"),
    }


def test_every_file_and_folder_named_is_there() -> None:
    named = set(re.findall(r"`([\w.-]+(?:/[\w.-]*)*(?:/|\.(?:py|md|sql|json|txt|service)))`", doc_examples.TEXT))
    assert len(named) > 20
    made = {name for name in named if name.startswith("out/")} | {"labels.json", "manifest.json"}
    assert {name for name in named - made if not (PACKAGE_FOLDER / name).exists()} == set()


def test_every_make_target_named_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PACKAGE_FOLDER / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", doc_examples.TEXT, re.MULTILINE))
    assert {"demo", "test", "install"} <= named <= targets


def test_every_link_inside_leads_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.+)$", doc_examples.TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", doc_examples.TEXT)) <= anchors

"""README, CONTRIBUTING and docs/: examples agree with the code, and every link, file, module and target exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from video_analysis import worker_config
from video_analysis.tests.support import doc_examples
from video_analysis.tests.support.event_codes_page import documented
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db import attempt_status

CONFIG = WorkerConfig()
README_LINES = 150
README_BYTES = 9 * 1024
QUEUE_ACTIONS = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes")
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]*)*(?:/|\.(?:py|md|sql|json|txt|service|yml|yaml|toml)))`")
"""A path in backticks: a folder with its slash, or a file of one of these kinds."""
NOT_IN_THE_REPOSITORY = {"labels.json", "manifest.json"}
"""Parts of a checkpoint and of a model store."""
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
FOLDERS = ("ops", "demo", "devstack", "simulator", "training", "benchmarks", "tests/chaos")
QUOTED = (
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
    "not found, or ",
    "truncated: ",
    "not a video: ",
    "no video stream",
    "empty file",
    "fails even on a blank image",
    "not 640×640×3",
)


def test_every_example_of_a_message_is_accepted() -> None:
    parsed = [messages.parse(json.dumps(document)) for document in doc_examples.documents("event")]
    events = [message.event for message in parsed]
    assert events == ["PROCESS_VIDEO", "PROCESS_VIDEO_DB", "REPLAY_VIDEO", "SNAPSHOT_READY"]


def test_every_example_of_a_log_line_has_the_documented_names() -> None:
    lines = [json.loads(line) for block in doc_examples.blocks("jsonl") for line in block.splitlines()]
    assert lines
    for line in lines:
        assert list(line)[:5] == ["time", "level", "logger", "event", "message"]
        code = documented()[line["event"]]
        assert line["level"] in code.levels
        assert set(line) - {"time", "level", "logger", "event", "message"} <= code.fields


def test_every_log_filter_uses_existing_codes_and_fields() -> None:
    filters = re.findall(r"jq -R -c '([^']+)'", "\n".join(doc_examples.blocks("bash")))
    codes = re.findall(r'\.event == "([^"]+)"', " ".join(filters))
    assert codes
    assert set(codes) <= set(documented())
    names = set(re.findall(r"\.(\w+) [!=]=", " ".join(filters)))
    for chosen in re.findall(r"\{([^}]+)\}", " ".join(filters)):
        names |= set(chosen.split(", "))
    fields = set().union(*(row.fields for row in documented().values()))
    assert names <= {"time", "level", "logger", "event", "message"} | fields


def test_quoted_texts_and_codes_are_in_the_code() -> None:
    folders = ("worker_utils", "yolo_worker", "main_worker")
    code = "".join(path.read_text("utf-8") for folder in folders for path in (PACKAGE_FOLDER / folder).rglob("*.py"))
    for phrase in QUOTED:
        assert phrase in doc_examples.TEXT, phrase
        assert phrase in code, phrase


def test_the_queues_are_created_with_the_configured_values() -> None:
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


def test_the_policies_grant_exactly_the_permissions_that_the_code_needs() -> None:
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


@pytest.mark.parametrize("page", doc_examples.PAGES)
def test_every_file_and_folder_that_a_page_names_exists(page: str) -> None:
    named = set(PATH.findall(doc_examples.PAGES[page])) - NOT_IN_THE_REPOSITORY
    paths = {name for name in named if not name.startswith(("out/", "../shared/", "/"))}
    assert {name for name in paths if not (PACKAGE_FOLDER / name).exists()} == set()


@pytest.mark.parametrize("page", doc_examples.PAGES)
def test_every_module_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"video_analysis((?:\.[a-z_0-9]+)+)", doc_examples.PAGES[page])) - {".git"}
    places = {name: PACKAGE_FOLDER / name.removeprefix(".").replace(".", "/") for name in named}
    assert {
        name for name, place in places.items() if not (place.is_dir() or place.with_suffix(".py").exists())
    } == set()


def test_every_option_of_our_commands_that_a_page_names_exists() -> None:
    code = "".join(path.read_text("utf-8") for folder in FOLDERS for path in (PACKAGE_FOLDER / folder).rglob("*.py"))
    commands = re.findall(r"python -m video_analysis\.[^\n`]+", doc_examples.TEXT)
    options = {option for command in commands for option in OPTION.findall(command.partition("#")[0])}
    options |= set(re.findall(r"`(--[a-z-]+)[` ]", doc_examples.TEXT))
    assert len(options) > 10
    assert {option for option in options - {"--help"} if f'"{option}"' not in code} == set()


def test_the_rules_about_files_and_modules_check_real_names() -> None:
    assert len(set(PATH.findall(doc_examples.TEXT))) > 100
    assert "video_analysis.ops" in doc_examples.TEXT


def test_every_make_target_named_exists() -> None:
    makefile = (PACKAGE_FOLDER / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+(?:-[a-z]+)*)", doc_examples.TEXT, re.MULTILINE))
    assert {"demo", "test", "install"} <= named
    assert named - targets == set()


@pytest.mark.parametrize("page", [*doc_examples.PAGES, "CHANGELOG.md"])
def test_every_relative_link_leads_to_a_file_and_a_heading(page: str) -> None:
    broken = [link for link in links(page) if not resolves(page, link)]
    assert broken == []


def links(page: str) -> list[str]:
    """The targets of the links and pictures of a page, without those to other hosts."""
    text = doc_examples.prose((PACKAGE_FOLDER / page).read_text("utf-8"))
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def resolves(page: str, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = target_of(page, name) if name else PACKAGE_FOLDER / page
    return target.exists() and (not anchor or anchor in anchors(target))


def target_of(page: str, name: str) -> Path:
    return (PACKAGE_FOLDER / page).parent / name


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them; mkdocs differs for headings with two separators in a row."""
    headings = re.findall(r"^#+ (.+)$", doc_examples.prose(page.read_text("utf-8")), re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return {slug for slug in slugs if "--" not in slug}


def test_the_readme_is_short() -> None:
    readme = doc_examples.PAGES["README.md"]
    assert readme.count("\n") <= README_LINES
    assert len(readme.encode()) <= README_BYTES


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in links("README.md")}
    assert {*doc_examples.DOCS, "CONTRIBUTING.md", "CHANGELOG.md"} - linked == set()


def test_every_page_is_in_the_navigation_once() -> None:
    listed = re.findall(r": (\S+\.md)$", (PACKAGE_FOLDER / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert sorted(f"docs/{name}" for name in listed) == sorted(doc_examples.DOCS)


@pytest.mark.parametrize("page", [page for page in doc_examples.PAGES if page != "docs/configuration.md"])
def test_every_variable_that_a_page_names_is_current(page: str) -> None:
    named = set(re.findall(r"CVITX_[A-Z0-9_]*[A-Z0-9]", doc_examples.PAGES[page]))
    assert named - {*worker_config.VARIABLES, worker_config.SWITCH} == set()

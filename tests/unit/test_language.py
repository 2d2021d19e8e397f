"""Plain technical English: words that a newcomer would stumble over appear neither in the code nor in the docs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from video_analysis.benchmarks.structure import REPLACED_WORDS
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.db.attempt_status import TEXTS

PLAIN = (
    *("worker_config.py", "worker_utils", "yolo_worker", "main_worker", "ops"),
    *("devstack", "demo", "training", "benchmarks", "tests/chaos", "tests/support"),
    *("docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
)
REPLACED_SOON = {f"yolo_worker/source/{name}.py" for name in ("video", "container", "mp4_index")}
"""Files that are about to be replaced as a whole."""
WORD_LIST = {"benchmarks/structure.py", "docs/evidence-codes.md"}
"""The file that lists the words, and the page that quotes sentences of the previous release."""
FROZEN_TEXTS = [text for text in TEXTS.values() if text]
"""Texts of error_msg, which older workers compare: they stay as they are, also where docs and code quote them."""


def files(part: str) -> Iterator[Path]:
    """The sources and pages of a part that have to be in plain English."""
    root = PACKAGE_FOLDER / part
    for path in [root] if root.is_file() else sorted(root.rglob("*")):
        name = path.relative_to(PACKAGE_FOLDER).as_posix()
        if path.suffix in (".py", ".md") and name not in REPLACED_SOON | WORD_LIST:
            yield path


def words(part: str) -> list[str]:
    """`file:line: word` of each word of the list."""
    found = []
    for path in files(part):
        text = path.read_text("utf-8")
        for frozen in FROZEN_TEXTS:
            text = text.replace(frozen, "")
        for number, line in enumerate(text.splitlines(), start=1):
            found += [f"{path.relative_to(PACKAGE_FOLDER)}:{number}: {word}" for word in REPLACED_WORDS.findall(line)]
    return found


@pytest.mark.parametrize("part", PLAIN)
def test_no_word_of_the_list_is_left(part: str) -> None:
    assert words(part) == []


@pytest.mark.parametrize("part", PLAIN)
def test_every_part_has_files_to_check(part: str) -> None:
    assert list(files(part))


def test_the_exceptions_exist() -> None:
    assert [name for name in REPLACED_SOON | WORD_LIST if not (PACKAGE_FOLDER / name).is_file()] == []

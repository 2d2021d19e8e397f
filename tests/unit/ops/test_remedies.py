"""The remedies of `ops dlq` are those of the page."""

from __future__ import annotations

import re
from typing import get_args

from video_analysis.ops.dead_letters import remedies
from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.errors import ErrorCode

PAGE = (PACKAGE_FOLDER / "docs" / "error-codes.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| .+? \| (.+?) \| (.+?) \|$", PAGE[PAGE.index("## Error codes") :], re.MULTILINE)
PARTLY = {"damaged"}
"""A video of this code is either done or refused."""


def test_every_code_has_the_remedy_of_the_page() -> None:
    without_links = {code: re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text) for code, _, text in ROWS}
    assert without_links == remedies.REMEDIES
    assert set(remedies.REMEDIES) == set(get_args(ErrorCode))


def test_the_codes_that_would_fail_again_are_those_that_are_refused() -> None:
    assert {code for code, follows, _ in ROWS if follows.startswith("refused")} | PARTLY == remedies.REFUSED


def test_an_unknown_code_may_be_redriven_and_names_the_page() -> None:
    assert not remedies.would_fail_again("of_a_newer_release")
    assert "docs/error-codes.md" in remedies.remedy("of_a_newer_release")


def test_without_a_code_the_log_has_the_cause() -> None:
    assert "the log of the worker" in remedies.remedy(None)


def test_every_remedy_can_be_understood_without_the_table() -> None:
    for code, text in remedies.REMEDIES.items():
        assert text.endswith("."), code
        assert not re.match(r"As |Grant it|Nothing\.$|Fill it|Free some|Convert it|Upload it", text), code
        assert "send the message again" not in text, code


def test_a_remedy_that_redrives_what_a_plain_redrive_refuses_forces_that_code() -> None:
    named = {code: re.findall(r"`ops dlq redrive[^`]*`", text) for code, text in remedies.REMEDIES.items()}
    assert {code: found for code, found in named.items() if found} == {
        code: [f"`ops dlq redrive --code {code} --force`"]
        for code in (
            *("object_archived", "inference_failed", "incomplete_row", "data_refused", "permanent", "crashed"),
            "cancelled",
        )
    }

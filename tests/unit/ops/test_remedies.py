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
    assert remedies.remedy("of_a_newer_release") == "docs/error-codes.md"

"""docs/configuration.md has every setting, as worker_config.py describes it."""

from __future__ import annotations

import re

from video_analysis import worker_config
from video_analysis.tests.support import configuration_page
from video_analysis.worker_config import FORMER_NAMES, VARIABLES, WorkerConfig

TEXT = configuration_page.PAGE.read_text("utf-8")


def test_the_page_is_what_the_settings_descriptions_make_it() -> None:
    command = f"python -m {configuration_page.__name__}"
    assert configuration_page.render() == TEXT, f"docs/configuration.md is out of date: run {command}"


def test_every_setting_is_in_the_tables_with_its_default_and_a_meaning_and_no_other() -> None:
    rows = re.findall(r"^\| `(CVITX_\w+)` \| `?([^|`]+?)`? \| ([^|]+) \|$", TEXT, re.MULTILINE)
    table = {name: value for name, value, _ in rows}
    assert len(rows) == len(table)
    assert set(table) == set(VARIABLES)
    assert all(len(meaning) > 5 for _, _, meaning in rows)
    written = {name: value for name, value in table.items() if value != configuration_page.UNSET}
    assert worker_config.load({worker_config.SWITCH: "1", **written}) == WorkerConfig()
    unset = ("TEMP_DIR", "NOTIFY_SOCKET", "MODEL_STORE", "FALLBACK_CHECKPOINT", "METRICS_ADDRESS")
    assert {name for name in table if name not in written} == {worker_config.PREFIX + field for field in unset}


def test_every_deprecated_name_is_listed_with_its_replacement() -> None:
    assert dict(re.findall(r"^\| `(CVITX_\w+)` \| `(CVITX_\w+)` \|$", TEXT, re.MULTILINE)) == FORMER_NAMES

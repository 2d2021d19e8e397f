"""The dashboard and the alert rules: their form, their metrics, and their tests by promtool."""

from __future__ import annotations

import re

import pytest
import yaml

from video_analysis.tests.support.monitoring import DASHBOARD, FOLDER, PANELS, QUERIES, RULES
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.observability import metrics

ALERTS = {rule["alert"] for rule in RULES}
EXPRESSIONS = [*(rule["expr"] for rule in RULES), *QUERIES.values()]
PROCESS = {
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
}
GRID_COLUMNS = 24


def described() -> set[str]:
    """The names of all series of our metrics."""
    suffixes = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    known = (*metrics.RECORDED, *metrics.SAMPLED)
    return {one.name + suffix for one in known for suffix in suffixes[one.kind]} | PROCESS | {"up"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_uses_existing_metrics_and_labels(expression: str) -> None:
    names = set(re.findall(r"\b(?:(?:cvitx|messaging|process)_\w+|up)\b(?=[\[{ )]|$)", expression))
    labels = {label for one in (*metrics.RECORDED, *metrics.SAMPLED) for label in one.labels}
    assert names - labels, expression
    assert names - labels <= described()
    used = set(re.findall(r"(\w+)(?:=|!=|=~)\"", expression))
    used |= {name for group in re.findall(r"by \(([^)]+)\)", expression) for name in group.split(", ")}
    assert used <= labels | {"job", "instance", "le"}


def test_the_dashboard_has_what_grafana_requires() -> None:
    assert DASHBOARD["title"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert {"uid", "time", "templating", "panels"} <= set(DASHBOARD)
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(identifiers) == len(set(identifiers))
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource"]
    for panel in PANELS:
        assert panel["title"]
        assert panel["type"] in ("timeseries", "stat", "table")
        assert panel["datasource"] == source
        assert panel["targets"]
        references = [one["refId"] for one in panel["targets"]]
        assert len(references) == len(set(references))
        assert all(one["datasource"] == source and one["legendFormat"] for one in panel["targets"])


def test_no_two_panels_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert columns.stop <= GRID_COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_is_on_the_dashboard() -> None:
    shown = " ".join(QUERIES.values())
    assert {one.name for one in (*metrics.RECORDED, *metrics.SAMPLED) if one.name not in shown} == set()


def test_every_alert_has_a_row_that_says_what_to_do_and_a_test() -> None:
    page = (PACKAGE_FOLDER / "docs" / "metrics.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(Cvitx\w+)` \| [^|]+ \| [^|]{20,} \|$", page, re.MULTILINE)) == ALERTS
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text("utf-8"))["tests"]
    cases = [(one["alertname"], bool(one["exp_alerts"])) for case in tests for one in case["alert_rule_test"]]
    assert {name for name, fires in cases if fires} == ALERTS
    assert {name for name, fires in cases if not fires} == ALERTS


def test_the_thresholds_fit_the_default_times() -> None:
    config = WorkerConfig()
    limits = {rule["alert"]: int(found[1]) for rule in RULES if (found := re.search(r"[<>] (\d+)", rule["expr"]))}
    assert limits["CvitxLeaseEnds"] < config.visibility_timeout_s - 2 * config.heartbeat_s
    assert limits["CvitxNoProgress"] < config.stall_s
    assert limits["CvitxNotPolling"] > config.pause.longest_s + config.wait_time_s

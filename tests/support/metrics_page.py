"""The table of docs/metrics.md. `python -m video_analysis.tests.support.metrics_page` writes it from the code."""

from __future__ import annotations

import re

from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.observability import metrics

PAGE = PACKAGE_FOLDER / "docs" / "metrics.md"
HEAD = "| metric | worker | type | labels | meaning |\n|---|---|---|---|---|\n"
ROW = re.compile(r"^\| `((?:cvitx|messaging)_\w+)` .*\|$", re.MULTILINE)


def rows() -> dict[str, str]:
    """Name → its row, as the code describes it."""
    described = {}
    for metric in sorted((*metrics.RECORDED, *metrics.SAMPLED), key=lambda one: one.name):
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        described[metric.name] = (
            f"| `{metric.name}` | {metric.worker} | {metric.kind} | {labels} | {metric.meaning.removesuffix('.')} |"
        )
    return described


def documented() -> dict[str, str]:
    """Name → its row on the page."""
    return {found[1]: found[0] for found in ROW.finditer(PAGE.read_text("utf-8"))}


def render() -> str:
    """The page with the table that the code describes."""
    before, _, after = PAGE.read_text("utf-8").partition(HEAD)
    table = "\n".join(rows().values())
    return f"{before}{HEAD}{table}\n\n{after.partition(chr(10) * 2)[2]}"


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")

"""The dashboard and the alert rules of the repository."""

from __future__ import annotations

import json
from typing import Any

import yaml

from video_analysis.worker_config import PACKAGE_FOLDER

FOLDER = PACKAGE_FOLDER / "infra" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
QUERIES: dict[str, str] = {
    f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]
}
"""Title and letter → expression."""

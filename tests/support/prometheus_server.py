"""A real Prometheus that scrapes given targets, and its HTTP API."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from video_analysis.devstack import services
from video_analysis.tests.support.monitoring import FOLDER

SCRAPE = "1s"
PATIENCE_S = 90


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def values(self, expression: str, seconds: int = 120) -> list[float]:
        """All values of the last `seconds` with a step of one, as a panel shows them; NaN is left out."""
        now_s = time.time()
        parameters = {"query": expression, "start": str(now_s - seconds), "end": str(now_s), "step": "1"}
        series = self._get("query_range", **parameters)["result"]
        return [value for one in series for _, text in one["values"] if not math.isnan(value := float(text))]

    def rule_health(self) -> dict[str, str]:
        """Alert → its health."""
        groups = self._get("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def wait_for(self, expression: str) -> None:
        """Return as soon as an expression has a value now."""
        wait_for(lambda: self._get("query", query=expression)["result"], expression)

    def _get(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)["data"]


def installed() -> bool:
    """Whether Prometheus and promtool are installed."""
    return all(map(shutil.which, ("prometheus", "promtool")))


def wait_for(condition: Callable[[], Any], name: str) -> Any:
    """What `condition` returns as soon as that is true; TimeoutError after PATIENCE_S."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {PATIENCE_S} s: {name}")
        time.sleep(0.2)
    return found


@contextmanager
def running(targets: Mapping[str, int], folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus with the repository's alert rules. `targets`: job → port on this host."""
    jobs = [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for job, port in targets.items()]
    settings = {
        "global": {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE},
        "rule_files": [str(FOLDER / "alerts.yml")],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.json").write_text(json.dumps(settings), "utf-8")  # YAML contains JSON
    port = services.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with services.serving(command, {}, folder / "prometheus.log", f"{url}/-/ready"):
        yield Prometheus(url)

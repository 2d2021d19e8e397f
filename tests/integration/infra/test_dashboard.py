"""Every panel of the dashboard has data: a real Prometheus scrapes both workers, which process clips and garbage."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from video_analysis.demo import rendered_clip, weights
from video_analysis.devstack import local_stack, services, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.tests.support import monitoring, prometheus_server
from video_analysis.tests.support.prometheus_server import Prometheus
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.letterbox import encode_jpeg

pytestmark = pytest.mark.slow
RATE_INTERVAL = "15s"
CLIP_S = 3
WORK_IS_VISIBLE = (
    "cvitx_videos_total",
    'cvitx_results_total{outcome="named"}',
    'cvitx_results_total{outcome!="named"}',
    'cvitx_dead_letters_total{job="cvitx-yolo-video"}',
    'cvitx_dead_letters_total{job="cvitx-main-model"}',
    "cvitx_duplicates_suppressed_total",
)


@dataclass(frozen=True)
class Monitored:
    """Both workers, and the Prometheus that scrapes them."""

    stack: Stack
    prometheus: Prometheus
    clip: Path

    def send(self) -> None:
        """A clip, a snapshot that is sent again once it is done, and two messages that nothing can process."""
        self.stack.send(self.stack.upload(self.clip, stride=1))
        picture = encode_jpeg(np.full((640, 640, 3), 120, np.uint8), 95)
        snapshot = self.stack.put_snapshot(str(uuid.uuid4()), 1, picture)
        self.stack.send_snapshot(snapshot)
        for url in (self.stack.video_queue_url, self.stack.snapshot_queue_url):
            self.stack.sqs.send_message(QueueUrl=url, MessageBody="garbage")
        prometheus_server.wait_for(lambda: not self.stack.depth(self.stack.snapshot_queue_url), "classification")
        self.stack.send_snapshot(snapshot)

    def panel(self, title: str) -> list[float]:
        """The values of a panel's expression."""
        return self.prometheus.values(monitoring.QUERIES[title].replace("$__rate_interval", RATE_INTERVAL))


@pytest.fixture(scope="module")
def monitored(model_cache: Path) -> Iterator[Monitored]:
    if not prometheus_server.installed():
        pytest.skip("no Prometheus installed: apt-get install prometheus")
    if weights.absent(weights.OWN):
        pytest.skip("no demo weights")
    ports = {"cvitx-yolo-video": services.free_port(), "cvitx-main-model": services.free_port()}
    settings = weights.OWN.settings | {
        "CVITX_CACHE_DIR": str(model_cache),
        "CVITX_WAIT_TIME_S": "1",
        "CVITX_METRICS_ADDRESS": "127.0.0.1",
        "CVITX_YOLO_METRICS_PORT": str(ports["cvitx-yolo-video"]),
        "CVITX_MAIN_METRICS_PORT": str(ports["cvitx-main-model"]),
    }
    with tempfile.TemporaryDirectory(prefix="cvitx-monitoring-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        rendered_clip.render(folder / "clip.mp4", seconds=CLIP_S)
        with (
            local_stack.started(folder, WorkerConfig(), settings) as stack,
            worker_process.both(stack.environ, folder) as workers,
            prometheus_server.running(ports, folder) as prometheus,
        ):
            prometheus.wait_for("count(cvitx_ready == 1) == 2")
            monitored = Monitored(stack, prometheus, folder / "clip.mp4")
            for _ in range(2):  # a rate needs a second increase
                monitored.send()
                for expression in WORK_IS_VISIBLE:
                    prometheus.wait_for(expression)
            prometheus.wait_for("cvitx_videos_total == 2")
            yield monitored
            assert [worker.stop() for worker in workers] == [0, 0]


def test_every_panel_has_data(monitored: Monitored) -> None:
    assert len(monitoring.QUERIES) > 25
    prometheus_server.wait_for(lambda: all(map(monitored.panel, monitoring.QUERIES)), "data in every panel")
    assert [title for title in monitoring.QUERIES if not monitored.panel(title)] == []


def test_no_value_of_a_panel_is_impossible(monitored: Monitored) -> None:
    for title in monitoring.QUERIES:
        assert min(monitored.panel(title)) >= 0, title
    assert max(monitored.panel("Lease left A")) <= WorkerConfig().visibility_timeout_s
    assert max(monitored.panel("Share of null A")) <= 1
    assert max(monitored.panel("Ready A")) == 1


def test_the_alert_rules_are_evaluated_without_an_error(monitored: Monitored) -> None:
    names = {rule["alert"] for rule in monitoring.RULES}
    prometheus_server.wait_for(lambda: set(monitored.prometheus.rule_health().values()) == {"ok"}, "rules")
    assert set(monitored.prometheus.rule_health()) == names

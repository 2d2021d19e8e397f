"""Metrics: what events record, what a scrape returns, and the health checks over HTTP."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from video_analysis.devstack.services import free_port
from video_analysis.tests.support import metrics_page
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.observability import metrics
from video_analysis.worker_utils.observability.event_metrics import EventMetrics
from video_analysis.worker_utils.observability.metrics import WorkerStatus
from video_analysis.worker_utils.observability.observer import Event, LogObserver
from video_analysis.worker_utils.observability.prometheus_recorder import PrometheusRecorder
from video_analysis.worker_utils.observability.telemetry import Telemetry

STATUS = WorkerStatus(is_ready=True, in_flight=2, lease_left_s=123.5, poll_age_s=4.0, progress_age_s=0.5)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
QUEUE = {"messaging_system": "aws_sqs", "messaging_destination_name": "tasks"}


class Scraped:
    """Events in, samples out."""

    def __init__(self, worker: str = "yolo_worker") -> None:
        self.recorder = PrometheusRecorder(worker, lambda: STATUS)
        self.events = EventMetrics(self.recorder, "https://sqs/123/tasks", "next")

    def notify(self, code: str, **fields: object) -> None:
        self.events.notify(Event(code, "", fields))

    def value(self, name: str, **labels: str) -> float | None:
        return parsed(self.recorder.render()).get((name, frozenset(labels.items())))


def parsed(text: bytes) -> Samples:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if v)): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def scraped() -> Scraped:
    return Scraped()


def test_the_page_describes_every_metric_as_the_code_does() -> None:
    assert len(metrics_page.rows()) > 15
    assert metrics_page.documented() == metrics_page.rows(), f"out of date: run python -m {metrics_page.__name__}"


def test_names_have_units_and_those_of_counters_end_in_total() -> None:
    for metric in (*metrics.RECORDED, *metrics.SAMPLED):
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_a_first_receive_and_a_redelivery_are_distinguished(scraped: Scraped) -> None:
    scraped.notify("message.received", receive_count=1, queue_time_s=7.25)
    scraped.notify("message.received", receive_count=2, queue_time_s=None)
    received = QUEUE | {"messaging_operation_name": "receive"}
    assert scraped.value("messaging_client_consumed_messages_total", **received) == 2
    assert scraped.value("cvitx_redeliveries_total") == 1
    assert scraped.value("cvitx_queue_time_seconds_count") == 1
    assert scraped.value("cvitx_queue_time_seconds_sum") == 7.25


def test_a_failure_is_counted_by_its_code_and_is_a_dead_letter_at_the_last_receive_only(scraped: Scraped) -> None:
    processed = QUEUE | {"messaging_operation_name": "process"}
    scraped.notify("message.finished", elapsed_s=2.0)
    scraped.notify("message.failed", elapsed_s=1.0, error_code="truncated", last_receive=False)
    assert scraped.value("cvitx_dead_letters_total", error_code="truncated") is None
    scraped.notify("message.rejected_again", error_code="truncated", last_receive=True)
    scraped.notify("message.failed", elapsed_s=None, error_code="lease_lost", last_receive=False)
    assert scraped.value("messaging_process_duration_seconds_sum", **processed) == 2
    assert scraped.value("messaging_process_duration_seconds_sum", **processed, error_type="truncated") == 1
    assert scraped.value("messaging_process_duration_seconds_count", **processed, error_type="lease_lost") is None
    assert scraped.value("cvitx_dead_letters_total", error_code="truncated") == 1
    assert scraped.value("cvitx_events_total", event="message.failed", level="INFO") == 2


def test_duplicates_are_counted_by_their_event_and_a_refused_message_is_none(scraped: Scraped) -> None:
    scraped.notify("message.rejected_again", error_code="truncated", last_receive=False)
    assert scraped.value("cvitx_duplicates_suppressed_total", reason="message.rejected_again") is None
    for code in ("message.copy_dropped", "run.skipped", "snapshot.already_done"):
        scraped.notify(code)
        assert scraped.value("cvitx_duplicates_suppressed_total", reason=code) == 1


def test_videos_vehicles_and_stage_times_are_recorded(scraped: Scraped) -> None:
    scraped.events.on_stage("decode", 0.25, 1)
    scraped.events.on_stage("decode", 0.5, 0)
    scraped.events.on_stage("detect", 1.5, 1)
    scraped.notify("video.done", vehicles=3, damage=None)
    scraped.notify("video.done", vehicles=12, damage="2 of 100 frames")
    scraped.notify("snapshot.ready")
    assert scraped.value("cvitx_frames_total") == 1
    assert scraped.value("cvitx_stage_seconds_total", stage="decode") == 0.75
    assert scraped.value("cvitx_stage_seconds_total", stage="detect") == 1.5
    assert scraped.value("cvitx_videos_total", result="done") == 1
    assert scraped.value("cvitx_videos_total", result="damaged") == 1
    assert scraped.value("cvitx_video_vehicles_bucket", le="5.0") == 1
    sent = {"messaging_system": "aws_sqs", "messaging_destination_name": "next", "messaging_operation_name": "send"}
    assert scraped.value("messaging_client_sent_messages_total", **sent) == 1


def test_null_values_are_counted_by_level_and_code() -> None:
    scraped = Scraped("main_worker")
    outcomes = {"type": None, "make": "out_of_distribution"}
    scraped.notify("snapshot.classified", latency_ms={"baseline": 40}, null_codes={"baseline": outcomes})
    assert scraped.value("cvitx_results_total", variant="baseline", level="type", outcome="named") == 1
    made = {"variant": "baseline", "level": "make", "outcome": "out_of_distribution"}
    assert scraped.value("cvitx_results_total", **made) == 1
    assert scraped.value("cvitx_classification_latency_seconds_sum", variant="baseline") == 0.04


def test_gauges_are_read_at_the_scrape_and_absent_without_a_value(scraped: Scraped) -> None:
    assert scraped.value("cvitx_messages_in_flight") == 2
    assert scraped.value("cvitx_lease_left_seconds") == 123.5
    assert scraped.value("cvitx_ready") == 1
    assert scraped.value("cvitx_build_info", worker="yolo_worker", version="0.1.0") == 1
    assert scraped.value("process_open_fds")
    idle = replace(STATUS, in_flight=0, lease_left_s=None, poll_age_s=None)
    assert metrics.LEASE_LEFT not in metrics.samples(idle)
    assert metrics.POLL_AGE not in metrics.samples(idle)


@pytest.mark.parametrize("worker", ["yolo_worker", "main_worker"])
def test_a_worker_has_its_own_metrics_and_no_other(worker: str) -> None:
    families = {family.name for family in text_string_to_metric_families(Scraped(worker).recorder.render().decode())}
    known = (*metrics.RECORDED, *metrics.SAMPLED)
    own = {one.name.removesuffix("_total") for one in known if one.worker in (worker, "both")}
    assert families & {one.name.removesuffix("_total") for one in known} == own


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture
def other_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def served(port: int) -> Iterator[Telemetry]:
    telemetry = Telemetry.start("main_worker", "127.0.0.1", port, "tasks")
    yield telemetry
    telemetry.close()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_worker_is_alive_while_it_starts_and_ready_when_it_polls(served: Telemetry, port: int) -> None:
    assert served.status() is None
    assert get(port, "/healthz") == (200, "starting\n")
    assert get(port, "/readyz") == (503, "starting\n")
    served.watch(lambda: replace(STATUS, is_ready=False))
    assert get(port, "/healthz") == (200, "alive\n")
    assert get(port, "/readyz")[0] == 503
    served.watch(lambda: STATUS)
    assert get(port, "/readyz") == (200, "ready\n")
    served.watch(lambda: replace(STATUS, is_stalled=True, progress_age_s=241))
    assert get(port, "/healthz") == (503, "no progress for 241 s\n")


def test_a_scrape_returns_what_the_observer_was_notified_of(served: Telemetry, port: int) -> None:
    lost = {"failure": "LeaseLost", "elapsed_s": 2.0, "last_receive": False}
    served.observer.notify(Event("message.failed", "message failed: lease lost", lost))
    status, text = get(port, "/metrics")
    assert status == 200
    assert parsed(text.encode())["cvitx_leases_lost_total", frozenset()] == 1
    assert get(port, "/nothing") == (404, "/metrics /healthz /readyz\n")


def test_a_worker_that_starts_is_not_ready() -> None:
    recorder = PrometheusRecorder("main_worker", lambda: None)
    gauges = {name: value for (name, _), value in parsed(recorder.render()).items() if name.startswith("cvitx_")}
    assert gauges["cvitx_ready"] == 0
    assert "cvitx_seconds_since_poll" not in gauges


def test_without_an_address_events_are_only_logged() -> None:
    telemetry = Telemetry.start("main_worker", None, 9102, "tasks")
    assert isinstance(telemetry.observer, LogObserver)
    assert telemetry.on_stage is None


def test_a_port_in_use_stops_the_start_and_names_the_setting(other_port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", other_port))
        other.listen()
        with pytest.raises(
            ConfigurationError, match=rf"CVITX_METRICS_ADDRESS=127\.0\.0\.1, port {other_port}: .*in use"
        ):
            Telemetry.start("main_worker", "127.0.0.1", other_port, "tasks")


def test_an_address_without_the_package_stops_the_start_and_names_the_remedy(
    other_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "video_analysis.worker_utils.observability.prometheus_recorder"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("video_analysis.worker_utils.observability.prometheus_recorder", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r"prometheus_client is not installed: pip install -r requirements-m"):
        Telemetry.start("main_worker", "127.0.0.1", other_port, "tasks")

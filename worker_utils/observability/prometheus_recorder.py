"""Records metrics with prometheus-client, and renders them for a scrape. The only module that imports that library."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from video_analysis.worker_utils.observability import metrics
from video_analysis.worker_utils.observability.metrics import Metric, WorkerStatus
from video_analysis.worker_utils.version import VERSION

CONTENT_TYPE: str = prometheus_client.CONTENT_TYPE_LATEST
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class PrometheusRecorder:
    """A Recorder with a registry of its own, which also has the standard metrics of the process (`process_…`)."""

    def __init__(self, worker: str, status: Callable[[], WorkerStatus | None]) -> None:
        """`status` is called at each scrape; None while the worker starts."""
        self._worker = worker
        self._status = status
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        recorded = [one for one in metrics.RECORDED if one.worker in (worker, "both")]
        self._counters = {
            one: Counter(one.name, one.meaning, one.labels, registry=self._registry)
            for one in recorded
            if one.kind == "counter"
        }
        self._histograms = {
            one: Histogram(one.name, one.meaning, one.labels, registry=self._registry, buckets=one.buckets)
            for one in recorded
            if one.kind == "histogram"
        }
        self._registry.register(self)

    def add(self, metric: Metric, labels: tuple[str, ...] = (), amount: float = 1) -> None:
        """See `Recorder`."""
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(amount)

    def observe(self, metric: Metric, value: float, labels: tuple[str, ...] = ()) -> None:
        """See `Recorder`."""
        histogram = self._histograms[metric]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    def render(self) -> bytes:
        """All metrics in the text format, of type `CONTENT_TYPE`."""
        return prometheus_client.generate_latest(self._registry)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, as the registry requires."""
        build = GaugeMetricFamily(metrics.BUILD.name, metrics.BUILD.meaning, labels=metrics.BUILD.labels)
        build.add_metric((self._worker, VERSION), 1)
        yield build
        status = self._status()
        gauges = {metrics.READY: 0.0} if status is None else metrics.samples(status)
        for metric, value in gauges.items():
            yield GaugeMetricFamily(metric.name, metric.meaning, value=value)

"""Derives metrics from the events of the consumer and the workers, and from the times of the stages. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from video_analysis.worker_utils.errors import LeaseLost
from video_analysis.worker_utils.observability import metrics
from video_analysis.worker_utils.observability.metrics import Recorder
from video_analysis.worker_utils.observability.observer import Event, Observer

SYSTEM = "aws_sqs"
DUPLICATES = frozenset(("message.copy_dropped", "run.skipped", "snapshot.already_done"))
"""Events of messages whose work is done already, or is another message's. A refused message is no duplicate."""
NAMED = "named"
"""The outcome of a value that is not null."""
FIRST_STAGE = "decode"
"""The stage whose items are counted as frames."""


class Observers:
    """Passes each event to several observers, in order."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)

    def notify(self, event: Event) -> None:
        """See `Observer`."""
        for observer in self._observers:
            observer.notify(event)


class EventMetrics:
    """An Observer that records metrics. Fields of events that are missing or null are not recorded."""

    def __init__(self, recorder: Recorder, queue: str, next_queue: str = "") -> None:
        """`queue`: name or URL of the queue that is read; `next_queue`: of the one that is written."""
        self._recorder = recorder
        read, written = (url.rsplit("/", 1)[-1] for url in (queue, next_queue))
        self._received, self._processed = (SYSTEM, read, "receive"), (SYSTEM, read, "process")
        self._sent = (SYSTEM, written, "send")
        self._handlers = {
            "message.received": self._on_received,
            "message.finished": self._on_settled,
            "message.stopped": self._on_settled,
            "message.failed": self._on_settled,
            "message.rejected_again": self._on_dead_letter,
            "snapshot.ready": lambda _: recorder.add(metrics.SENT, self._sent),
            "snapshot.classified": self._on_classified,
            "video.done": self._on_video_done,
        }

    def notify(self, event: Event) -> None:
        """See `Observer`."""
        self._recorder.add(metrics.EVENTS, (event.code, logging.getLevelName(event.level)))
        if event.code in DUPLICATES:
            self._recorder.add(metrics.DUPLICATES, (event.code,))
        handler = self._handlers.get(event.code)
        if handler is not None:
            handler(event.fields)

    def on_stage(self, stage: str, own_s: float, items: int) -> None:
        """One pull of a stage took `own_s` without its upstream (stage_clock.StageReport)."""
        self._recorder.add(metrics.STAGE_SECONDS, (stage,), own_s)
        if stage == FIRST_STAGE:
            self._recorder.add(metrics.FRAMES, (), items)

    def _on_received(self, fields: Mapping[str, Any]) -> None:
        self._recorder.add(metrics.CONSUMED, self._received)
        if fields["receive_count"] > 1:
            self._recorder.add(metrics.REDELIVERIES)
        if fields["queue_time_s"] is not None:
            self._recorder.observe(metrics.QUEUE_TIME, fields["queue_time_s"])

    def _on_settled(self, fields: Mapping[str, Any]) -> None:
        if fields["elapsed_s"] is not None:
            labels = (*self._processed, str(fields.get("error_code", "")))
            self._recorder.observe(metrics.PROCESSED, fields["elapsed_s"], labels)
        if fields.get("failure") == LeaseLost.__name__:
            self._recorder.add(metrics.LEASES_LOST)
        self._on_dead_letter(fields)

    def _on_dead_letter(self, fields: Mapping[str, Any]) -> None:
        if fields.get("last_receive"):
            self._recorder.add(metrics.DEAD_LETTERS, (str(fields.get("error_code", "")),))

    def _on_classified(self, fields: Mapping[str, Any]) -> None:
        for variant, latency_ms in fields["latency_ms"].items():
            self._recorder.observe(metrics.CLASSIFICATION, latency_ms / 1000, (variant,))
        for variant, outcomes in fields["null_codes"].items():
            for level, code in outcomes.items():
                self._recorder.add(metrics.RESULTS, (variant, level, code or NAMED))

    def _on_video_done(self, fields: Mapping[str, Any]) -> None:
        self._recorder.add(metrics.VIDEOS, ("done" if fields["damage"] is None else "damaged",))
        self._recorder.observe(metrics.VIDEO_VEHICLES, fields["vehicles"])

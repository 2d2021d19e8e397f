"""Runs a worker process: signals, failures at start, the consumer, the exit status."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.observability import logs

EXIT_MISCONFIGURED = 78
"""EX_CONFIG of sysexits.h: an operator must correct the configuration."""
EXIT_OUTAGE = 75
"""EX_TEMPFAIL: an outage lasted too long; a new process may succeed."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


def run(name: str, build: Callable[[threading.Event], Consumer]) -> int:
    """Build the consumer and run it until SIGTERM or SIGINT. The exit status is 0 after a clean stop.

    During the start no message is in flight, so a signal ends the process at once; afterwards in-flight messages are
    released first. A second signal changes nothing: the grace period is already running.
    """
    logs.start()
    shutdown = threading.Event()
    _on_signal(lambda: os._exit(0))  # SystemExit while a library is loading would abort
    log.info("%s is starting", name, extra={"event": "worker.starting", "worker": name})
    try:
        consumer = build(shutdown)
    except ConfigurationError as error:
        _log_start_failure(name, error, str(error))
        return EXIT_MISCONFIGURED
    except Exception as error:  # noqa: BLE001  # the last log line states why the start failed
        _log_start_failure(name, error, f"{type(error).__name__}: {error}", traceback=True)
        return EXIT_MISCONFIGURED
    _on_signal(shutdown.set)
    status = 0 if consumer.run() else EXIT_OUTAGE
    logging.shutdown()
    # Skips Python's shutdown: the process would abort if a thread is decoding an image, or wait if a thread hangs.
    os._exit(status)


def _log_start_failure(name: str, error: Exception, reason: str, *, traceback: bool = False) -> None:
    log.critical(
        "%s cannot start: %s",
        name,
        reason,
        exc_info=traceback,
        extra={"event": "worker.start_failed", **logs.failure_fields(error), "worker": name},
    )


def _on_signal(react: Callable[[], object]) -> None:
    def handler(_number: int, _frame: FrameType | None) -> None:
        react()

    for number in STOP_SIGNALS:
        signal.signal(number, handler)

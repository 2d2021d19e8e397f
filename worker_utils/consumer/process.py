"""A worker process from its first line of log to its exit status: signals, start-up faults, the consumer's run."""

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
"""EX_CONFIG of sysexits.h: an operator has to put something right."""
EXIT_OUTAGE = 75
"""EX_TEMPFAIL: what the workers depend on stayed broken; a fresh process may fare better."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


def run(name: str, build: Callable[[threading.Event], Consumer]) -> int:
    """Build the consumer, run it until SIGTERM or SIGINT, and give the exit status: 0 is a clean stop.

    While it is being built nothing is in hand, so a signal ends the process at once; later one lets the work
    in hand be released first. A second signal changes nothing: the grace period is already running.
    """
    logs.start()
    shutdown = threading.Event()
    _on_signal(lambda: os._exit(0))  # SystemExit on its way through a library that is being loaded would abort there
    log.info("%s is starting", name, extra={"event": "worker.starting", "worker": name})
    try:
        consumer = build(shutdown)
    except ConfigurationError as error:
        _log_start_failure(name, error, str(error))
        return EXIT_MISCONFIGURED
    except Exception as error:  # noqa: BLE001  # whatever stops the start, the last line says so
        _log_start_failure(name, error, f"{type(error).__name__}: {error}", traceback=True)
        return EXIT_MISCONFIGURED
    _on_signal(shutdown.set)
    status = 0 if consumer.run() else EXIT_OUTAGE
    logging.shutdown()
    # Not by Python's own finale: a thread that still decodes a picture would abort in it, one that hangs hold it up.
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

"""The exit statuses of all commands: success, one line about an error, or interruption."""

from __future__ import annotations

import sys
from collections.abc import Callable

from video_analysis.worker_utils.errors import ConfigurationError, WorkerError

OK = 0
FAULT = 1
"""The command was executed and found a fault: a check of `doctor` failed, or a watched video ended with an error."""
ERROR = 2
"""The command failed, or its arguments are wrong; the last line on stderr states why."""
INTERRUPTED = 130
"""Ctrl-C: 128 + SIGINT, as a shell reports it."""


class CommandError(Exception):
    """The command cannot be executed with these arguments. The text states the cause and the remedy."""


def run(command: str, work: Callable[[], int | None], if_interrupted: str = "run it again") -> int:
    """Run `work` and return the exit status; None is OK. An expected error becomes one line on stderr."""
    try:
        return work() or OK
    except KeyboardInterrupt:
        sys.stderr.write(f"{command}: interrupted; {if_interrupted}\n")
        return INTERRUPTED
    except (CommandError, ConfigurationError, WorkerError) as error:
        sys.stderr.write(f"{command}: {error}\n")
        return ERROR

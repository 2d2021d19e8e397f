"""The exit statuses of all commands: success, one line about an error, or interruption."""

from __future__ import annotations

import sys
from collections.abc import Callable

from video_analysis.worker_utils.errors import ConfigurationError, WorkerError

OK = 0
ERROR = 2
"""The command failed, or its arguments are wrong; the last line on stderr states why."""
INTERRUPTED = 130
"""Ctrl-C: 128 + SIGINT, as a shell reports it."""


class CommandError(Exception):
    """The command cannot be executed with these arguments. The text states the cause and the remedy."""


def run(command: str, work: Callable[[], None], if_interrupted: str = "run it again") -> int:
    """Run `work` and return the exit status; an expected error becomes one line on stderr."""
    try:
        work()
    except KeyboardInterrupt:
        sys.stderr.write(f"{command}: interrupted; {if_interrupted}\n")
        return INTERRUPTED
    except (CommandError, ConfigurationError, WorkerError) as error:
        sys.stderr.write(f"{command}: {error}\n")
        return ERROR
    return OK

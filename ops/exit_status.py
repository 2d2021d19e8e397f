"""The exit statuses of all commands: success, one line about an error, or interruption."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from video_analysis.worker_utils.errors import ConfigurationError, WorkerError

OK = 0
FAULT = 1
"""The command was executed and found a fault: a check of `doctor` failed, or a watched video ended with an error."""
ERROR = 2
"""The command failed, or its arguments are wrong; the last line on stderr states why."""
UNEXPECTED = 70
"""A fault of the command itself, with a traceback; EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130
"""Ctrl-C: 128 + SIGINT, as a shell reports it."""
TEXT = "0 success, 1 a fault was found, 2 error or wrong arguments, 70 a fault of the command itself, 130 interrupted"


class CommandError(Exception):
    """The command cannot be executed with these arguments. The text states the cause and the remedy."""


def run(command: str, work: Callable[[], int | None], if_interrupted: str = "run it again") -> int:
    """Run `work` and return the exit status; None is OK. An expected error becomes one line on stderr."""
    try:
        return _flushed(work)
    except KeyboardInterrupt:
        sys.stderr.write(f"{command}: interrupted; {if_interrupted}\n")
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        sys.stderr.write(f"{command}: the reader of stdout ended before the output did; {if_interrupted}\n")
        return ERROR
    except (CommandError, ConfigurationError, WorkerError) as error:
        sys.stderr.write(f"{command}: {error}\n")
        return ERROR
    except Exception as error:  # noqa: BLE001  # status 1 would be a finding
        traceback.print_exc()
        sys.stderr.write(f"{command}: unexpected error, a fault of the command: {type(error).__name__}: {error}\n")
        return UNEXPECTED


@contextmanager
def output_may_end() -> Iterator[None]:
    """For output of a command that changes something: if its reader ends, the work goes on without output."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()


def _flushed(work: Callable[[], int | None]) -> int:
    """The status of `work`, when all output is written: a closed stdout is found here, not at the end of Python."""
    try:
        return work() or OK
    finally:
        sys.stdout.flush()


def _discard_output() -> None:
    """Let stdout lead nowhere, so that no later write fails."""
    with suppress(OSError):  # stdout may be no file, and then has no such fault
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)

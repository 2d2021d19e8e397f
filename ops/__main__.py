"""The operators' command line: python -m video_analysis.ops COMMAND --help.

Each command is a module with `main(arguments) -> exit status`. It is imported only when it is called, so that no
command loads the libraries of another.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from video_analysis.ops import arguments, exit_status

USAGE_ERROR = exit_status.ERROR


@dataclass(frozen=True, slots=True)
class Command:
    """The module with the command's `main`, and its line in the list."""

    module: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "check": Command("video_analysis.ops.check", "check whether a worker would start with a checkpoint"),
    "compare": Command("video_analysis.ops.compare.command", "report how far the models baseline and cmt agree"),
    "export-labels": Command(
        "video_analysis.ops.export_labels", "write results as a CSV file to correct, with the snapshots beside it"
    ),
    "queues": Command("video_analysis.ops.queues", "show how much work waits in the queues"),
    "replay": Command("video_analysis.ops.replay", "process a video again with other settings"),
    "runs": Command("video_analysis.ops.runs", "list, show, pause, resume, cancel, compare and adopt runs of videos"),
    "report": Command("video_analysis.ops.report.command", "write the vehicles of a video as one HTML page"),
    "reclassify": Command("video_analysis.ops.reclassify", "send stored snapshots again, for a new checkpoint"),
    "send": Command("video_analysis.ops.send", "send a video to the workers, and upload its file if needed"),
    "dlq": Command("video_analysis.ops.dead_letters.command", "list, show, redrive and purge dead letters"),
    "doctor": Command("video_analysis.ops.doctor.command", "check everything that the workers need"),
    "setup": Command("video_analysis.ops.setup.command", "create bucket, queues and tables, or show what differs"),
    "watch": Command("video_analysis.ops.watch", "show the progress of a video until it has ended"),
}


def main(arguments_given: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; 2 if there is no such command."""
    given = list(sys.argv[1:] if arguments_given is None else arguments_given)
    if not given or given[0] in ("-h", "--help"):
        return exit_status.run("ops", _show_usage) or (0 if given else USAGE_ERROR)
    name, *rest = given
    if name not in COMMANDS:
        sys.stderr.write(f"ops: there is no command {name!r}; choose one of {', '.join(sorted(COMMANDS))}\n")
        return USAGE_ERROR

    def execute() -> int:
        status: int = importlib.import_module(COMMANDS[name].module).main(rest)
        return status

    return exit_status.run(name, execute)


def _show_usage() -> None:
    sys.stdout.write(usage())


def usage() -> str:
    """The list of commands, one example and the exit statuses."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: python -m video_analysis.ops COMMAND [--help | arguments]",
            "",
            *(f"  {name:<{width}}  {command.help}" for name, command in sorted(COMMANDS.items())),
            "",
            "example: python -m video_analysis.ops check main_worker/bundle/main.pt",
            *arguments.EXIT_STATUS,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())

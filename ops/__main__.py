"""The operators' command line: python -m video_analysis.ops COMMAND --help.

Each command is a module with `main(arguments) -> exit status`; it is imported when it is called, so that no command
loads what another one needs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

USAGE_ERROR = 2


@dataclass(frozen=True, slots=True)
class Command:
    """One command: where its `main` is, and its line in the list."""

    module: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "check": Command("video_analysis.ops.check", "would a worker start with this checkpoint?"),
    "compare": Command("video_analysis.ops.compare.command", "where baseline and cmt agree, as figures and a page"),
    "reclassify": Command("video_analysis.ops.reclassify", "send stored snapshots again, for a new checkpoint"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status; 2 where there is no such command."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return 0 if given else USAGE_ERROR
    name, *rest = given
    if name not in COMMANDS:
        sys.stderr.write(f"ops: no command {name!r}; known are {', '.join(sorted(COMMANDS))}\n")
        return USAGE_ERROR
    status: int = importlib.import_module(COMMANDS[name].module).main(rest)
    return status


def usage() -> str:
    """The list of commands, and one example."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.help}" for name, command in sorted(COMMANDS.items())]
    example = "example: python -m video_analysis.ops check main_worker/bundle/main.pt"
    return "\n".join(["usage: python -m video_analysis.ops COMMAND [--help | options]", "", *lines, "", example]) + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""Check everything that the workers need: python -m video_analysis.ops doctor --help."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path

from video_analysis import worker_config
from video_analysis.ops import arguments, exit_status
from video_analysis.ops.doctor import (
    aws_checks,
    database_checks,
    environment_file,
    finding,
    host_checks,
    permission_checks,
)
from video_analysis.ops.doctor.finding import Check, Fault, Finding, NotChecked
from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError

ABOUT = """\
Checks settings, clock, credentials, bucket, queues, dead letters, the permissions of both workers, the database, the
models, the disk and the systemd units, and prints one line per check: `ok`; `fault`, with its fix; `optional`, for
something without which the workers work; or `not checked`, with the permission or the part of the host that is missing.
No message is received, no receive is counted, and no object or row is stored. Only the check of the models writes:
converted networks, into the workers' cache folder.

It uses the credentials, the settings and the files that a worker would use if you started it here: run it on the
worker's host as its user. Exit status: 0 without a fault, 1 with one."""
EXAMPLES = ("--env-file /home/ubuntu/cvitx/api/.env", "--only aws --only permissions --json")
STATE_CELLS = len("not checked")


def main(given: Sequence[str] | None = None) -> int:
    """0 without a fault, 1 with at least one, 2 on an error of the command."""
    options = _options(given)
    return exit_status.run("doctor", lambda: _examine(options))


def _examine(options: argparse.Namespace) -> int:
    logging.getLogger("video_analysis").addHandler(logging.NullHandler())  # the lines of the checks are the output
    logging.getLogger("video_analysis").propagate = False
    try:
        return _report(options)
    finally:
        logging.getLogger("video_analysis").propagate = True


def _report(options: argparse.Namespace) -> int:
    given = [] if options.env_file is None else [_given_file(options.env_file)]
    counts: Counter[str] = Counter()
    failed: set[str] = set()
    for check in chain(given, _checks(options.only or list(PARTS))):
        is_skipped = check.needs in failed
        found = _skipped(check) if is_skipped else finding.execute(check)
        if is_skipped or found.state == "fault":
            failed.add(check.name)
        counts[found.state] += 1
        _print(found, as_json=options.json)
    if not options.json:
        print(", ".join(f"{count} {state}" for state, count in counts.items()))
    return exit_status.FAULT if counts["fault"] else exit_status.OK


def _checks(parts: Sequence[str]) -> Iterable[Check]:
    """The settings, and with them the checks of the chosen parts."""
    loaded: list[WorkerConfig] = []

    def load() -> str:
        loaded.append(worker_config.load(os.environ))
        return f"region {loaded[0].region}, bucket {loaded[0].s3_bucket}"

    yield Check("settings", load)
    for part in parts if loaded else ():
        try:
            yield from PARTS[part](loaded[0])
        except ConfigurationError as error:
            yield Check(part, partial(_refuse, error))


def _refuse(error: ConfigurationError) -> str:
    raise error


def _skipped(check: Check) -> Finding:
    return Finding(check.name, "not checked", f"needs `{check.needs}`")


def _models(config: WorkerConfig) -> Iterable[Check]:
    from video_analysis.ops.doctor import model_checks  # noqa: PLC0415  # PyTorch and OpenVINO take seconds

    return model_checks.checks(config)


PARTS: Mapping[str, Callable[[WorkerConfig], Iterable[Check]]] = {
    "aws": aws_checks.checks,
    "permissions": permission_checks.checks,
    "database": database_checks.checks,
    "models": _models,
    "host": host_checks.checks,
}


def _print(found: Finding, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(found)), flush=True)
        return
    print(f"{found.state:<{STATE_CELLS}}  {found.check}: {found.text}", flush=True)
    if found.fix:
        print(f"{'':<{STATE_CELLS}}  fix: {found.fix}", flush=True)


def _given_file(path: Path) -> Check:
    """Set the variables of --env-file. The check names the lines without effect."""
    try:
        file = environment_file.read(path)
    except (Fault, NotChecked) as error:
        raise CommandError(f"--env-file: {error}") from None
    os.environ.update(file.values)

    def check() -> str:
        environment_file.check_ignored(file.ignored)
        return f"{len(file.values)} variables"

    return Check(f"--env-file {path}", check)


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("doctor", ABOUT, *EXAMPLES)
    parser.add_argument("--only", choices=list(PARTS), action="append", help="these checks alone; can be repeated")
    parser.add_argument(
        "--env-file", type=Path, metavar="FILE", help="set the variables of this file first, such as those of the units"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per check")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

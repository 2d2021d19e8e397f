"""Create what the workers need, or show what differs: python -m video_analysis.ops setup --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status
from video_analysis.ops.setup import queues
from video_analysis.ops.setup.bucket import Bucket
from video_analysis.ops.setup.difference import Difference, Resource
from video_analysis.ops.setup.grants import Grants
from video_analysis.ops.setup.tables import Tables
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
Creates the bucket, the two queues with their dead-letter queues, and the tables, with the names and values of the
settings. What exists and differs is changed; what fits is not touched, so that the command can be repeated. The
missing grants of the workers' database role are printed, and with --grant applied. Nothing is ever deleted.

Needs an AWS user that may create buckets and queues, and a database user that may create tables and owns those that
exist. --dry-run changes nothing and shows every difference.

Exit status: 0 everything is as needed now; 1 something differs that was not changed: with --dry-run, without --grant,
or where only you can change it; 2 an error."""
EXAMPLES = ("--dry-run", "--grant --role cvitx")
PARTS = ("bucket", "queues", "tables", "grants")
ROLE = "cvitx"


def main(given: Sequence[str] | None = None) -> int:
    """0 when everything is as needed, 1 if something differs that was not changed, 2 on an error."""
    options = _options(given)
    return exit_status.run("setup", lambda: _setup(options))


def _setup(options: argparse.Namespace) -> int:
    config, remaining = worker_config.load(os.environ), 0
    for resource in _resources(config, options):
        differences = resource.differences()
        may_apply = not options.dry_run and (options.grant or not isinstance(resource, Grants))
        changed = [one for one in differences if may_apply and one.remedy is None]
        if changed:
            resource.apply(changed)
        with exit_status.output_may_end():
            _print(resource, differences, changed, as_json=options.json)
        remaining += sum(not one.is_choice for one in differences if one not in changed)
    return exit_status.FAULT if remaining else exit_status.OK


def _resources(config: WorkerConfig, options: argparse.Namespace) -> Iterable[Resource]:
    """The resources of the chosen parts, in the order in which they are created."""
    parts = options.only or PARTS
    if "bucket" in parts:
        yield Bucket(aws_clients.s3(config), config.s3_bucket, config.region)
    if "queues" in parts:
        sqs = aws_clients.sqs(config)
        for name in (config.video_queue, config.snapshot_queue):
            yield from queues.resources(sqs, name, config)
    database = Database(config.database_url, "cvitx-setup")
    if "tables" in parts:
        yield Tables(database)
    if "grants" in parts:
        yield Grants(database, options.role)


def _print(
    resource: Resource, differences: Sequence[Difference], changed: Sequence[Difference], *, as_json: bool
) -> None:
    if as_json:
        listed = [asdict(one) | {"applied": one in changed} for one in differences]
        print(json.dumps({"resource": resource.name, "differences": listed}))
        return
    state = "ok" if not differences else "changed" if len(changed) == len(differences) else "differs"
    print(f"{state:<8} {resource.name}")
    for one in differences:
        mark = "changed: " if one in changed and state == "differs" else ""
        sys.stdout.write(f"         {mark}{_line(resource, one)}\n")


def _line(resource: Resource, difference: Difference) -> str:
    return f"{difference.needed};" if isinstance(resource, Grants) else str(difference)


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("setup", ABOUT, *EXAMPLES)
    parser.add_argument("--dry-run", action="store_true", help="show what differs, change nothing")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; can be repeated")
    parser.add_argument("--role", default=ROLE, help="the workers' database role (default: %(default)s)")
    parser.add_argument("--grant", action="store_true", help="apply the missing grants, instead of printing them")
    parser.add_argument("--json", action="store_true", help="one JSON object per resource")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

"""List, show, redrive and purge dead letters: python -m video_analysis.ops dlq --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import Any

from video_analysis import worker_config
from video_analysis.ops import arguments, aws_clients, exit_status, pace
from video_analysis.ops.dead_letters import queue, redrive, remedies
from video_analysis.ops.dead_letters.causes import Cause, Causes, Objects
from video_analysis.ops.dead_letters.queue import KINDS, DeadLetter, DeadLetterQueue
from video_analysis.ops.dead_letters.redrive import Choice, Tally
from video_analysis.ops.dead_letters.rows import Group, Rows
from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
The dead-letter queues of the two workers. `list` groups the rows that failed by their error codes, with the remedy of
each, and reads no message. `show` reads messages and releases them again. `redrive` sends messages to their queue
again, after you have removed the cause; unless --force is given it leaves those that would fail again, because their
message, file or snapshot is wrong, and those whose run an operator paused or cancelled. `purge` deletes all messages
of one dead-letter queue.

Needs, by your own credentials, the database and, on the dead-letter queues: `list` sqs:GetQueueUrl and
GetQueueAttributes; `show` GetQueueUrl, ReceiveMessage and ChangeMessageVisibility; `redrive` all of these and
DeleteMessage, and GetQueueUrl and SendMessage on the source queue; `purge` GetQueueUrl and PurgeQueue, without --yes
also GetQueueAttributes. `show` and `redrive` also use s3:GetObject on raw/* and snapshots/* and s3:ListBucket, to see
whether the object of finished work still exists; without these, such messages are shown and left as if it did not.

Exit status: 0; 1 if `redrive` left messages that it was to move; messages of another code than --code do not count."""
EXAMPLES = ("list", "redrive --queue video --code permission_denied --dry-run", "purge cvitx-video-tasks-dlq")
PER_SECOND = 10.0
SHOWN = 10
TEXT_LENGTH = 160
_HIDDEN = "messages that were not moved are visible within 5 minutes"
IF_INTERRUPTED = {
    "list": "run it again",
    "show": _HIDDEN,
    "redrive": _HIDDEN,
    "purge": "nothing was deleted, unless the name was confirmed",
}


def main(given: Sequence[str] | None = None) -> int:
    """0 on success, 1 if `redrive` left messages that were chosen, 2 on an error, 130 if interrupted."""
    options = _options(given)
    return exit_status.run("dlq", lambda: _run(options), IF_INTERRUPTED[options.command])


def _run(options: argparse.Namespace) -> int | None:
    config = worker_config.load(os.environ)
    return COMMANDS[options.command](config, options)


def _list(config: WorkerConfig, options: argparse.Namespace) -> None:
    stored = _rows(config)
    for one in queue.opened(config, _kinds(options)):
        groups, count = stored.groups(one.kind), one.count()
        if options.json:
            listed = [asdict(group) | {"remedy": group.remedy} for group in groups]
            print(json.dumps({"queue": one.name, "messages": count, "failed": listed}, default=str))
        else:
            _print_groups(one, count, groups)


def _print_groups(one: DeadLetterQueue, count: int, groups: Sequence[Group]) -> None:
    print(f"{one.name}: {counted(count, 'message')} in the queue; `ops dlq show --queue {one.kind}` reads them")
    failed = sum(group.count for group in groups)
    if failed:
        print(f"  {counted(failed, 'row')} in the database failed, with or without a message in the queue:")
    for group in groups:
        print(f"  {group.count:>5} {group.code or 'no code'}: {_short(group.example)} (newest {group.newest:%F %T%z})")
        print(f"        fix: {group.remedy}")


def counted(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _show(config: WorkerConfig, options: argparse.Namespace) -> None:
    causes = _causes(config)
    for one in queue.opened(config, _kinds(options)):
        with closing(one.received()) as letters:
            for letter in islice(letters, options.limit):
                _print_letter(one, letter, causes.of(one.kind, letter.body), as_json=options.json)


def _redrive(config: WorkerConfig, options: argparse.Namespace) -> int:
    causes, tally, wait = _causes(config), Tally(), pace.limited(options.per_second)
    choice = Choice(options.code, options.force, options.dry_run)
    chosen = queue.opened(config, _kinds(options))
    try:
        for one in chosen:
            redrive.redrive(one, causes, choice, wait, tally)
    finally:  # also after an error or Ctrl-C
        _print_tally(tally, options)
    return exit_status.FAULT if tally.left else exit_status.OK


def _print_tally(tally: Tally, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(vars(tally) | {"dry_run": options.dry_run}))
        return
    print(f"{tally.moved} {'would be moved' if options.dry_run else 'moved'}, {sum(tally.left.values())} left")
    for reason, count in tally.left.items():
        print(f"  {count:>5} {reason}")
    if tally.not_chosen:
        print(f"{tally.not_chosen} not of --code {options.code}")
    if tally.came_later:
        print(f"{tally.came_later} came after the command began, such as messages that failed again")


def _purge(config: WorkerConfig, options: argparse.Namespace) -> None:
    names = {one.name: one for one in queue.opened(config, KINDS)}
    if options.queue_name not in names:
        raise CommandError(f"{options.queue_name} is no dead-letter queue of the workers; choose {' or '.join(names)}")
    chosen = names[options.queue_name]
    given = options.yes if options.yes is not None else _typed(chosen)
    if given != chosen.name:
        raise CommandError(f"{given!r} is not {chosen.name}; nothing was deleted")
    chosen.purge()
    print(f"{chosen.name}: all messages are deleted; SQS needs up to 60 s for that")


def _typed(chosen: DeadLetterQueue) -> str:
    if not sys.stdin.isatty():
        raise CommandError(f"stdin is no terminal; confirm with --yes {chosen.name}")
    try:
        return input(f"Delete {counted(chosen.count(), 'message')} for good? Type {chosen.name} to confirm: ").strip()
    except EOFError:
        print()  # the end of the line with the question
        raise CommandError("no name was typed; nothing was deleted") from None


COMMANDS: Mapping[str, Callable[[WorkerConfig, argparse.Namespace], int | None]] = {
    "list": _list,
    "show": _show,
    "redrive": _redrive,
    "purge": _purge,
}


def _print_letter(one: DeadLetterQueue, letter: DeadLetter, cause: Cause, *, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {
            "queue": one.name,
            "message_id": letter.message_id,
            "sent_at": letter.sent_at.isoformat(),
            "body": letter.body,
            **asdict(cause),
            "would_fail_again": cause.would_fail_again,
            "refusal": cause.refusal,
            "remedy": cause.remedy,
        }
        print(json.dumps(document))
        return
    print(f"{letter.message_id}  sent {letter.sent_at:%F %T%z}  {one.name}")
    print(f"  {cause.code or ('already done' if cause.is_done else 'no code')}: {_short(cause.summary)}")
    print(f"  row: {cause.status or 'none'}; {cause.refusal or 'may be redriven'}")
    print(f"  fix: {cause.remedy}")
    print(f"  {_short(letter.body) if letter.body.strip() else '(the body is empty)'}")


def _short(text: str | None) -> str:
    return schema_check.printable(text, TEXT_LENGTH) if text else ""


def _rows(config: WorkerConfig) -> Rows:
    return Rows(Database(config.database_url, "cvitx-dlq"))


def _causes(config: WorkerConfig) -> Causes:
    return Causes(_rows(config), Objects(aws_clients.s3(config), config.s3_bucket), config.s3_bucket)


def _kinds(options: argparse.Namespace) -> Sequence[queue.Kind]:
    return [options.queue] if options.queue else KINDS


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = arguments.parser("dlq", ABOUT, *EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(commands, "list", "rows that failed, by their error codes; reads no message")
    showing = _add(commands, "show", "the messages, with the cause of each")
    showing.add_argument("--limit", type=arguments.count, default=SHOWN, metavar="N", help="default: %(default)s")
    moving = _add(commands, "redrive", "send messages to their queue again")
    moving.add_argument("--code", choices=sorted(remedies.REMEDIES), metavar="CODE", help="those with this error code")
    moving.add_argument("--force", action="store_true", help="also those that would fail again or were stopped")
    moving.add_argument("--dry-run", action="store_true", help="count them, move nothing")
    moving.add_argument(
        "--per-second", type=arguments.rate, default=PER_SECOND, metavar="N", help="maximum rate (default: %(default)g)"
    )
    purging = commands.add_parser("purge", help="delete all messages of one dead-letter queue")
    purging.add_argument("queue_name", metavar="QUEUE", help="the name of the dead-letter queue")
    purging.add_argument("--yes", metavar="QUEUE", help="confirm by the name of the queue, for scripts")
    return parser.parse_args(given)


def _add(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text)
    command.add_argument("--queue", choices=KINDS, help="that of this worker (default: both)")
    command.add_argument("--json", action="store_true", help="one JSON object per line")
    return command


if __name__ == "__main__":
    sys.exit(main())

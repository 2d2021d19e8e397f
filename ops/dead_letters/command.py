"""List, show, redrive and purge dead letters: python -m video_analysis.ops dlq --help."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import Any

from video_analysis import worker_config
from video_analysis.ops import arguments, exit_status, pace
from video_analysis.ops.dead_letters import queue, remedies
from video_analysis.ops.dead_letters.queue import KINDS, DeadLetter, DeadLetterQueue
from video_analysis.ops.dead_letters.rows import Cause, Causes
from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.db.connection import Database

ABOUT = """\
The dead-letter queues of the two workers. `list` groups the rows that failed by their error codes, with the remedy of
each, and reads no message. `show` reads messages and releases them again. `redrive` sends messages to their queue
again, after you have removed the cause; it leaves those that would fail again, because their message, file or snapshot
is wrong, unless --force is given. `purge` deletes all messages of one dead-letter queue.

Needs the database and, on the dead-letter queues, sqs:GetQueueUrl and GetQueueAttributes; `show` and `redrive` also
ReceiveMessage and ChangeMessageVisibility; `redrive` DeleteMessage, and SendMessage on the source queue; `purge`
PurgeQueue: by your own credentials."""
EXAMPLES = ("list", "redrive --queue video --code permission_denied --dry-run", "purge cvitx-video-tasks-dlq")
PER_SECOND = 10.0
SHOWN = 10
TEXT_LENGTH = 160


def main(given: Sequence[str] | None = None) -> int:
    """0 on success, 1 if `redrive` left messages that would fail again, 2 on an error, 130 if interrupted."""
    options = _options(given)
    return exit_status.run("dlq", lambda: _run(options), "messages that were not moved are visible within 5 minutes")


def _run(options: argparse.Namespace) -> int | None:
    config = worker_config.load(os.environ)
    return COMMANDS[options.command](config, options)


def _list(config: WorkerConfig, options: argparse.Namespace) -> None:
    causes = _causes(config)
    for one in queue.opened(config, _kinds(options)):
        groups = causes.groups(one.kind)
        count = one.count()
        if options.json:
            listed = [asdict(group) | {"remedy": group.remedy} for group in groups]
            print(json.dumps({"queue": one.name, "messages": count, "failed": listed}, default=str))
            continue
        print(f"{one.name}: {count} {'message' if count == 1 else 'messages'}")
        rows = sum(group.count for group in groups)
        for group in groups:
            print(
                f"  {group.count:>5} {group.code or 'no code'}: {_short(group.example)} (newest {group.newest:%F %T%z})"
            )
            print(f"        fix: {group.remedy}")
        if count > rows:
            print(f"  {count - rows:>5} without a row that failed: `ops dlq show --queue {one.kind}` names the cause")


def _show(config: WorkerConfig, options: argparse.Namespace) -> None:
    causes = _causes(config)
    for one in queue.opened(config, _kinds(options)):
        with closing(one.received()) as letters:
            for letter in islice(letters, options.limit):
                _print_letter(one, letter, causes.of(one.kind, letter.body), as_json=options.json)


def _redrive(config: WorkerConfig, options: argparse.Namespace) -> int:
    causes, moved, left = _causes(config), 0, Counter[str]()
    wait = pace.limited(options.per_second)
    for one in queue.opened(config, _kinds(options)):
        with closing(one.received()) as letters:
            for letter in letters:
                cause = causes.of(one.kind, letter.body)
                if reason := _left_because(cause, options):
                    left[reason] += 1
                    continue
                if not options.dry_run:
                    wait()
                    one.move(letter)
                moved += 1
    _print_moved(moved, left, options)
    return exit_status.FAULT if left else exit_status.OK


def _left_because(cause: Cause, options: argparse.Namespace) -> str | None:
    """Why a message is not moved; None if it is."""
    if options.code is not None and cause.code != options.code:
        return f"not of --code {options.code}"
    if cause.would_fail_again and not options.force:
        return f"would fail again with {cause.code}"
    return None


def _print_moved(moved: int, left: Mapping[str, int], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps({"moved": moved, "left": left, "dry_run": options.dry_run}))
        return
    print(f"{moved} {'would be moved' if options.dry_run else 'moved'}, {sum(left.values())} left")
    for reason, count in left.items():
        print(f"  {count:>5} {reason}")


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
    count = chosen.count()
    return input(f"Delete {count} messages for good? Type {chosen.name} to confirm: ").strip()


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
        }
        print(json.dumps(document))
        return
    print(f"{letter.message_id}  sent {letter.sent_at:%F %T%z}  {one.name}")
    print(f"  {cause.code or 'no code'}: {_short(cause.text) or 'no row has a reason; see the log'}")
    print(f"  row: {cause.status or 'none'}; {'would fail again' if cause.would_fail_again else 'may be redriven'}")
    print(f"  fix: {remedies.remedy(cause.code)}")
    print(f"  {schema_check.printable(letter.body, TEXT_LENGTH)}")


def _short(text: str | None) -> str:
    return schema_check.printable(text, TEXT_LENGTH) if text else ""


def _causes(config: WorkerConfig) -> Causes:
    return Causes(Database(config.database_url, "cvitx-dlq"), config.s3_bucket)


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
    moving.add_argument("--force", action="store_true", help="also those that would fail again")
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

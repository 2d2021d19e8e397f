"""One check and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from video_analysis.ops.aws_clients import PermissionMissing
from video_analysis.ops.exit_status import CommandError
from video_analysis.worker_utils.errors import ConfigurationError, ErrorCode, WorkerError

State = Literal["ok", "fault", "optional", "not checked"]
"""optional: something is missing without which the workers work; the text names what is lost."""
FIXES: Mapping[ErrorCode, str] = {
    "credentials_refused": "check AWS_PROFILE, the instance's role, and the clock",
    "aws_unavailable": "check the network, AWS_ENDPOINT_URL and CVITX_REGION",
    "no_bucket": "create it with `ops setup --only bucket`, or correct CVITX_S3_BUCKET",
    "no_queue": "create it with `ops setup --only queues`, or correct CVITX_VIDEO_QUEUE and CVITX_SNAPSHOT_QUEUE",
    "database_unreachable": "start PostgreSQL, or correct CVITX_DATABASE_URL, PGPASSFILE and the firewall",
    "schema_outdated": "run `ops setup --only tables`",
    "schema_mismatch": "compare the table with schemas/database.sql: docs/deploy.md, Tables of another program",
    "disk_full": "free some space, or set CVITX_TEMP_DIR to a larger disk",
}
"""The remedy by error code, where the text of the failure has none or not the command."""
OTHER_USER = "run doctor as the user of the services, or correct the owner and the mode of the file"


class Fault(Exception):
    """What is wrong, and what to do."""

    state: State = "fault"

    def __init__(self, text: str, fix: str) -> None:
        super().__init__(text)
        self.fix = fix


class MissingOption(Fault):
    """What is missing and what is lost by that, and how to add it."""

    state = "optional"


class NotChecked(Exception):
    """Why this cannot be checked here: a permission, or a part of the host."""


@dataclass(frozen=True, slots=True)
class Check:
    """`run` returns a line about what is right, or raises. Without the check `needs` it is not run."""

    name: str
    run: Callable[[], str]
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check."""

    check: str
    state: State
    text: str
    fix: str | None = None


def execute(check: Check) -> Finding:
    """Run a check; an expected failure becomes a finding."""
    try:
        return Finding(check.name, "ok", check.run())
    except Fault as fault:
        return Finding(check.name, fault.state, str(fault), fault.fix)
    except PermissionMissing as denied:
        return Finding(check.name, "not checked", f"{denied.permission}{denied.remark}")
    except NotChecked as reason:
        return Finding(check.name, "not checked", str(reason))
    except (WorkerError, ConfigurationError, CommandError) as failure:
        return _fault(check, failure)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fix = OTHER_USER if isinstance(error, PermissionError) else None
        return Finding(check.name, "fault", f"{where}{error.strerror or error}", fix)


def _fault(check: Check, failure: Exception) -> Finding:
    """The texts of most failures end with their remedy, after a semicolon."""
    fix = FIXES.get(failure.code) if isinstance(failure, WorkerError) else None
    if fix is not None:
        return Finding(check.name, "fault", str(failure), fix)
    text, separator, remedy = str(failure).partition("; ")
    return Finding(check.name, "fault", text, remedy if separator else None)

"""An empty local environment to try the workers and `ops` by hand: python -m video_analysis.devstack.

It runs PostgreSQL, SQS and S3 until Ctrl-C, and writes the variables to export. Everything in it is lost then.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg2

from video_analysis.demo import weights
from video_analysis.devstack import services, worker_process
from video_analysis.ops.setup import command as setup

OUT = Path("out") / "devstack"
VARIABLES = "env.sh"


def main(given: Sequence[str] | None = None) -> int:
    """Run until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.devstack", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for env.sh (default: %(default)s)")
    out: Path = parser.parse_args(given).out
    out.mkdir(parents=True, exist_ok=True)
    print("starting PostgreSQL, SQS and S3 (usually 5 s) …", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-devstack-", ignore_cleanup_errors=True) as folder,
        services.postgres(Path(folder) / "postgres") as database_url,
        services.aws(Path(folder)) as endpoint,
    ):
        _create_role(database_url)
        file = out / VARIABLES
        file.write_text(_exports(_variables(database_url, endpoint)), "utf-8")
        print(
            f"ready; in each other shell: . {shlex.quote(str(file))}\nCtrl-C ends it, and all data is lost", flush=True
        )
        while True:
            signal.pause()


def _create_role(database_url: str) -> None:
    """The workers' role, to which `ops setup --grant` grants. Here the owner of the database does everything."""
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {setup.ROLE} LOGIN")
    finally:
        connection.close()


def _variables(database_url: str, endpoint: str) -> Mapping[str, str]:
    """For workers and commands, with the demo's weights."""
    return {
        **services.credentials(endpoint),
        "CVITX_ENV_OVERRIDES": "1",
        "CVITX_DATABASE_URL": database_url,
        **weights.OWN.settings,
    }


def _exports(variables: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


if __name__ == "__main__":
    worker_process.exit_on_signal()
    sys.exit(main())

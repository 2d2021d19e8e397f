"""Real parts for the tests: a PostgreSQL, SQS and S3 over HTTP, started once a session."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg2
import pytest
from hypothesis import HealthCheck, settings
from psycopg2.extras import RealDictCursor

from video_analysis.devstack import provision, services
from video_analysis.tests.support import browser
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

# As backend.configure_environment does: OpenVINO's converter would send telemetry and write to the home folder.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

# `pytest --hypothesis-profile=NAME`. No example is timed: a busy machine is no fault of the code.
for profile, examples in {"fast": 25, "default": 100, "thorough": 400}.items():
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile("default")

TESTS = Path(__file__).parent
KINDS = ("unit", "integration", "e2e", "chaos")
SHARED = PACKAGE_FOLDER.parent / "shared" / "data"


@pytest.hookimpl(tryfirst=True)  # before -m is applied
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its kind, which is its folder."""
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        if kind in KINDS:
            item.add_marker(kind)
        if kind == "chaos":
            item.add_marker("slow")


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cache folder for converted models: one for the whole session, all of pytest-xdist's processes included."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache" / "cvitx"  # as in XDG_CACHE_HOME
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """An installed Chromium."""
    path = browser.installed()
    if path is None:
        pytest.skip("no Chromium installed: apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real footage and weights, where the machine has them."""
    if not SHARED.is_dir():
        pytest.skip(f"no real material at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """SQS and S3 as a process of their own; the environment of this process points at it."""
    with tempfile.TemporaryDirectory(prefix="cvitx-test-") as folder, services.aws(Path(folder)) as endpoint:
        before = dict(os.environ)
        os.environ.update(services.credentials(endpoint))
        yield endpoint
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def sqs(aws_endpoint: str) -> SQSClient:
    return boto3.client("sqs")


@pytest.fixture(scope="session")
def s3(aws_endpoint: str) -> S3Client:
    return boto3.client("s3")


@pytest.fixture
def queue_name() -> str:
    """A name no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(s3: S3Client) -> str:
    """A bucket no other test uses."""
    config = WorkerConfig(s3_bucket=f"cvitx-test-{uuid.uuid4().hex[:12]}")
    provision.bucket(s3, config)
    return config.s3_bucket


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-test-pg-") as folder,
        services.postgres(Path(folder) / "data") as url,
    ):
        yield url


@pytest.fixture(scope="session")
def database_template(postgres_url: str) -> str:
    """A database with the tables in it: the tests get copies, which cost less than the tables."""
    run_sql(postgres_url, "CREATE DATABASE tables")
    provision.tables(url_of(postgres_url, "tables"))
    return "tables"


@pytest.fixture
def database_url(postgres_url: str, database_template: str) -> Iterator[str]:
    """A database of the test's own, with the tables in it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE {database_template}')
    yield url_of(postgres_url, name)
    run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def url_of(postgres_url: str, name: str) -> str:
    """Address of another database on the server."""
    return postgres_url.replace("/postgres?", f"/{name}?") if "?" in postgres_url else f"{postgres_url}/{name}"


def run_sql(url: str, statement: str, *values: object) -> list[dict[str, object]]:
    """Run one statement outside any transaction; its rows, if it has any."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(statement, values or None)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []
    finally:
        connection.close()


@pytest.fixture
def sql(database_url: str) -> Callable[..., list[dict[str, object]]]:
    """`sql(statement, *values)` on the test's own database."""
    return lambda statement, *values: run_sql(database_url, statement, *values)


@pytest.fixture
def server_sql(postgres_url: str) -> Callable[..., list[dict[str, object]]]:
    """`server_sql(statement, *values)` on the server's own database, for tests that need none of the tables."""
    return lambda statement, *values: run_sql(postgres_url, statement, *values)

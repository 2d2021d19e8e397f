"""`ops setup` creates what is missing, changes what differs, and leaves the rest alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from video_analysis.ops import exit_status
from video_analysis.ops.setup import command as setup
from video_analysis.ops.setup import lifecycle
from video_analysis.tests.conftest import run_sql, url_of
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONFIG = WorkerConfig()


@dataclass
class Account:
    """An empty bucket name, queue names and database, as the environment names them."""

    s3: S3Client
    sqs: SQSClient
    bucket: str
    video: str
    snapshot: str
    database_url: str
    capsys: pytest.CaptureFixture[str]

    def setup(self, *arguments: str, status: int = 0) -> str:
        """What the command prints; its error with status 2."""
        assert setup.main(arguments) == status
        found = self.capsys.readouterr()
        return found.err if status == exit_status.ERROR else found.out

    def differences(self, *arguments: str, status: int = 0) -> dict[str, list[str]]:
        """Resource → the properties that differ."""
        lines = [json.loads(line) for line in self.setup(*arguments, "--json", status=status).splitlines()]
        return {line["resource"]: [one["property"] for one in line["differences"]] for line in lines}

    def attributes(self, name: str) -> dict[str, Any]:
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return {str(name): value for name, value in found.items()}

    def sql(self, statement: str) -> list[dict[str, object]]:
        return run_sql(self.database_url, statement)


@pytest.fixture
def account(
    s3: S3Client,
    sqs: SQSClient,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Account]:
    mark = uuid.uuid4().hex[:12]
    run_sql(postgres_url, f"CREATE DATABASE empty_{mark}")
    run_sql(postgres_url, f"CREATE ROLE worker_{mark} LOGIN")
    account = Account(
        s3, sqs, f"cvitx-{mark}", f"video-{mark}", f"snap-{mark}", url_of(postgres_url, f"empty_{mark}"), capsys
    )
    settings = {
        "S3_BUCKET": account.bucket,
        "VIDEO_QUEUE": account.video,
        "SNAPSHOT_QUEUE": account.snapshot,
        "DATABASE_URL": account.database_url,
        "ENV_OVERRIDES": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"CVITX_{name}", value)
    monkeypatch.setattr(setup, "ROLE", f"worker_{mark}")
    yield account
    run_sql(postgres_url, f"DROP DATABASE empty_{mark} WITH (FORCE)")
    run_sql(postgres_url, f"DROP ROLE worker_{mark}")


def test_an_empty_account_gets_everything_and_the_second_time_nothing_differs(account: Account) -> None:
    dry = account.setup("--dry-run", status=1)
    assert "differs  bucket" in dry
    assert "differs  grants" in dry
    assert account.sql("SELECT to_regclass('videos')::text AS found") == [{"found": None}]
    assert account.bucket not in [one["Name"] for one in account.s3.list_buckets()["Buckets"]]

    account.setup("--grant")

    place = account.s3.get_bucket_location(Bucket=account.bucket)["LocationConstraint"]
    assert place == CONFIG.region
    for name in (account.video, account.snapshot):
        found = account.attributes(name)
        assert found["VisibilityTimeout"] == "300"
        assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(f":{name}-dlq")
        assert account.attributes(f"{name}-dlq")["MessageRetentionPeriod"] == "1209600"
    assert all(not named for named in account.differences("--dry-run").values())


def test_what_differs_is_named_and_changed(account: Account) -> None:
    account.setup("--grant")
    url = account.sqs.get_queue_url(QueueName=account.video)["QueueUrl"]
    account.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    account.s3.delete_public_access_block(Bucket=account.bucket)
    account.sql("ALTER TABLE image_analyses DROP COLUMN error_code CASCADE")

    dry = account.setup("--dry-run", status=1)
    assert "VisibilityTimeout: found 30 s, needed 300 s" in dry
    assert "public access block: found no BlockPublicAcls, " in dry
    assert "image_analyses.error_code: found none, needed text" in dry
    assert account.attributes(account.video)["VisibilityTimeout"] == "30"

    account.setup("--grant")
    assert account.attributes(account.video)["VisibilityTimeout"] == "300"
    assert all(not named for named in account.differences("--dry-run").values())


def test_a_queue_without_a_redrive_policy_gets_one(account: Account) -> None:
    account.setup("--only", "queues")
    url = account.sqs.get_queue_url(QueueName=account.snapshot)["QueueUrl"]
    account.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    dry = account.setup("--dry-run", "--only", "queues", status=1)
    assert f"RedrivePolicy: found none, needed {account.snapshot}-dlq after 5 receives" in dry
    account.setup("--only", "queues")
    assert json.loads(account.attributes(account.snapshot)["RedrivePolicy"])["maxReceiveCount"] == 5


def test_other_lifecycle_rules_are_kept(account: Account) -> None:
    account.setup("--only", "bucket")
    own: Any = {"ID": "own", "Status": "Enabled", "Expiration": {"Days": 1}, "Filter": {"Prefix": "tmp/"}}
    account.s3.put_bucket_lifecycle_configuration(Bucket=account.bucket, LifecycleConfiguration={"Rules": [own]})
    account.setup("--only", "bucket")
    rules = account.s3.get_bucket_lifecycle_configuration(Bucket=account.bucket)["Rules"]
    assert [rule["ID"] for rule in rules] == ["own", *lifecycle.LIFECYCLE]


def test_a_bucket_in_another_region_is_refused_with_the_remedy(account: Account) -> None:
    place: Any = {"LocationConstraint": "eu-west-1"}
    elsewhere = boto3.client("s3", region_name="eu-west-1")
    elsewhere.create_bucket(Bucket=account.bucket, CreateBucketConfiguration=place)
    refused = account.setup("--only", "bucket", status=2)
    assert "is in eu-west-1, CVITX_REGION is ap-southeast-2; set CVITX_REGION=eu-west-1" in refused


def test_grants_are_printed_and_only_applied_on_request(account: Account) -> None:
    printed = account.setup("--only", "tables", "--only", "grants", status=1)
    assert f"GRANT SELECT, UPDATE ON videos TO {setup.ROLE};" in printed
    assert f"GRANT SELECT, INSERT ON stage_checkpoints TO {setup.ROLE};" in printed
    statements = [line.strip() for line in printed.splitlines() if "GRANT" in line]
    assert account.setup("--only", "grants", status=1) == printed[printed.index("differs  grants") :]
    assert len(statements) == 6
    assert account.setup("--only", "grants", "--grant").startswith("changed")
    assert account.setup("--only", "grants").startswith("ok")


def test_a_missing_role_is_named_with_the_statement(account: Account) -> None:
    refused = account.setup("--only", "grants", "--role", "no_such_role", status=2)
    assert "CREATE ROLE no_such_role LOGIN" in refused


def test_tables_of_another_program_are_listed_and_nothing_is_changed(account: Account) -> None:
    account.sql("CREATE TABLE image_analyses (image_id int NOT NULL)")
    refused = account.setup("--only", "tables", status=2)
    assert "image_analyses.video_id: found nothing, needed uuid" in refused
    assert account.sql("SELECT to_regclass('video_runs')::text AS found") == [{"found": None}]


def test_the_rules_are_those_of_the_page() -> None:
    text = (PACKAGE_FOLDER / "docs" / "aws.md").read_text("utf-8")
    rules = json.loads(text[text.index("--lifecycle-configuration '") :].split("'")[1])["Rules"]
    found = {rule["ID"]: {key: rule[key] for key in rule if key not in ("ID", "Status")} for rule in rules}
    assert found == lifecycle.LIFECYCLE

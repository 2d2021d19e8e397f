"""`ops doctor` names each planted fault with its remedy, and says what it could not check."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from video_analysis.ops.doctor import aws_checks
from video_analysis.ops.doctor import command as doctor
from video_analysis.ops.setup import command as setup
from video_analysis.tests.support import doc_examples, iam
from video_analysis.tests.support.iam import Role
from video_analysis.worker_config import PACKAGE_FOLDER

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

POLICIES = dict(zip(("yolo_worker", "main_worker"), doc_examples.documents("Version"), strict=False))
Findings = Mapping[str, Mapping[str, Any]]
SETTINGS = ("CVITX_S3_BUCKET", "CVITX_VIDEO_QUEUE", "CVITX_SNAPSHOT_QUEUE", "CVITX_ENV_OVERRIDES")
BUNDLES = PACKAGE_FOLDER / "yolo_worker" / "bundle", PACKAGE_FOLDER / "main_worker" / "bundle"


@dataclass
class Site:
    """A bucket and queues by `ops setup`, and a database with the tables, as the environment names them."""

    sqs: SQSClient
    bucket: str
    video: str
    snapshot: str
    database_url: str
    sql: Callable[..., list[dict[str, object]]]
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def doctor(self, *parts: str, status: int) -> Findings:
        """The findings by the names of the checks."""
        chosen = [argument for part in parts for argument in ("--only", part)]
        assert doctor.main([*chosen, "--json"]) == status
        found = [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]
        return {one["check"]: one for one in found}

    def faults(self, *parts: str) -> Findings:
        """The faults alone."""
        found = self.doctor(*parts, status=1)
        return {name: one for name, one in found.items() if one["state"] == "fault"}

    def repair(self, part: str) -> None:
        """Run the remedy, after which doctor finds no fault."""
        assert setup.main(["--only", part]) == 0
        self.capsys.readouterr()
        self.doctor("aws", status=0)

    def set(self, name: str, value: str) -> None:
        self.monkeypatch.setenv(f"CVITX_{name}", value)

    def url(self, name: str) -> str:
        return self.sqs.get_queue_url(QueueName=name)["QueueUrl"]


@pytest.fixture(scope="module")
def names(aws_endpoint: str) -> tuple[str, str, str]:
    """A bucket and two queues by `ops setup`. A test that changes them ends with `setup`, which is its remedy."""
    mark = uuid.uuid4().hex[:12]
    names = f"cvitx-{mark}", f"video-{mark}", f"snap-{mark}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(SETTINGS, (*names, "1"), strict=True):
            patch.setenv(name, value)
        assert setup.main(["--only", "bucket", "--only", "queues"]) == 0
    return names


@pytest.fixture
def site(
    names: tuple[str, str, str],
    sqs: SQSClient,
    database_url: str,
    sql: Callable[..., list[dict[str, object]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Site:
    for name, value in zip(SETTINGS, (*names, "1"), strict=True):
        monkeypatch.setenv(name, value)
    site = Site(sqs, *names, database_url, sql, monkeypatch, capsys)
    site.set("DATABASE_URL", database_url)
    capsys.readouterr()
    return site


def test_an_account_by_setup_has_no_fault(site: Site) -> None:
    found = site.doctor("aws", "permissions", "database", "host", status=0)
    assert {one["state"] for name, one in found.items() if not name.startswith("unit ")} == {"ok"}
    assert len(found) > 25
    for name in (site.video, site.snapshot):
        attributes = site.sqs.get_queue_attributes(QueueUrl=site.url(name), AttributeNames=["All"])["Attributes"]
        assert attributes["ApproximateNumberOfMessages"] == "0", "no probe may send a message"


def test_a_queue_without_a_redrive_policy(site: Site) -> None:
    site.sqs.set_queue_attributes(QueueUrl=site.url(site.video), Attributes={"RedrivePolicy": ""})
    ((name, found),) = site.faults("aws").items()
    assert name == f"queue {site.video} attributes"
    assert found["text"] == f"RedrivePolicy: found none, needed {site.video}-dlq after 5 receives"
    assert found["fix"] == "run `ops setup --only queues`"
    site.repair("queues")


def test_a_bucket_in_another_region(site: Site) -> None:
    other = f"cvitx-{uuid.uuid4().hex[:12]}"
    place: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3", region_name="eu-west-1").create_bucket(Bucket=other, CreateBucketConfiguration=place)
    site.set("S3_BUCKET", other)
    found = site.faults("aws", "permissions")
    assert list(found) == ["bucket region"]
    assert found["bucket region"]["text"].endswith("CVITX_REGION is ap-southeast-2")
    assert found["bucket region"]["fix"].startswith("set CVITX_REGION=eu-west-1, or CVITX_S3_BUCKET")


def test_a_missing_bucket_and_a_missing_queue(site: Site) -> None:
    site.set("S3_BUCKET", "there-is-no-such-bucket")
    site.set("SNAPSHOT_QUEUE", "there-is-no-such-queue")
    found = site.doctor("aws", "permissions", status=1)
    assert "`ops setup --only bucket`" in found["bucket region"]["fix"]
    assert "`ops setup --only queues`" in found["queue there-is-no-such-queue"]["fix"]
    assert found["yolo_worker s3:PutObject snapshots/*"]["text"] == "needs `bucket region`"
    assert found["yolo_worker sqs:SendMessage"]["state"] == "not checked"


def test_a_bucket_without_encryption_or_block_of_public_access(site: Site) -> None:
    s3 = boto3.client("s3")
    s3.delete_bucket_encryption(Bucket=site.bucket)
    s3.delete_public_access_block(Bucket=site.bucket)
    found = site.faults("aws")
    assert {name: one["fix"] for name, one in found.items()} == dict.fromkeys(
        ("bucket encryption", "bucket public access"), "run `ops setup --only bucket`"
    )
    site.repair("bucket")


def test_a_missing_table(site: Site) -> None:
    site.sql("DROP TABLE image_analysis_results CASCADE")
    ((name, found),) = site.faults("database").items()
    assert name == "database main_worker"
    assert '"image_analysis_results" does not exist' in found["text"]
    assert found["fix"] == "run `ops setup --only tables`"


def test_tables_of_an_older_release(site: Site) -> None:
    site.sql("DROP VIEW analysis_progress, current_image_analyses")
    site.sql("ALTER TABLE image_analyses DROP COLUMN error_code, DROP COLUMN attempt_state")
    site.sql("DROP TABLE video_runs")
    found = site.doctor("database", status=1)
    for worker in ("yolo_worker", "main_worker"):
        assert "the database lacks image_analyses." in found[f"database {worker}"]["text"]
        assert found[f"database {worker}"]["fix"] == "run `ops setup --only tables`"
    assert found["database video_runs"]["state"] == "optional"
    assert "no progress" in found["database video_runs"]["text"]


def test_a_database_that_is_down(site: Site) -> None:
    site.set("DATABASE_URL", "postgresql://cvitx:secret@127.0.0.1:1/cvitx")
    found = site.doctor("database", status=1)
    assert "Connection refused" in found["database connection"]["text"]
    assert "secret" not in found["database connection"]["text"]
    assert "CVITX_DATABASE_URL" in found["database connection"]["fix"]
    assert found["database main_worker"]["text"] == "needs `database connection`"


@pytest.mark.parametrize(
    ("worker", "action", "statement"),
    [
        ("yolo_worker", "s3:PutObject", "WriteSnapshots"),
        ("yolo_worker", "s3:GetObject", "ReadRawVideos"),
        ("yolo_worker", "sqs:SendMessage", "AnnounceSnapshots"),
        ("main_worker", "sqs:ReceiveMessage", "TakeSnapshotTasks"),
        ("main_worker", "sqs:DeleteMessage", "TakeSnapshotTasks"),
        ("main_worker", "sqs:ChangeMessageVisibility", "TakeSnapshotTasks"),
    ],
)
def test_a_missing_permission_names_its_statement(worker: str, action: str, statement: str, site: Site) -> None:
    role = role_of(site, worker, without=action)
    site.monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    faults = {name: one for name, one in site.faults("permissions").items() if name.startswith(worker)}
    ((name, found),) = faults.items()
    assert action in name
    assert found["fix"] == f"add the statement {statement} of docs/aws.md to the policy of {worker}"


def test_a_worker_s_role_may_not_read_everything_and_that_is_no_fault(site: Site) -> None:
    role = role_of(site, "yolo_worker")
    role.statements = [*role.statements, *role_of(site, "main_worker").statements]
    site.monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    found = site.doctor("aws", "permissions", status=0)
    assert found["bucket encryption"]["text"] == "s3:GetEncryptionConfiguration"
    assert found[f"queue {site.video}"]["text"] == "sqs:GetQueueUrl"
    assert found["yolo_worker s3 runs/*"]["state"] == "optional"
    assert {one["state"] for name, one in found.items() if "_worker sqs" in name or "snapshots" in name} == {"ok"}


def test_the_model_store_is_read_with_the_statement_of_its_page(site: Site, s3: S3Client) -> None:
    store, check = f"{site.bucket}-models", "both workers s3:GetObject model store"
    s3.create_bucket(Bucket=store, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-2"})
    assert check not in site.doctor("permissions", status=0)
    site.set("MODEL_STORE", f"s3://{store}/v1")
    (found,) = site.faults("permissions").values()
    assert found["fix"] == "correct CVITX_MODEL_STORE or its manifest"
    s3.put_object(Bucket=store, Key="v1/manifest.json", Body=b'{"main.pt": {}, "cmt.pt": {}}')
    assert site.doctor("permissions", status=0)[check]["text"] == "ReadModels; the manifest lists cmt.pt, main.pt"
    role = role_of(site, "yolo_worker")
    site.monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    fault = site.faults("permissions")[check]
    assert fault["text"].endswith("grant it to the role in use")
    assert fault["fix"] == "add the statement ReadModels of docs/models.md to the policy of both workers"
    reads = f"arn:aws:s3:::{store}/v1/*"
    statement = {"Sid": "ReadModels", "Effect": "Allow", "Action": "s3:GetObject", "Resource": reads}
    role.statements = [*role.statements, statement]
    assert site.doctor("permissions", status=1)[check]["state"] == "ok"


def role_of(site: Site, worker: str, without: str | None = None) -> Role:
    """The role of the page, on the names of this test."""
    text = json.dumps(POLICIES[worker]["Statement"])
    names = {"cvitx-uploads-dev-jdfirme": site.bucket, "cvitx-video-tasks": site.video}
    for documented, own in (names | {"cvitx-snapshot-tasks": site.snapshot}).items():
        text = text.replace(documented, own)
    statements = json.loads(text)
    return Role(iam.without(statements, without) if without else statements)


def test_a_clock_that_is_wrong(site: Site) -> None:
    present = aws_checks.now
    site.monkeypatch.setattr(aws_checks, "now", lambda: present() - 600)
    ((name, found),) = site.faults("aws").items()
    assert name == "clock"
    assert found["text"] in (f"this host is {seconds} s behind AWS" for seconds in range(598, 602))
    assert "timedatectl" in found["fix"]


def test_dead_letters(site: Site) -> None:
    site.sqs.send_message(QueueUrl=site.url(f"{site.video}-dlq"), MessageBody="{}")
    ((name, found),) = site.faults("aws").items()
    assert (name, found["text"]) == (f"dead letters {site.video}-dlq", "1 message")
    assert "`ops dlq list`" in found["fix"]
    site.sqs.purge_queue(QueueUrl=site.url(f"{site.video}-dlq"))


@pytest.mark.slow
def test_missing_weights_and_a_wrong_checkpoint(site: Site, model_cache: Path, tmp_path: Path) -> None:
    site.set("CACHE_DIR", str(model_cache))
    site.set("DEVICE", "torch")  # nothing has to be converted first
    site.set("YOLO_WEIGHTS", str(tmp_path / "absent.pt"))
    site.set("MAIN_CHECKPOINT", str(BUNDLES[0] / "appearance.pt"))
    found = site.doctor("models", status=1)
    assert found["detector"]["text"] == f"{tmp_path / 'absent.pt'}: not found"
    assert "CVITX_YOLO_WEIGHTS" in found["detector"]["fix"]
    assert str(BUNDLES[0] / "appearance.pt") in found["main model"]["text"]
    assert "export the model again" in found["main model"]["fix"]
    assert found["device"]["state"] == "ok"


def test_a_wrong_setting_is_the_only_finding(site: Site) -> None:
    site.set("REGON", "eu-west-1")
    found = site.doctor(status=1)
    assert list(found) == ["settings"]
    assert "CVITX_REGION" in found["settings"]["text"] + str(found["settings"]["fix"])


def test_an_unknown_profile_is_a_fault_and_the_other_parts_are_checked(site: Site) -> None:
    site.monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    found = site.doctor("aws", "database", status=1)
    assert "no-such-profile" in found["aws"]["text"]
    assert "AWS_PROFILE" in found["aws"]["fix"]
    assert found["database connection"]["state"] == "ok"


SYSTEMCTL = """#!/bin/sh
case "$2" in
cvitx-yolo-video)
    printf 'LoadState=loaded\\nActiveState=%s\\nSubState=%s\\nNRestarts=7\\nExecMainStatus=78\\n' {state} ;;
*) printf 'LoadState=not-found\\n'; exit 0 ;;
esac
printf 'EnvironmentFiles=%s (ignore_errors=yes)\\n' '{file}'
"""


@pytest.mark.parametrize(
    ("state", "fix"),
    [
        ("active running", None),
        ("activating auto-restart", "`journalctl -u cvitx-yolo-video -n 20 -o cat` names the cause"),
        ("inactive dead", "`sudo systemctl enable --now cvitx-yolo-video`"),
        ("failed failed", "`journalctl -u cvitx-yolo-video -n 20 -o cat` names the cause"),
    ],
)
def test_units(state: str, fix: str | None, site: Site, tmp_path: Path) -> None:
    found = with_systemctl(site, tmp_path, state, "CVITX_ENV_OVERRIDES=1\nCVITX_REGION='eu-west-1'\n", bool(fix))
    assert found["unit cvitx-yolo-video"]["fix"] == fix
    assert "7 restarts" in found["unit cvitx-yolo-video"]["text"]
    assert found["unit cvitx-yolo-video environment"]["text"] == "2 settings"
    assert found["unit cvitx-main-model"]["text"] == "this host has no such unit"


def test_an_environment_file_that_stops_the_worker(site: Site, tmp_path: Path) -> None:
    content = "# the API's\nCVITX_ENV_OVERRIDES=1\nCVITX_HEARTBEAT_S=200\n"
    found = with_systemctl(site, tmp_path, "active running", content, faulty=True)
    assert found["unit cvitx-yolo-video environment"]["text"].startswith("CVITX_HEARTBEAT_S=200: must be at most half")


def with_systemctl(site: Site, folder: Path, state: str, content: str, faulty: bool) -> Findings:
    """The findings about the host while systemctl reports this state and this environment file."""
    file, program = folder / ".env", folder / "systemctl"
    file.write_text(content)
    program.write_text(SYSTEMCTL.format(state=state, file=file))
    program.chmod(0o755)
    site.monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return site.doctor("host", status=int(faulty))


def test_an_environment_file_is_read_first(site: Site, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('; a comment\n\nCVITX_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"\n')
    before = dict(os.environ)
    try:
        assert doctor.main(["--only", "database", "--env-file", str(file)]) == 1
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert "database connection: database cannot be reached" in site.capsys.readouterr().out
    assert doctor.main(["--env-file", str(tmp_path / "absent")]) == 2
    assert "absent: No such file" in site.capsys.readouterr().err

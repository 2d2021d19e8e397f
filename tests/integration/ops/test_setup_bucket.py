"""`ops setup` and `ops doctor` on a bucket with rules of its own, or of another account."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from video_analysis.ops.doctor import command as doctor
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup import command as setup
from video_analysis.ops.setup import lifecycle
from video_analysis.ops.setup.bucket import Bucket
from video_analysis.ops.setup.difference import Difference
from video_analysis.tests.support import iam
from video_analysis.tests.support.iam import Role

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def name(s3: S3Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """A bucket by `ops setup`."""
    name = f"cvitx-{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("CVITX_ENV_OVERRIDES", "1")
    monkeypatch.setenv("CVITX_S3_BUCKET", name)
    assert setup.main(["--only", "bucket"]) == 0
    capsys.readouterr()
    return name


def changed(rule: str, **properties: Any) -> list[dict[str, Any]]:
    """The rules of setup, of which one is changed."""
    rules = [dict(one) for one in lifecycle.with_missing([])]
    return [one | properties if one["ID"] == rule else one for one in rules]


def lifecycle_finding(capsys: pytest.CaptureFixture[str], status: int) -> dict[str, Any]:
    doctor.main(["--only", "aws", "--json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (one,) = [one for one in found if one["check"] == "bucket lifecycle"]
    assert (one["state"] == "fault") == bool(status)
    return one  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("rule", "properties", "named"),
    [
        ("snapshots", {"Status": "Disabled"}, "status of lifecycle rule snapshots: found Disabled, needed Enabled"),
        (
            "snapshots",
            {"Filter": {"Prefix": "demo_user/"}},
            "size of lifecycle rule snapshots: found any, needed below",
        ),
        ("snapshots", {"Expiration": {"Days": 1}}, "days of lifecycle rule snapshots: found 1, needed 365"),
        ("checkpoints", {"Filter": {"Prefix": ""}}, "prefix of lifecycle rule checkpoints: found '', needed 'runs/'"),
        ("broken-uploads", {"Expiration": {"Days": 9}}, "other actions of lifecycle rule broken-uploads: found Expir"),
    ],
)
def test_a_rule_that_is_wrong_is_a_fault_and_is_not_changed(
    rule: str, properties: dict[str, Any], named: str, name: str, s3: S3Client, capsys: pytest.CaptureFixture[str]
) -> None:
    rules: Any = {"Rules": changed(rule, **properties)}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=rules)
    before = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    found = lifecycle_finding(capsys, 1)
    assert found["text"].startswith(named)
    assert found["fix"] == lifecycle.REMEDY
    for arguments in (["--only", "bucket", "--dry-run"], ["--only", "bucket"]):
        assert setup.main(arguments) == 1
        printed = capsys.readouterr().out
        assert printed.startswith(f"differs  bucket {name}\n         {named}")
        assert lifecycle.REMEDY in printed
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == before


@pytest.mark.parametrize(("rule", "days"), [("snapshots", 180), ("checkpoints", 3)])
def test_a_number_of_days_that_works_is_the_operator_s_choice(
    rule: str, days: int, name: str, s3: S3Client, capsys: pytest.CaptureFixture[str]
) -> None:
    rules: Any = {"Rules": changed(rule, Expiration={"Days": days})}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=rules)
    found = lifecycle_finding(capsys, 0)
    assert (found["state"], found["fix"]) == ("optional", lifecycle.CHOICE)
    assert setup.main(["--only", "bucket", "--dry-run"]) == 0
    assert f"days of lifecycle rule {rule}: found {days}, needed " in capsys.readouterr().out


def test_what_setup_can_change_is_changed_beside_a_rule_that_it_leaves(
    name: str, s3: S3Client, capsys: pytest.CaptureFixture[str]
) -> None:
    rules: Any = {"Rules": changed("snapshots", Status="Disabled")[:1]}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=rules)
    assert setup.main(["--only", "bucket", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["differences"]
    assert {one["property"]: one["applied"] for one in found} == {
        "status of lifecycle rule snapshots": False,
        "lifecycle rule checkpoints": True,
        "lifecycle rule broken-uploads": True,
    }
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 3


def test_the_old_form_of_a_prefix_is_the_same() -> None:
    old = [{key: value for key, value in rule.items() if key != "Filter"} for rule in lifecycle.with_missing([])]
    for rule in old[1:]:
        rule["Prefix"] = lifecycle.LIFECYCLE[str(rule["ID"])]["Filter"]["Prefix"]
    found = lifecycle.differences(old)
    assert {one.property.rpartition(" ")[2] for one in found} == {"snapshots"}


def test_a_denied_bucket_may_be_that_of_another_account(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(boto3, "Session", iam.session_of(Role([])))
    assert setup.main(["--only", "bucket"]) == 2
    found = capsys.readouterr().err
    assert "grant it to your user or role; or the bucket belongs to another account" in found
    assert "set CVITX_S3_BUCKET to one that is free" in found
    doctor.main(["--only", "aws", "--json"])
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (region,) = [one for one in printed if one["check"] == "bucket region"]
    assert region["state"] == "not checked"
    assert "belongs to another account" in region["text"]


def test_a_bucket_that_another_account_creates_first_is_named(s3: S3Client) -> None:
    name = f"cvitx-{uuid.uuid4().hex[:12]}"
    other = boto3.client("s3")
    other.meta.events.register(
        "before-send.s3.*", lambda request, **_: request.headers.update({"x-moto-account-id": "999999999999"})
    )
    place: Any = {"LocationConstraint": "ap-southeast-2"}
    other.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    with pytest.raises(CommandError, match="belongs to another account; names are global"):
        Bucket(s3, name, "ap-southeast-2").apply([Difference("bucket", "none", "ap-southeast-2")])

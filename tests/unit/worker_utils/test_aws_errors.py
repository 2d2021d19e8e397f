"""Error codes of S3, SQS and KMS: which are the fault of one object, and which affect every call."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from botocore.exceptions import ClientError

from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.aws.errors import (
    CAUSES,
    Cause,
    Denied,
    NoSuchQueue,
    cause_of,
    denied_action,
    error_code,
    expect_refusal,
    map_aws_error,
    needs_customer_key,
)
from video_analysis.worker_utils.errors import EnvironmentFault, ErrorCode, Transient, WorkerError

SECTION = (PACKAGE_FOLDER / "docs" / "aws.md").read_text("utf-8").split("## Error codes of AWS")[1].split("\n## ")[0]
KMS_DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/cvitx/i-1 is not authorized to perform: kms:GenerateDataKey on "
    "resource: arn:aws:kms:ap-southeast-2:123456789012:key/k because no identity-based policy allows it"
)
SSE_C = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve "
    "the object."
)


def response(code: str, status: int = 400, message: str = "why") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        ("NoSuchKey", 404, "object"),
        ("", 404, "object"),
        ("InvalidObjectState", 403, "archived"),
        ("InvalidRequest", 400, "customer_key"),
        ("KeyTooLongError", 400, "key_too_long"),
        ("NoSuchBucket", 404, "bucket"),
        ("", 301, "bucket"),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, "queue"),
        ("InvalidAccessKeyId", 403, "credentials"),
        ("ExpiredToken", 400, "credentials"),
        ("AccessDenied", 403, "denied"),
        ("", 403, "denied"),
        ("KMS.AccessDeniedException", 400, "denied"),
        ("KmsAccessDenied", 400, "denied"),
        ("KMS.DisabledException", 400, "kms"),
        ("KMS.NotFoundException", 400, "kms"),
        ("KMS.KMSInvalidStateException", 400, "kms"),
        ("KmsDisabled", 400, "kms"),
        ("KMS.ThrottlingException", 400, "later"),
        ("KmsThrottled", 400, "later"),
        ("SlowDown", 503, "later"),
        ("ThrottlingException", 403, "later"),
        ("", 429, "later"),
        ("SomethingNew", 500, "later"),
        ("SomethingNew", 400, "unknown"),
        ("MissingParameter", 400, "unknown"),
    ],
)
def test_each_code_has_its_cause(code: str, status: int, cause: Cause) -> None:
    assert cause_of(response(code, status)) == cause


@pytest.mark.parametrize(
    ("code", "message", "failure", "stored", "named"),
    [
        ("ExpiredToken", "", EnvironmentFault, "credentials_refused", "credentials"),
        ("NonExistentQueue", "", NoSuchQueue, "no_queue", "there is no queue s3://b/k"),
        ("SlowDown", "", Transient, "aws_unavailable", "s3:PutObject"),
        ("AccessDenied", "", Denied, "permission_denied", "s3:PutObject on s3://b/k is denied"),
        ("AccessDenied", KMS_DENIED, Denied, "permission_denied", "grant kms:GenerateDataKey on its KMS key"),
        ("KmsAccessDenied", "", Denied, "permission_denied", "kms:GenerateDataKey or kms:Decrypt"),
        ("KMS.DisabledException", "", EnvironmentFault, "kms_key_unusable", "its KMS key cannot be used"),
        ("NoSuchKey", "", EnvironmentFault, "aws_refused", "is refused"),
        ("SomethingNew", "", EnvironmentFault, "aws_refused", "is refused"),
    ],
)
def test_each_cause_is_a_failure_that_names_the_permission_or_the_remedy(
    code: str, message: str, failure: type[WorkerError], stored: ErrorCode, named: str
) -> None:
    found = map_aws_error(response(code, message=message), "s3:PutObject", "s3://b/k")
    assert (type(found), found.code) == (failure, stored)
    assert named in str(found)


def test_codes_keep_the_prefix_of_kms_and_lose_that_of_sqs() -> None:
    assert error_code(response("KMS.NotFoundException")) == "KMS.NotFoundException"
    assert error_code(response("AWS.SimpleQueueService.NonExistentQueue")) == "NonExistentQueue"


def test_a_denial_names_its_action_if_the_text_does() -> None:
    assert denied_action(response("AccessDenied", message=KMS_DENIED)) == "kms:GenerateDataKey"
    assert denied_action(response("AccessDenied", message="Access Denied")) is None


@pytest.mark.parametrize(
    ("code", "message", "needed"),
    [
        ("InvalidRequest", SSE_C, True),
        ("InvalidRequest", "Requests must use AWS4-HMAC-SHA256", False),
        ("AccessDenied", SSE_C, False),
    ],
)
def test_the_text_of_an_invalid_request_shows_whether_the_object_needs_a_customer_key(
    code: str, message: str, needed: bool
) -> None:
    assert needs_customer_key(response(code, message=message)) == needed


def test_a_call_that_is_meant_to_be_refused_raises_faults_of_access_alone() -> None:
    refused_by(response("BadDigest"))
    with pytest.raises(Denied):
        refused_by(response("AccessDenied", 403))
    with pytest.raises(Transient):
        refused_by(response("SlowDown", 503))


def test_the_refusal_of_the_valid_call_is_not_the_expected_one() -> None:
    refusal = map_aws_error(response("SomethingNew"), "s3:PutObject", "s3://b/k")
    refused_by(response("BadDigest"), str(refusal))
    with pytest.raises(EnvironmentFault, match="SomethingNew"):
        refused_by(response("SomethingNew"), str(refusal))


def refused_by(answer: ClientError, last_refusal: str = "") -> None:
    """A probe with this answer."""
    with expect_refusal(last_refusal):
        raise map_aws_error(answer, "s3:PutObject", "s3://b/k")


def test_the_documentation_shows_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", SECTION, re.MULTILINE)
    shown = {code: cause for cause, codes in rows for code in re.findall(r"`([\w.]+)`", codes)}
    assert shown == dict(CAUSES)
    assert {cause for cause, _ in rows} == set(get_args(Cause))

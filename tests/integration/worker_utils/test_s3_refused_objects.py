"""Objects that cannot be read for a reason of their own: KMS, archives, customer keys; and the probe after them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse

from video_analysis.tests.support.faulty_s3 import client, error_document, on_call, reading
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.errors import EnvironmentFault, ErrorCode, MissingObject, Permanent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "demo_user/workspace/video/raw/clip.mp4"
SSE_C = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided."
KMS_REFUSALS: list[tuple[str, str, ErrorCode, str]] = [
    ("KMS.DisabledException", "arn:aws:kms:… is disabled", "kms_key_unusable", "enable the key"),
    ("KMS.NotFoundException", "", "kms_key_unusable", "enable the key"),
    ("AccessDenied", "not authorized to perform: kms:Decrypt on resource: …", "permission_denied", "grant kms:Decrypt"),
    ("KMS.AccessDeniedException", "", "permission_denied", "grant kms:Decrypt"),
]


@pytest.fixture
def own_client(aws_endpoint: str) -> S3Client:
    return client(aws_endpoint)


@pytest.fixture
def refused(s3: S3Client, own_client: S3Client, bucket: str) -> Refused:
    """The objects a, b, c and `good`; none is refused yet."""
    for key in ("a", "b", "c", "good"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    made = Refused()
    on_call(own_client, "GetObject", made)
    return made


@dataclass
class Refused:
    """Refuses reads of these keys with an error of KMS."""

    keys: set[str] = field(default_factory=set)
    code: str = "KMS.DisabledException"
    message: str = ""

    def __call__(self, request: Any) -> AWSResponse | None:
        key = request.url.rsplit("/", 1)[-1]
        return error_document(request, 400, self.code, self.message) if key in self.keys else None


@pytest.mark.parametrize(("code", "message", "stored", "remedy"), KMS_REFUSALS)
def test_a_read_that_the_kms_key_refuses_is_the_fault_of_its_object_and_names_the_remedy(
    own_client: S3Client, bucket: str, refused: Refused, code: str, message: str, stored: ErrorCode, remedy: str
) -> None:
    store = ObjectStore(own_client, bucket)
    refused.keys, refused.code, refused.message = {"a"}, code, message
    with pytest.raises(MissingObject, match=f"s3://{bucket}/a.*{remedy}") as failure:
        store.fetch_bytes("a", 10)
    assert (failure.value.code, failure.value.key) == (stored, "a")
    store.probe_read("absent")


def read_all(store: ObjectStore, *keys: str) -> None:
    """Read objects, each of which is refused."""
    for key in keys:
        with pytest.raises(MissingObject):
            store.fetch_bytes(key, 10)


def refuse_three(store: ObjectStore, refused: Refused) -> None:
    """Let KMS refuse three objects, and read them."""
    refused.keys = {"a", "b", "c"}
    read_all(store, "a", "b", "c")


def test_a_kms_key_that_refuses_three_objects_in_a_row_pauses_until_one_can_be_read(
    own_client: S3Client, bucket: str, refused: Refused
) -> None:
    store = ObjectStore(own_client, bucket)
    refused.keys = {"a", "b", "c"}
    read_all(store, "a", "a", "a", "b")
    store.probe_read("absent")
    read_all(store, "c")
    for _ in range(2):
        with pytest.raises(EnvironmentFault, match="KMS key") as fault:
            store.probe_read("absent")
        assert fault.value.code == "kms_key_unusable"
    refused.keys = {"a", "b"}
    store.probe_read("absent")


def test_kms_keys_of_some_objects_pause_nothing_while_the_last_object_that_was_read_is_readable(
    s3: S3Client, own_client: S3Client, bucket: str, refused: Refused
) -> None:
    store = ObjectStore(own_client, bucket)
    store.fetch_bytes("good", 10)
    refuse_three(store, refused)
    store.probe_read("absent")
    refused.keys = {"a", "b", "c", "good"}
    read_all(store, "a", "b", "c")
    with pytest.raises(EnvironmentFault, match="/good"):
        store.probe_read("absent")


def test_a_probe_whose_object_was_deleted_reads_the_object_that_was_refused_last(
    s3: S3Client, own_client: S3Client, bucket: str, refused: Refused
) -> None:
    store = ObjectStore(own_client, bucket)
    store.fetch_bytes("good", 10)
    refuse_three(store, refused)
    s3.delete_object(Bucket=bucket, Key="good")
    for _ in range(2):
        with pytest.raises(EnvironmentFault, match="/c"):
            store.probe_read("absent")
    s3.delete_object(Bucket=bucket, Key="c")
    refused.keys = {"a", "b"}
    store.probe_read("absent")


def test_a_probe_whose_denied_object_was_deleted_reads_the_object_that_kms_refused_last(
    s3: S3Client, own_client: S3Client, bucket: str, refused: Refused
) -> None:
    store = ObjectStore(own_client, bucket)
    refuse_three(store, refused)
    refused.keys, refused.code = {"good"}, "SomethingNew"
    with pytest.raises(EnvironmentFault, match="/good"):
        store.fetch_bytes("good", 10)
    s3.delete_object(Bucket=bucket, Key="good")
    refused.keys, refused.code = {"a", "b", "c"}, "KMS.DisabledException"
    with pytest.raises(EnvironmentFault, match="/c"):
        store.probe_read("absent")


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
@pytest.mark.parametrize("read", ["fetch", "fetch_bytes"])
def test_an_archived_object_is_refused_until_it_is_restored(
    s3: S3Client, bucket: str, tmp_path: Path, storage_class: Any, read: str
) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"x", StorageClass=storage_class)
    store = ObjectStore(s3, bucket, tmp_path)
    with pytest.raises(Permanent, match=rf"s3://{bucket}/{KEY} is archived .*restore the object, then send") as failure:
        reading(store, read, KEY)
    assert failure.value.code == "object_archived"
    store.probe_read("absent")
    s3.restore_object(Bucket=bucket, Key=KEY, RestoreRequest={"Days": 1})
    assert store.fetch_bytes(KEY, 10)[0] == b"x"


@pytest.mark.parametrize("read", ["fetch", "fetch_bytes"])
def test_an_object_that_needs_a_customer_key_is_refused(
    own_client: S3Client, bucket: str, refused: Refused, tmp_path: Path, read: str
) -> None:
    refused.keys, refused.code, refused.message = {"a"}, "InvalidRequest", SSE_C
    store = ObjectStore(own_client, bucket, tmp_path)
    with pytest.raises(Permanent, match=r"/a is encrypted with a customer key, SSE-C .*SSE-S3 or SSE-KMS") as failure:
        reading(store, read, "a")
    assert failure.value.code == "unsupported_encryption"
    store.probe_read("absent")


@pytest.mark.parametrize(
    ("code", "message"), [("InvalidRequest", "Requests must use AWS4-HMAC-SHA256"), ("InvalidArgument", SSE_C)]
)
def test_another_invalid_request_is_the_environment_s_fault_with_the_text_of_s3(
    own_client: S3Client, bucket: str, refused: Refused, code: str, message: str
) -> None:
    refused.keys, refused.code, refused.message = {"a"}, code, message
    with pytest.raises(EnvironmentFault, match=message) as failure:
        ObjectStore(own_client, bucket).fetch_bytes("a", 10)
    assert failure.value.code == "aws_refused"


def test_a_probe_whose_object_was_archived_reads_the_object_that_was_refused_last(
    s3: S3Client, own_client: S3Client, bucket: str, refused: Refused
) -> None:
    store = ObjectStore(own_client, bucket)
    store.fetch_bytes("good", 10)
    refuse_three(store, refused)
    s3.put_object(Bucket=bucket, Key="good", Body=b"x", StorageClass="GLACIER")
    with pytest.raises(EnvironmentFault, match="/c"):
        store.probe_read("absent")

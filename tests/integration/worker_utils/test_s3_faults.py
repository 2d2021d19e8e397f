"""Every way in which S3 fails is the fault it means: this key's, the moment's, or the surroundings'."""

from __future__ import annotations

import threading
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from video_analysis.tests.support.faulty_s3 import (
    answering,
    broken_server,
    client,
    error_document,
    on_call,
    promise,
    reading,
)
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.errors import Denied
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.errors import (
    EnvironmentFault,
    ErrorCode,
    MissingObject,
    Permanent,
    Transient,
    WorkerError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "demo_user/workspace/video/raw/clip.mp4"
FAULTS: list[tuple[int, str, type[WorkerError]]] = [
    (403, "AccessDenied", MissingObject),  # what S3 says of an absent key to who may not list
    (404, "NoSuchKey", MissingObject),
    (500, "InternalError", Transient),
    (503, "SlowDown", Transient),
    (503, "ServiceUnavailable", Transient),
    (502, "BadGateway", Transient),
    (429, "TooManyRequests", Transient),
    (400, "RequestTimeout", Transient),
    (403, "InvalidAccessKeyId", EnvironmentFault),
    (403, "SignatureDoesNotMatch", EnvironmentFault),
    (400, "ExpiredToken", EnvironmentFault),
    (400, "InvalidToken", EnvironmentFault),
    (403, "RequestTimeTooSkewed", EnvironmentFault),
    (404, "NoSuchBucket", EnvironmentFault),
    (400, "KeyTooLongError", Permanent),
]
CODES: dict[str, ErrorCode] = {
    "AccessDenied": "missing_object",
    "NoSuchKey": "missing_object",
    "NoSuchBucket": "no_bucket",
    "KeyTooLongError": "key_too_long",
}
"""Of the answers that are neither the moment's fault nor that of the credentials."""


@pytest.fixture
def own_client(aws_endpoint: str) -> S3Client:
    return client(aws_endpoint)


@pytest.mark.parametrize(("status", "code", "fault"), FAULTS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_each_answer_of_s3_s_is_the_fault_it_means(
    own_client: S3Client, tmp_path: Path, status: int, code: str, fault: type[WorkerError]
) -> None:
    answering(own_client, "GetObject", status, code)
    answering(own_client, "PutObject", status, code)
    store = ObjectStore(own_client, "any-bucket", tmp_path)
    for read in ("fetch", "fetch_bytes"):
        with pytest.raises(fault, match=code) as caught:
            reading(store, read, KEY)
        assert caught.value.code == CODES.get(code, "aws_unavailable" if fault is Transient else "credentials_refused")
    with pytest.raises(EnvironmentFault if fault is MissingObject else fault, match=code):
        store.put(KEY, b"", "image/jpeg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", ["AccessDenied", "Forbidden", ""])
def test_a_denied_write_is_no_fault_of_the_key_and_names_the_permission(own_client: S3Client, code: str) -> None:
    answering(own_client, "PutObject", 403, code)
    with pytest.raises(Denied, match=r"s3:PutObject on s3://any-bucket/.* is denied") as denial:
        ObjectStore(own_client, "any-bucket").put(KEY, b"", "image/jpeg")
    assert denial.value.code == "permission_denied"


def test_a_read_that_is_refused_for_every_object_is_repeated_by_the_probe(
    s3: S3Client, own_client: S3Client, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"x")
    store, denied = ObjectStore(own_client, bucket), [True]
    text = "not authorized to perform: s3:GetObject on resource: …"

    def refuse(request: Any) -> AWSResponse | None:
        of_the_object = request.url.endswith("clip.mp4")
        return error_document(request, 403, "AccessDenied", text) if denied[0] and of_the_object else None

    on_call(own_client, "GetObject", refuse)
    store.probe_read(f"absent/{KEY}.not")
    read, probe = partial(store.fetch_bytes, KEY, 10), partial(store.probe_read, "absent")
    for attempt in (read, probe, probe):
        with pytest.raises(EnvironmentFault, match=r"clip\.mp4") as fault:
            attempt()
        assert fault.value.code == "permission_denied"
    denied[0] = False
    probe()


@pytest.mark.parametrize("code", ["KMS.DisabledException", "KMS.AccessDeniedException"])
def test_a_write_that_the_kms_key_refuses_is_the_environment_s_fault(own_client: S3Client, code: str) -> None:
    answering(own_client, "PutObject", 400, code)
    with pytest.raises(EnvironmentFault, match=f"{code}.*key"):
        ObjectStore(own_client, "any-bucket").put("a", b"", "image/jpeg")


def test_a_denied_read_of_a_missing_object_is_that_object_s_fault(own_client: S3Client) -> None:
    text = "not authorized to perform: s3:ListBucket on resource: …"
    on_call(own_client, "GetObject", lambda request: error_document(request, 403, "AccessDenied", text))
    store = ObjectStore(own_client, "any-bucket")
    store.probe_read("absent")
    with pytest.raises(MissingObject):
        store.fetch_bytes(KEY, 10)
    store.probe_read("absent")


def test_the_probe_of_writes_leaves_no_object(s3: S3Client, bucket: str) -> None:
    ObjectStore(s3, bucket).probe_write(KEY)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchBucket"), (403, "AccessDenied"), (400, "ExpiredToken")])
def test_the_probe_of_writes_finds_what_would_refuse_every_upload(own_client: S3Client, status: int, code: str) -> None:
    answering(own_client, "PutObject", status, code)
    with pytest.raises(EnvironmentFault, match=code):
        ObjectStore(own_client, "any-bucket").probe_write(KEY)


@pytest.mark.parametrize("code", ["AccessDenied", "KMS.DisabledException", "SomethingNew"])
def test_a_write_that_is_refused_for_its_key_is_repeated_by_the_probe(
    s3: S3Client, own_client: S3Client, bucket: str, code: str
) -> None:
    store, denied = ObjectStore(own_client, bucket), [True]

    def refuse(request: Any) -> AWSResponse | None:
        return error_document(request, 403, code) if denied[0] and request.url.endswith("clip.mp4") else None

    on_call(own_client, "PutObject", refuse)
    if code != "SomethingNew":
        store.probe_write(KEY.replace("clip", "other"))
    write, probe = partial(store.put, KEY, b"x", "image/jpeg"), partial(store.probe_write, "other")
    for attempt in (write, probe, probe):
        with pytest.raises(EnvironmentFault, match=rf"clip\.mp4.*{code}"):
            attempt()
    denied[0] = False
    probe()
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    denied[0] = True
    probe()


def test_a_write_that_succeeds_after_a_refusal_is_not_repeated_by_the_probe(
    s3: S3Client, own_client: S3Client, bucket: str
) -> None:
    store, denied = ObjectStore(own_client, bucket), [True]

    def refuse(request: Any) -> AWSResponse | None:
        return error_document(request, 403, "AccessDenied") if denied[0] and request.url.endswith("clip.mp4") else None

    on_call(own_client, "PutObject", refuse)
    with pytest.raises(Denied):
        store.put(KEY, b"x", "image/jpeg")
    denied[0] = False
    store.put(KEY, b"x", "image/jpeg")
    denied[0] = True
    store.probe_write("other")


def test_a_bucket_that_is_not_there_is_the_environment_s_fault(s3: S3Client, bucket: str) -> None:
    store = ObjectStore(s3, "cvitx-no-such-bucket")
    with pytest.raises(EnvironmentFault, match=r"cvitx-no-such-bucket.*CVITX_S3_BUCKET"):
        store.put(KEY, b"", "image/jpeg")
    with pytest.raises(EnvironmentFault, match="cvitx-no-such-bucket"):
        store.fetch_bytes(KEY, 10)


def test_no_credentials_at_all_are_the_environment_s_fault(
    aws_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    anonymous = boto3.Session().client("s3", endpoint_url=aws_endpoint)
    with pytest.raises(EnvironmentFault, match="no usable AWS credentials"):
        ObjectStore(anonymous, "any-bucket").fetch_bytes(KEY, 10)


def test_the_configured_client_rides_out_a_slow_down(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="small", Body=b"whole", ContentType="image/jpeg")
    config = WorkerConfig(s3_bucket=bucket, min_free_disk_mb=0)
    store = ObjectStore.connect(boto3.Session(), config)
    answers = iter([503])

    def once(request: Any) -> AWSResponse | None:
        status = next(answers, None)
        return None if status is None else error_document(request, status, "SlowDown")

    on_call(store._client, "GetObject", once)
    assert store.fetch_bytes("small", 5) == (b"whole", "image/jpeg")
    assert next(answers, None) is None


@pytest.mark.parametrize("read", ["fetch", "fetch_bytes"])
def test_a_body_that_is_cut_short_is_transient_and_leaves_no_file(tmp_path: Path, aws_endpoint: str, read: str) -> None:
    with broken_server(lambda handler: promise(handler, 1000, b"ten bytes.")) as endpoint:
        store = ObjectStore(client(endpoint), "any-bucket", tmp_path)
        with pytest.raises(Transient):
            reading(store, read, KEY)
    assert not list(tmp_path.iterdir())


def test_a_body_that_stops_coming_is_transient(tmp_path: Path, aws_endpoint: str) -> None:
    over = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        promise(handler, 1000, b"ten bytes.")
        over.wait()

    with broken_server(stall) as endpoint:
        store = ObjectStore(client(endpoint), "any-bucket", tmp_path)
        try:
            with pytest.raises(Transient):
                reading(store, "fetch", KEY)
        finally:
            over.set()
    assert not list(tmp_path.iterdir())


def test_an_s3_that_does_not_listen_is_transient(aws_endpoint: str) -> None:
    with broken_server(lambda handler: None) as endpoint:
        pass
    with pytest.raises(Transient, match="s3:GetObject"):
        ObjectStore(client(endpoint), "any-bucket").fetch_bytes(KEY, 10)

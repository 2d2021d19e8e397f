"""The probe of a send leaves no message, on an emulator that accepts an empty body and on one that is strict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import boto3
import pytest

from video_analysis.devstack import services
from video_analysis.tests.chaos import ministack
from video_analysis.worker_utils.aws.sqs import Publisher

REGION = "ap-southeast-2"


@contextmanager
def plain_moto(folder: Path) -> Iterator[str]:
    """moto as it is, without the refusals of devstack."""
    port = services.free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with services.serving(command, {}, folder / "moto.log", f"{endpoint}/moto-api/"):
        yield endpoint


@pytest.mark.parametrize("server", [plain_moto, ministack.sqs, services.aws])
def test_a_probe_of_a_send_leaves_no_message(
    server: Callable[[Path], AbstractContextManager[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(tmp_path) as endpoint:
        for name, value in services.credentials(endpoint).items():
            monkeypatch.setenv(name, value)
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="tasks")["QueueUrl"]
        Publisher(boto3.Session(), url, region=REGION).probe()
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert {found[name] for name in found if name.startswith("ApproximateNumber")} == {"0"}

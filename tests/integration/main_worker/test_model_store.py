"""The model store: what is fetched and kept, what is never trusted, and the fallbacks when it is unavailable."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
import torch
from botocore.awsrequest import AWSResponse

from video_analysis.devstack import untrained_model
from video_analysis.main_worker import row_mapping, run_poller
from video_analysis.main_worker.classification.classifier import Classifier
from video_analysis.tests.support import iam
from video_analysis.tests.support.faulty_s3 import answering, client, error_document, on_call
from video_analysis.tests.support.iam import Role
from video_analysis.tests.support.snapshot_task import message
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.models import model_store, stored_model
from video_analysis.worker_utils.models.fallback import Fallback
from video_analysis.worker_utils.models.model_store import ModelStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "main.pt"
GOOD, BETTER = b"a good model", b"a better model"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(content: bytes) -> dict[str, object]:
    return {"sha256": sha256(content), "bytes": len(content)}


@dataclass
class Host:
    """A host with a cache folder and a model store. The content of a file is the model."""

    s3: S3Client
    bucket: str
    folder: Path
    last_resort: Path | None = None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def note(request: Any, **_: object) -> None:
            self.asked.append(request.url.split("?")[0].rsplit("/", 1)[-1])

        self.s3.meta.events.register("before-send.s3.GetObject", note)

    def put(self, content: bytes, name: str = NAME, **manifest: object) -> None:
        """Upload a model and a manifest that lists it, with the entry changed by `manifest`."""
        self.s3.put_object(Bucket=self.bucket, Key=f"cvitx/models/{name}", Body=content)
        self.put_manifest(json.dumps({name: entry(content) | manifest}).encode())

    def put_manifest(self, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key="cvitx/models/manifest.json", Body=content)

    def store(self, min_free_bytes: int = 0) -> ModelStore:
        storage = ObjectStore(self.s3, self.bucket, self.folder, min_free_bytes, stored_model.SETTINGS)
        return ModelStore(storage, f"s3://{self.bucket}/cvitx/models", self.folder)

    def start(self, min_free_bytes: int = 0) -> tuple[bytes, Fallback | None]:
        """(what was loaded, why it replaces the store's file), as at the start of a worker."""
        self.asked.clear()
        return model_store.load(NAME, self.store(min_free_bytes), loaded, self.fallback_checkpoint)

    def fallback_checkpoint(self) -> Path:
        """As main_worker's configuration names it."""
        return run_poller._last_resort(WorkerConfig(fallback_checkpoint=self.last_resort))


def loaded(path: Path, fallback: Fallback | None) -> tuple[bytes, Fallback | None]:
    content = path.read_bytes()
    if b"broken" in content:
        raise ConfigurationError(f"{path}: warm-up inference failed")
    return content, fallback


@pytest.fixture
def host(aws_endpoint: str, bucket: str, tmp_path: Path) -> Host:
    return Host(client(aws_endpoint), bucket, tmp_path / "models")


def test_a_file_that_the_manifest_lists_is_fetched_and_cached_under_its_hash(host: Host) -> None:
    host.put(GOOD)
    assert host.start() == (GOOD, None)
    assert (host.folder / sha256(GOOD) / NAME).read_bytes() == GOOD
    left = {path.name for path in host.folder.iterdir()}
    assert left == {sha256(GOOD), ".lock", "main.pt.last"}


def test_a_restart_fetches_only_if_the_manifest_lists_another_hash(
    host: Host,
) -> None:
    host.put(GOOD)
    host.start()
    assert host.asked == ["manifest.json", NAME]
    assert host.start() == (GOOD, None)
    assert host.asked == ["manifest.json"]
    host.put(BETTER)
    assert host.start() == (BETTER, None)
    assert host.asked == ["manifest.json", NAME]


def test_a_cached_file_that_has_changed_is_fetched_again(host: Host) -> None:
    host.put(GOOD)
    host.start()
    (host.folder / sha256(GOOD) / NAME).write_bytes(b"tampered with")
    assert host.start() == (GOOD, None)
    assert host.asked == ["manifest.json", NAME]


def down(host: Host) -> None:
    host.s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:9", config=host.s3.meta.config)


def denied(host: Host) -> None:
    answering(host.s3, "GetObject", 403, "AccessDenied")


def file_denied(host: Host) -> None:
    def answer(request: Any) -> AWSResponse | None:
        return error_document(request, 403, "AccessDenied") if NAME in request.url else None

    host.put(BETTER)
    on_call(host.s3, "GetObject", answer)


FAULTS: dict[str, tuple[Callable[[Host], object], str]] = {
    "S3 down": (down, "EndpointConnectionError"),
    "denied": (denied, "manifest.json not found, or s3:GetObject on it is denied"),
    "file denied": (file_denied, "main.pt not found, or s3:GetObject on it is denied"),
    "wrong hash": (lambda host: host.put(BETTER, sha256=sha256(b"another")), "lists 14, "),
    "wrong length": (lambda host: host.put(BETTER, bytes=3), "lists 3, "),
    "no JSON": (lambda host: host.put_manifest(b"{"), "manifest.json: body: is not JSON"),
    "not UTF-8": (lambda host: host.put_manifest(b"\xff"), "manifest.json: 'utf-8' codec can't decode"),
    "too deep": (lambda host: host.put_manifest(b"[" * 100_000), "nested too deeply"),
    "too long": (lambda host: host.put_manifest(b" " * (1 << 20)), "more than the 262144 allowed"),
    "a list": (lambda host: host.put_manifest(b'["main.pt"]'), "manifest.json: is not a JSON object"),
    "another name": (lambda host: host.put(BETTER, "../main.pt"), "manifest.json has no entry for it"),
    "a name twice": (lambda host: host.put_manifest(b'{"main.pt": {}, "main.pt": {}}'), "duplicate name"),
    "no entry": (
        lambda host: host.put_manifest(b'{"main.pt": "abc"}'),
        'main.pt: entry: is not {"sha256": "…", "bytes": …}',
    ),
    "a path for a hash": (
        lambda host: host.put(BETTER, sha256="../" * 21 + "x"),
        "main.pt: sha256: is not 64 lower-case hex",
    ),
    "a hash in capitals": (
        lambda host: host.put(BETTER, sha256=sha256(BETTER).upper()),
        "main.pt: sha256: is not 64 lower-case hex digits, as sha256sum prints them",
    ),
    "no length": (lambda host: host.put(BETTER, bytes=None), "main.pt: bytes: is not the size of the file"),
    "a length in quotes": (
        lambda host: host.put(BETTER, bytes=str(len(BETTER))),
        "main.pt: bytes: is not the size of the file as an integer without quotes",
    ),
    "no such bucket": (
        lambda host: answering(host.s3, "GetObject", 404, "NoSuchBucket"),
        "in this region (NoSuchBucket): check CVITX_MODEL_STORE",
    ),
    "a file that does not load": (lambda host: host.put(b"broken"), "warm-up inference failed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_failed_fetch_the_last_good_file_is_used_and_the_reason_recorded(
    host: Host, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    host.put(GOOD)
    host.start()
    cause, words = FAULTS[fault]
    cause(host)
    content, reason = host.start()
    assert content == GOOD
    assert reason is not None
    assert reason.code == "last_good"
    assert words in reason.detail
    assert "\n" not in reason.detail
    assert any(
        words in record.getMessage() for record in caplog.records if vars(record).get("event") == "model.fallback_used"
    )
    assert host.start()[0] == GOOD, "the fallback remains the last good one"


def test_on_a_full_disk_the_last_good_one_is_used(host: Host) -> None:
    host.put(GOOD)
    host.start()
    host.put(BETTER)
    content, reason = host.start(min_free_bytes=1 << 60)
    assert content == GOOD
    assert reason is not None
    assert reason.code == "last_good"
    assert "disk full" in reason.detail
    assert "set CVITX_CACHE_DIR to a larger disk" in reason.detail
    assert host.start() == (BETTER, None)


def test_a_file_of_a_wrong_hash_is_never_opened(host: Host) -> None:
    host.put(GOOD, sha256=sha256(BETTER))
    opened: list[Path] = []
    with pytest.raises(ConfigurationError):
        model_store.load(NAME, host.store(), lambda path, _: opened.append(path))
    assert opened == []
    assert not list(host.folder.rglob(NAME))


@pytest.mark.parametrize("harm", ["file", "note"])
def test_a_last_good_file_that_is_not_what_was_recorded_is_not_used_but_the_named_fallback(
    host: Host, tmp_path: Path, harm: str
) -> None:
    host.put(GOOD)
    host.start()
    kept, note = host.folder / sha256(GOOD) / NAME, host.folder / "main.pt.last"
    if harm == "file":
        kept.write_bytes(b"tampered with")
    else:
        (host.folder.parent / "elsewhere").mkdir()
        kept.rename(host.folder.parent / "elsewhere" / NAME)
        note.write_text("../elsewhere")
    (tmp_path / "old").mkdir()
    host.last_resort = tmp_path / "old" / NAME
    host.last_resort.write_bytes(b"an old model")
    denied(host)
    recorded = note.read_text()
    content, reason = host.start()
    assert content == b"an old model"
    assert note.read_text() == recorded, "a fallback is never the last good one"
    assert reason is not None
    assert reason.code == "fallback_checkpoint"
    assert reason.detail.startswith("main.pt cannot be fetched from CVITX_MODEL_STORE=s3://")


def test_without_a_fallback_the_start_stops_with_all_reasons_in_one_line(host: Host) -> None:
    with pytest.raises(ConfigurationError) as caught:
        host.start()
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"main.pt cannot be fetched from CVITX_MODEL_STORE=s3://{host.bucket}/cvitx/models: ")
    assert (
        "main.pt from the store was never loaded on this host; CVITX_FALLBACK_CHECKPOINT is not set; put main.pt"
        in line
    )


def test_two_workers_that_start_together_fetch_the_file_once(host: Host) -> None:
    host.put(content := os.urandom(3 << 20))
    both = threading.Barrier(2)

    def start(_: int) -> bytes:
        both.wait()
        return model_store.load(NAME, host.store(), loaded)[0]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(start, range(2))) == [content, content]
    assert host.asked.count(NAME) == 1


def test_a_worker_killed_during_a_fetch_leaves_no_incomplete_file(host: Host) -> None:
    host.put(GOOD)

    class Killed(BaseException):
        """Nothing in the process catches it."""

    def die(path: Path) -> str:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_store, "sha256_of", die)
        with pytest.raises(Killed):
            host.start()
    assert not list(host.folder.rglob(NAME))
    assert host.start() == (GOOD, None)


def test_the_store_provides_only_what_the_bundle_lacks(tmp_path: Path) -> None:
    there, gone = tmp_path / "there.pt", tmp_path / "gone.pt"
    there.touch()
    config = WorkerConfig()
    absent = config.path(config.main_checkpoint)
    assert not absent.exists(), "this test is of a repository without a main model"
    assert run_poller._may_come_from_store(absent, config)
    assert not run_poller._may_come_from_store(there, config)
    assert not run_poller._may_come_from_store(gone, WorkerConfig(main_checkpoint=gone)), "a path set by the operator"
    assert run_poller._may_come_from_store(absent, WorkerConfig(cmt_checkpoint=gone))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("weights")
    untrained_model.export(folder / "one.pt", "untrained-one", seed=1)
    untrained_model.export(folder / "two.pt", "untrained-two", seed=2)
    return folder / "one.pt", folder / "two.pt"


def checkpoint_of(path: Path) -> str:
    return f"untrained-{path.stem}@{sha256(path.read_bytes())[:12]}"


def test_the_store_needs_one_permission_and_rows_record_a_fallback(
    host: Host, weights: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = weights
    reads = f"arn:aws:s3:::{host.bucket}/cvitx/models/*"
    role = Role([{"Sid": "ReadModels", "Effect": "Allow", "Action": "s3:GetObject", "Resource": reads}])
    monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not the cache folder"))
    config = WorkerConfig(
        run_mode="compare",
        device="torch",
        threads=1,
        cache_dir=tmp_path / "cache",
        model_store=f"s3://{host.bucket}/cvitx/models/",
        fallback_checkpoint=two,
    )
    host.put(one.read_bytes(), "baseline.pt")
    models = run_poller.models(config)
    assert role.used == {("ReadModels", "s3:GetObject")}
    assert role.refused == set()
    assert {variant: model.checkpoint for variant, model in models.items()} == {
        "baseline": checkpoint_of(one),
        "cmt": checkpoint_of(two),
    }
    assert models["baseline"].fallback is None
    assert "checkpoint" not in evidence(models["baseline"])
    said = evidence(models["cmt"])["checkpoint"]
    assert set(said) == {"fallback", "detail"}
    assert said["fallback"] == "fallback_checkpoint"
    assert said["detail"].startswith("cmt.pt cannot be fetched from CVITX_MODEL")
    assert "manifest.json has no entry for it" in said["detail"]


def test_a_new_model_in_train_mode_is_replaced_by_the_last_good_one(
    host: Host, weights: tuple[Path, Path], tmp_path: Path
) -> None:
    store = f"s3://{host.bucket}/cvitx/models"
    config = WorkerConfig(device="torch", threads=1, cache_dir=tmp_path / "cache", model_store=store)
    host.put(weights[0].read_bytes())
    assert run_poller.models(config)["baseline"].checkpoint == checkpoint_of(weights[0])
    named = untrained_model.labels("untrained-new")
    module = untrained_model.network(named, 3)
    module.body.append(torch.nn.Dropout(0.5))
    untrained_model.write(tmp_path / "new.pt", module.train(), named)
    host.put((tmp_path / "new.pt").read_bytes())
    model = run_poller.models(config)["baseline"]
    assert model.checkpoint == checkpoint_of(weights[0])
    assert model.fallback is not None
    assert model.fallback.code == "last_good"
    assert "is in train mode; call model.eval() before torch.export" in model.fallback.detail


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "old.pt: not found; set CVITX_FALLBACK_CHECKPOINT to the path of an exported main model, or remove it"),
        (b"no model", "old.pt: is not a torch.export archive; export the model again"),
    ],
)
def test_an_unusable_fallback_stops_the_start_before_it_is_needed(
    host: Host, weights: tuple[Path, Path], tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "old.pt").write_bytes(content)
    config = WorkerConfig(
        device="torch",
        cache_dir=tmp_path / "cache",
        main_checkpoint=weights[0],
        model_store=f"s3://{host.bucket}/cvitx/models",
        fallback_checkpoint=tmp_path / "old.pt",
    )
    with pytest.raises(ConfigurationError) as caught:
        run_poller.models(config)
    assert words in str(caught.value)
    assert "CVITX_FALLBACK_CHECKPOINT" in str(caught.value)
    assert "CVITX_MAIN_CHECKPOINT" not in str(caught.value)


def test_a_fallback_without_a_store_causes_one_warning(
    weights: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"device": "torch", "threads": 1, "cache_dir": tmp_path, "main_checkpoint": weights[0]}
    config = WorkerConfig.model_validate({**settings, "fallback_checkpoint": tmp_path / "gone.pt"})
    models = run_poller.models(config)
    assert models["baseline"].checkpoint == checkpoint_of(weights[0])
    (said,) = [record for record in caplog.records if vars(record).get("event") == "config.fallback_ignored"]
    assert said.levelname == "WARNING"
    assert "CVITX_FALLBACK_CHECKPOINT has no effect" in said.getMessage()


def evidence(model: Classifier) -> Any:
    """The evidence in a row that this model wrote."""
    forward = model.classify([np.zeros((640, 640, 3), np.uint8)])
    return row_mapping.result(message(1), "cmt", model, forward, forward.logits[0]).evidence

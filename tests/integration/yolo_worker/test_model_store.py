"""yolo_worker and the model store: the detector's weights, and the embedding engine of a GPU host."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from video_analysis.demo import weights
from video_analysis.tests.support import iam
from video_analysis.tests.support.iam import Role
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker import run_poller
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.tracking.embedder import Embedder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENGINE = "deepsort.engine"


class Store:
    """A model store, and the settings of a host without models of its own."""

    def __init__(self, s3: S3Client, bucket: str, folder: Path) -> None:
        self.s3, self.bucket = s3, bucket
        self.entries: dict[str, object] = {}
        self.config = WorkerConfig(
            device="torch", threads=1, cache_dir=folder / "cache", model_store=f"s3://{bucket}/cvitx/models"
        )

    def put(self, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"cvitx/models/{name}", Body=content)
        self.entries[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        self.put_manifest(json.dumps(self.entries))

    def put_manifest(self, text: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key="cvitx/models/manifest.json", Body=text.encode())


@pytest.fixture
def store(s3: S3Client, bucket: str, tmp_path: Path) -> Store:
    return Store(s3, bucket, tmp_path)


@pytest.fixture
def read_paths(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that the detector and the embedder are loaded from; content `broken` does not load."""
    paths: list[Path] = []

    def load(path: Path, *_: object) -> Any:
        if path.is_file() and path.read_bytes() == b"broken":
            raise ConfigurationError(f"{path}: is no YOLO detector")
        paths.append(path)

    monkeypatch.setattr(Detector, "load", load)
    monkeypatch.setattr(Embedder, "load", load)
    return paths


def test_a_new_host_reads_the_detector_of_the_store_with_one_permission(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if weights.absent(weights.OWN):
        pytest.skip("no demo weights")
    content = weights.DETECTOR.read_bytes()
    store.put("yolov8m.pt", content)
    reads = f"arn:aws:s3:::{store.bucket}/cvitx/models/*"
    role = Role([{"Sid": "ReadModels", "Effect": "Allow", "Action": "s3:GetObject", "Resource": reads}])
    monkeypatch.setattr(boto3, "Session", iam.session_of(role))
    detector = run_poller.detector(store.config)
    assert detector.traits.weights == hashlib.sha256(content).hexdigest()
    assert (role.used, role.refused) == ({("ReadModels", "s3:GetObject")}, set())


def test_weights_that_do_not_load_are_replaced_by_the_last_good_ones(store: Store, read_paths: list[Path]) -> None:
    store.put("yolov8m.pt", b"good")
    run_poller.detector(store.config)
    store.put("yolov8m.pt", b"broken")
    run_poller.detector(store.config)
    assert [path.read_bytes() for path in read_paths] == [b"good", b"good"]


def test_without_any_weights_the_start_stops_and_names_the_remedy(store: Store) -> None:
    store.put("main.pt", b"a checkpoint")
    with pytest.raises(ConfigurationError) as caught:
        run_poller.detector(store.config)
    text = str(caught.value)
    assert "manifest.json has no entry for it" in text
    assert "put yolov8m.pt into the bundle, or repair the store" in text
    assert "CVITX_FALLBACK_CHECKPOINT" not in text


def test_a_path_that_a_setting_names_and_an_export_in_the_bundle_are_used_instead_of_the_store(
    store: Store, read_paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("yolov8m.pt", b"of the store")
    named = store.config.model_copy(update={"yolo_weights": tmp_path / "named.pt"})
    run_poller.detector(WorkerConfig.model_validate(named.model_dump(exclude_unset=True)))
    bundle = tmp_path / "bundle"
    (bundle / "yolov8m_openvino_model").mkdir(parents=True)
    runtime = backend.configured(store.config)
    monkeypatch.setattr(backend, "configured", lambda _: replace(runtime, kind="openvino"))
    monkeypatch.setattr(WorkerConfig, "path", lambda self, relative: bundle / relative.name)
    run_poller.detector(store.config)
    assert read_paths == [tmp_path / "named.pt", bundle / "yolov8m.pt"]


@pytest.fixture
def on_a_gpu(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime of a GPU host, as far as the choice of files depends on it."""
    runtime = backend.configured(store.config)
    monkeypatch.setattr(backend, "configured", lambda _: replace(runtime, kind="cuda"))


@pytest.mark.usefixtures("on_a_gpu")
def test_a_gpu_host_reads_the_engine_that_the_manifest_lists(store: Store, read_paths: list[Path]) -> None:
    store.put(ENGINE, b"an engine")
    run_poller.embedder(store.config)
    store.put_manifest("{")
    run_poller.embedder(store.config)
    assert [path.read_bytes() for path in read_paths] == [b"an engine", b"an engine"], "then the last good one"


@pytest.mark.usefixtures("on_a_gpu")
@pytest.mark.parametrize(("manifest", "events"), [("{}", []), ("{", ["model.store_unreadable"])])
def test_without_an_engine_in_the_store_the_usual_network_is_used(
    store: Store, read_paths: list[Path], manifest: str, events: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    store.put_manifest(manifest)
    run_poller.embedder(store.config)
    assert read_paths == [store.config.path(store.config.deepsort_engine)]
    assert [vars(record)["event"] for record in caplog.records if hasattr(record, "event")] == events


def test_a_host_without_a_gpu_does_not_ask_for_the_engine(store: Store, read_paths: list[Path]) -> None:
    store.put(ENGINE, b"an engine")
    run_poller.embedder(store.config)
    assert read_paths == [store.config.path(store.config.deepsort_engine)]

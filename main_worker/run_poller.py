"""Entry point of stage 2: `python -m video_analysis.main_worker.run_poller`. Wiring, nothing else."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

import boto3

from video_analysis import worker_config
from video_analysis.main_worker.attributes.attribute_reader import AttributeReader
from video_analysis.main_worker.attributes.plate import PlateReader
from video_analysis.main_worker.classification import checkpoint, model_store
from video_analysis.main_worker.classification.classifier import Classifier, checkpoints
from video_analysis.main_worker.classification.model_store import ModelStore
from video_analysis.main_worker.worker import SnapshotWorker
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore, SettingNames
from video_analysis.worker_utils.aws.sqs import Queue
from video_analysis.worker_utils.consumer import process
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import Variant
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.backend import Runtime
from video_analysis.worker_utils.observability.observer import LogObserver

MODEL_STORE_SETTINGS = SettingNames("CVITX_MODEL_STORE", "CVITX_CACHE_DIR")

log = logging.getLogger(__name__)


def build(shutdown: threading.Event) -> Consumer:
    """Every part of stage 2, put together. ConfigurationError where something is missing or wrong."""
    config = worker_config.load(os.environ)
    session = boto3.Session(region_name=config.region)
    queue = Queue.connect(session, config.snapshot_queue, config)
    handler = SnapshotWorker(
        ObjectStore.connect(session, config),
        ImageAnalysisRepository(Database(config.database_url, "cvitx-main-model")),
        models(config),
        AttributeReader(config.attribute_timeout_s, PlateReader.load(backend.configured(config))),
        config.s3_bucket,
    )
    return Consumer(
        queue,
        handler,
        config,
        shutdown,
        observer=LogObserver(),
        slots=config.batch_size,
        prefetch=handler.prefetch,
    )


def models(config: WorkerConfig) -> dict[Variant, Classifier]:
    """The checkpoints that the run mode asks for, by the variant whose row they fill.

    ConfigurationError where one is missing or wrong, and neither the model store nor what it keeps can help; or
    where the fallback that is named for the day when it cannot is missing or wrong itself.
    """
    runtime = backend.configured(config)  # before PyTorch is imported to read anything
    _check_fallback(config)
    return {variant: _model(path, variant, runtime, config) for variant, path in checkpoints(config).items()}


def _check_fallback(config: WorkerConfig) -> None:
    if config.fallback_checkpoint is None:
        return
    if config.model_store is None:
        log.warning(
            "CVITX_FALLBACK_CHECKPOINT has no effect, because CVITX_MODEL_STORE is not set",
            extra={"event": "config.fallback_ignored"},
        )
        return
    path = config.path(config.fallback_checkpoint)
    backend.require_file(path, "set CVITX_FALLBACK_CHECKPOINT to where an exported main model is, or remove it")
    try:
        checkpoint.read(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"CVITX_FALLBACK_CHECKPOINT: {error}") from error


def _model(path: Path, variant: Variant, runtime: Runtime, config: WorkerConfig) -> Classifier:
    if config.model_store is None or not model_store.is_asked_for(path, config):
        return Classifier.load(path, variant, runtime)
    store = _model_store(config.model_store, config)
    stand_in = None if config.fallback_checkpoint is None else config.path(config.fallback_checkpoint)
    model, fallback = model_store.load(
        path.name, store, stand_in, lambda found: Classifier.load(found, variant, runtime)
    )
    model.fallback = fallback
    return model


def _model_store(uri: str, config: WorkerConfig) -> ModelStore:
    bucket, folder = model_store.split(uri)[0], model_store.folder_of(config)
    its_own = config.model_copy(update={"s3_bucket": bucket, "temp_dir": folder})
    storage = ObjectStore.connect(boto3.Session(region_name=config.region), its_own, MODEL_STORE_SETTINGS)
    return ModelStore(storage, uri, folder)


if __name__ == "__main__":
    sys.exit(process.run("main_worker", build))

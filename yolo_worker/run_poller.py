"""Entry point of yolo_worker: `python -m video_analysis.yolo_worker.run_poller`. Builds the parts of the worker."""

from __future__ import annotations

import os
import socket
import sys
import threading

import boto3

from video_analysis import worker_config
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.aws.s3 import ObjectStore
from video_analysis.worker_utils.aws.sqs import Publisher, Queue
from video_analysis.worker_utils.consumer import process
from video_analysis.worker_utils.consumer.consumer import Consumer
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.camera_settings import CameraSettingsRepository
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.stage_checkpoints import StageCheckpointRepository
from video_analysis.worker_utils.db.video_runs import VideoRunRepository
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.execution.held_calls import HeldCalls
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.models import stored_model
from video_analysis.worker_utils.observability.telemetry import Telemetry
from video_analysis.yolo_worker.detection import detector_weights
from video_analysis.yolo_worker.detection.detector import Detector
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.run_key import OutputSettings
from video_analysis.yolo_worker.runs.cameras import Cameras
from video_analysis.yolo_worker.runs.checkpoints import Checkpoints
from video_analysis.yolo_worker.runs.lifecycle import RunLifecycle
from video_analysis.yolo_worker.tracking.embedder import Embedder
from video_analysis.yolo_worker.worker import VideoWorker


def build(shutdown: threading.Event) -> Consumer:
    """The consumer with all parts of the worker. ConfigurationError if a setting or file is missing or wrong."""
    config = worker_config.load(os.environ)
    address, port = config.metrics_address, config.yolo_metrics_port
    telemetry = Telemetry.start("yolo_worker", address, port, config.video_queue, config.snapshot_queue)
    observer = telemetry.observer
    session = boto3.Session(region_name=config.region)
    queue = Queue.connect(session, config.video_queue, config)
    database = Database(config.database_url, "cvitx-yolo-video", write_probe.stage_one)
    handler = VideoWorker(
        ObjectStore.connect(session, config),
        VideoRepository(database),
        ImageAnalysisRepository(database),
        Publisher(session, config.snapshot_queue, region=config.region),
        pipeline(config),
        output_settings(config),
        observer=observer,
        held_calls=HeldCalls(config.pause.first_s, config.pause.longest_s),
        checkpoints=Checkpoints(StageCheckpointRepository(database), ObjectStore.connect(session, config), observer),
        cameras=Cameras(CameraSettingsRepository(database), observer),
        runs=RunLifecycle(VideoRunRepository(database), f"{socket.gethostname()}:{os.getpid()}", observer),
        on_stage=telemetry.on_stage,
    )
    consumer = Consumer(queue, handler, config, shutdown, observer=observer)
    telemetry.watch(consumer.status)
    return consumer


def pipeline(config: WorkerConfig) -> VisionPipeline:
    """The loaded networks. ConfigurationError if weights are missing or wrong."""
    return VisionPipeline(detector(config), embedder(config), config.track)


def detector(config: WorkerConfig) -> Detector:
    """The loaded detector, of the bundle or the model store. ConfigurationError if its weights are missing or wrong."""
    runtime = backend.configured(config)
    settings = config.detector.model_copy(update={"batch": config.detector.batch or runtime.batch})
    path = config.path(config.yolo_weights)
    is_in_bundle = "yolo_weights" in config.model_fields_set or detector_weights.exist(path, runtime)
    store = None if is_in_bundle else stored_model.store_of(config)
    return stored_model.load(path, store, lambda found, _: Detector.load(found, runtime, settings))


def embedder(config: WorkerConfig) -> Embedder:
    """The loaded embedder. ConfigurationError if its weights are missing or wrong.

    On a GPU, an engine that the bundle lacks and the model store lists is fetched.
    """
    runtime, path = backend.configured(config), config.path(config.deepsort_engine)
    store = None
    if runtime.kind == "cuda" and "deepsort_engine" not in config.model_fields_set and not path.exists():
        store = stored_model.store_of(config)
    if store is not None and not store.lists(path.name):
        store = None
    return stored_model.load(path, store, lambda found, _: Embedder.load(found, runtime, config.embedder))


def output_settings(config: WorkerConfig) -> OutputSettings:
    """How the best frame of a track is chosen, cropped and stored."""
    return OutputSettings(config.s3_bucket, config.best, config.snapshot)


if __name__ == "__main__":
    sys.exit(process.run("yolo_worker", build))

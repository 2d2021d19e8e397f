"""Chooses between a model file in the bundle and the one in the configured model store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import boto3

from video_analysis.worker_utils.aws.s3 import ObjectStore, SettingNames
from video_analysis.worker_utils.models import model_store
from video_analysis.worker_utils.models.fallback import Fallback
from video_analysis.worker_utils.models.model_store import ModelStore
from video_analysis.worker_utils.settings import ModelStoreSettings

SETTINGS = SettingNames("CVITX_MODEL_STORE", "CVITX_CACHE_DIR")
Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class _StoreSettings:
    """worker_utils.settings.StoreSettings of the bucket of the model store. Files are fetched into the cache folder."""

    region: str
    s3_bucket: str
    temp_dir: Path
    denied_keys_limit: int
    min_free_disk_mb: int

    def path(self, relative: Path) -> Path:
        """The folder is absolute."""
        return relative


def store_of(settings: ModelStoreSettings) -> ModelStore | None:
    """The configured model store; None if there is none. Sends no request."""
    if settings.model_store is None:
        return None
    folder = settings.path(settings.cache_dir) / "models"
    bucket, _ = model_store.parse_uri(settings.model_store)
    limits = settings.denied_keys_limit, settings.min_free_disk_mb
    session = boto3.Session(region_name=settings.region)
    storage = ObjectStore.connect(session, _StoreSettings(settings.region, bucket, folder, *limits), SETTINGS)
    return ModelStore(storage, settings.model_store, folder)


def load(
    path: Path,
    store: ModelStore | None,
    loader: Callable[[Path, Fallback | None], Loaded],
    last_resort: Callable[[], Path] | None = None,
) -> Loaded:
    """Load the file at `path` or, with a store, the file of that name in it (model_store.load)."""
    return loader(path, None) if store is None else model_store.load(path.name, store, loader, last_resort)

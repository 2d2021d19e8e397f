"""The INT8 export of a detector for CPUs: python -m video_analysis.training.int8 [--weights detector.pt].

Weights and activations are quantised with NNCF, calibrated on pictures that detectors are trained on. What the head
computes behind its convolutions (boxes from distributions, confidences) keeps its precision: quantised, it costs two to
three points of mAP. The export is written beside the weights, where yolo_worker finds it. It needs
requirements-int8.txt. `benchmarks.detector_precision` measures what it costs and saves.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import weights
from video_analysis.training import real_pictures
from video_analysis.training.labelled_picture import LabelledPicture
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.detection import detector_weights
from video_analysis.yolo_worker.detection.postprocess import Letterbox

PICTURES = 600
"""With 200, the mean of mAP50 over the types was 0.7 points lower."""
SEED = 1


def export(detector: Path, pictures: Sequence[LabelledPicture], cache_dir: Path) -> Path:
    """Write the export of `detector`, calibrated on `pictures`, beside it. Returns its folder.

    ConfigurationError if the file is no YOLO detector.
    """
    import nncf  # noqa: PLC0415  # optional
    import openvino as ov  # noqa: PLC0415

    from video_analysis.worker_utils.inference import openvino_backend  # noqa: PLC0415

    module, names = detector_weights.module_of(detector)
    sha256 = backend.sha256_of(detector)
    xml = openvino_backend.converted(module, detector.stem, sha256, detector_weights.INPUT_SHAPE, cache_dir)
    calibration = {"pictures": len(pictures), "seed": SEED}
    head = rf".*model[.]{len(module.model) - 1}"
    quantised = nncf.quantize(
        ov.Core().read_model(xml),
        nncf.Dataset([*_inputs(pictures)]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        ignored_scope=nncf.IgnoredScope(patterns=[f"{head}/.*", f"{head}[.]dfl.*"], validate=False),
    )
    folder = detector.with_name(f"{detector.stem}{detector_weights.EXPORTED}")
    with tempfile.TemporaryDirectory(dir=detector.parent) as name:
        made = Path(name) / folder.name
        ov.save_model(quantised, made / f"{detector.stem}.xml")
        metadata: dict[str, object] = {
            "names": dict(names),
            detector_weights.WEIGHTS_SHA256: sha256,
            "calibration": calibration,
        }
        (made / detector_weights.METADATA).write_text(_yaml(metadata), "utf-8")
        if folder.exists():
            folder.rename(Path(name) / "former")
        made.rename(folder)
    return folder


def calibration_pictures(data: Path, count: int) -> list[LabelledPicture]:
    """At most `count` of the real pictures that detectors are trained on, the same at each call."""
    found = [*real_pictures.training_stills(data), *real_pictures.training_photographs(data)]
    random.Random(SEED).shuffle(found)  # noqa: S311  # no secret
    return found[:count]


def _inputs(pictures: Sequence[LabelledPicture]) -> Iterator[NDArray[np.float32]]:
    size_px = WorkerConfig().detector.size_px
    for picture in pictures:
        image = picture.read()
        yield Letterbox.fit(image.shape, size_px).apply([image])


def _yaml(metadata: dict[str, object]) -> str:
    import yaml  # noqa: PLC0415

    text: str = yaml.safe_dump(metadata, sort_keys=False)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 2 if the weights, the pictures or NNCF are missing."""
    parser = argparse.ArgumentParser(prog="python -m video_analysis.training.int8", description=__doc__)
    parser.add_argument("--weights", type=Path, default=weights.DETECTOR)
    parser.add_argument("--shared-data", type=Path, default=DATA, help="folder of the real pictures")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="to calibrate on")
    parser.add_argument("--cache", type=Path, default=WorkerConfig().cache_dir, help="folder for converted networks")
    options = parser.parse_args(arguments)
    backend.configure_environment(options.cache, 0)
    pictures = calibration_pictures(options.shared_data, options.pictures)
    if not pictures:
        print(f"{options.shared_data}: has no pictures to calibrate on", file=sys.stderr)
        return 2
    try:
        folder = export(backend.require_file(options.weights, "set --weights"), pictures, options.cache)
    except ModuleNotFoundError as error:
        print(f"{error.name} is not installed: pip install -r requirements-int8.txt", file=sys.stderr)
        return 2
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{folder}: calibrated on {len(pictures)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The demo's detector: YOLOv8n with the vehicle types, trained by a plain loop with ultralytics' own network and loss.

ultralytics' trainer is not used: it imports torchvision, whose compiled parts need a PyTorch of the same build.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import DetectionModel

from video_analysis.training.average_precision import map50
from video_analysis.training.detector_loss import GAINS
from video_analysis.training.ground_truth_filter import true_boxes
from video_analysis.training.hardware import Hardware
from video_analysis.training.stills import Still
from video_analysis.worker_utils.execution import concurrency
from video_analysis.yolo_worker.detection.postprocess import Letterbox, candidates, suppress
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Boxes, Image

ARCHITECTURE = "yolov8n.yaml"
LONG_SIDE_PX = 640
WIDE_PX = (384, 640)
"""Height and width of the worker's input for 16:9 frames (Letterbox.fit at 640)."""
LEAST_CONFIDENCE = 0.02
OVERLAP, INSIDE = 0.5, 0.8
"""As the worker suppresses doubles (WorkerConfig)."""
EVERYTHING = {number: number for number in range(len(YOLO_TYPES))}


def network(seed: int) -> torch.nn.Module:
    """An untrained detector with random weights from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = DetectionModel(ARCHITECTURE, nc=len(YOLO_TYPES), verbose=False)
    net.names = dict(enumerate(YOLO_TYPES))
    net.args = SimpleNamespace(**GAINS)
    return net


def start_from(net: torch.nn.Module, weights: Path) -> None:
    """Load the weights of a file that `export` wrote. ValueError if its classes are not the types."""
    other = torch.load(weights, map_location="cpu", weights_only=False)["model"].float()
    if tuple(other.names.values()) != YOLO_TYPES:
        raise ValueError(f"{weights}: its classes are not the vehicle types; it cannot be trained further")
    net.load_state_dict(other.state_dict())


def judge(net: torch.nn.Module, stills: Sequence[Still], hardware: Hardware, threads: int) -> float:
    """mAP50 on rendered frames."""
    found = detections(net, [still.image for still in stills], hardware, threads)
    return map50(found, [true_boxes(still.seen) for still in stills])


def detections(
    net: torch.nn.Module, pictures: Sequence[Callable[[], Image]], hardware: Hardware, threads: int
) -> list[Boxes]:
    """Each picture's boxes, with the worker's own letterbox and non-maximum suppression."""
    found: list[Boxes] = []
    for boxes, shape, planes in concurrency.parallel_map(_prepared, pictures, max(1, threads)):
        with torch.inference_mode(), hardware.autocast():
            prediction = net(torch.from_numpy(planes)[None].to(hardware.device))[0][0].float().cpu().numpy()
        kept = suppress(candidates(prediction, EVERYTHING, LEAST_CONFIDENCE), OVERLAP, INSIDE)
        found.append(boxes.undo(kept, shape))
    return found


def export(net: torch.nn.Module, path: Path) -> None:
    """Write weights in half precision, which ultralytics' YOLO() loads as float32."""
    plain = network(0)
    plain.load_state_dict({name: value.cpu() for name, value in net.state_dict().items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = {"task": "detect", "model": ARCHITECTURE, "imgsz": LONG_SIDE_PX, **GAINS}
    torch.save({"model": plain.eval().half(), "train_args": arguments}, path)


def _prepared(read: Callable[[], Image]) -> tuple[Letterbox, tuple[int, ...], NDArray[np.float32]]:
    """How a frame lies in the input, the frame's own shape, and the input."""
    image = read()
    box = Letterbox.fit(image.shape, LONG_SIDE_PX)
    return box, image.shape, box.apply([image])[0]

"""The demo's detector: YOLOv8n with the vehicle types, trained by a plain loop with ultralytics' own network and loss.

ultralytics' trainer is not used: it imports torchvision, whose compiled parts need a PyTorch of the same build.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss

from video_analysis.training.average_precision import map50
from video_analysis.training.ground_truth_filter import true_boxes
from video_analysis.training.hardware import Hardware
from video_analysis.training.stills import Still
from video_analysis.training.train_loop import Loss
from video_analysis.worker_utils.execution import concurrency
from video_analysis.yolo_worker.detection.postprocess import Letterbox, candidates, suppress
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.types import Boxes

ARCHITECTURE = "yolov8n.yaml"
GAINS = {"box": 7.5, "cls": 1.0, "dfl": 1.5}
"""ultralytics' own weights, but twice the weight of the class loss: the simulator's types look similar."""
LONG_SIDE_PX = 640
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


def loss_of(net: torch.nn.Module, hardware: Hardware) -> Loss[dict[str, torch.Tensor]]:
    """Sum of ultralytics' box, class and distribution losses, averaged over the pictures; in float32."""
    criterion = v8DetectionLoss(net.to(hardware.device))

    def loss(learning: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        placed = {name: part.to(hardware.device, non_blocking=True) for name, part in batch.items()}
        pictures = placed["img"].float().div_(255).contiguous(memory_format=torch.channels_last)
        with hardware.autocast():
            levels = learning(pictures)
        total, _ = criterion([level.float() for level in levels], placed)
        return total.sum() / len(pictures)

    return loss


def judge(net: torch.nn.Module, stills: Sequence[Still], hardware: Hardware, threads: int) -> float:
    """mAP50 on frames, with the worker's own letterbox and non-maximum suppression."""
    found: list[Boxes] = []
    for boxes, shape, planes in concurrency.parallel_map(_prepared, stills, max(1, threads)):
        with torch.inference_mode(), hardware.autocast():
            prediction = net(torch.from_numpy(planes)[None].to(hardware.device))[0][0].float().cpu().numpy()
        kept = suppress(candidates(prediction, EVERYTHING, LEAST_CONFIDENCE), OVERLAP, INSIDE)
        found.append(boxes.undo(kept, shape))
    return map50(found, [true_boxes(still.seen) for still in stills])


def export(net: torch.nn.Module, path: Path) -> None:
    """Write weights in half precision, which ultralytics' YOLO() loads as float32."""
    plain = network(0)
    plain.load_state_dict({name: value.cpu() for name, value in net.state_dict().items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = {"task": "detect", "model": ARCHITECTURE, "imgsz": LONG_SIDE_PX, **GAINS}
    torch.save({"model": plain.eval().half(), "train_args": arguments}, path)


def _prepared(still: Still) -> tuple[Letterbox, tuple[int, ...], NDArray[np.float32]]:
    """How a frame lies in the input, the frame's own shape, and the input."""
    image = still.image()
    box = Letterbox.fit(image.shape, LONG_SIDE_PX)
    return box, image.shape, box.apply([image])[0]

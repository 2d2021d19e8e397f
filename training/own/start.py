"""The current model, which a training of one's own starts from and is compared with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from video_analysis.devstack.untrained_model import MEAN, STD
from video_analysis.main_worker.classification import checkpoint
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.training import main_model_pipeline
from video_analysis.training.networks import FixedBody, MainModel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """An exported main model."""

    path: Path
    sha256: str
    labels: Labels
    weights: Mapping[str, torch.Tensor]

    @classmethod
    def read(cls, path: Path) -> Start:
        """ConfigurationError if the file is no checkpoint."""
        opened = checkpoint.read(path)
        return cls(path, opened.sha256, opened.labels, opened.program.state_dict)

    def fits(self, variant: str) -> bool:
        """Whether it has the architecture and the trunk of `variant`, so that its weights can be kept."""
        if (self.labels.mean, self.labels.std) != (MEAN, STD):
            return False
        own = main_model_pipeline.network(variant, self.labels, 0).state_dict()
        if any(name not in self.weights or self.weights[name].shape != value.shape for name, value in own.items()):
            return False
        return all(torch.equal(self.weights[name], value) for name, value in own.items() if name.startswith("trunk."))

    def network(self, variant: str, named: Labels, seed: int) -> MainModel:
        """The network with the weights of this model; the rows of the heads by name, those of new names random."""
        net = main_model_pipeline.network(variant, named, seed)
        own = net.state_dict()
        for name, value in own.items():
            level = name.removeprefix("tail.heads.").partition("_head.")[0]
            if level not in named.names:
                value.copy_(self.weights[name])
                continue
            for row, known in enumerate(self.labels.names[level]):
                value[named.names[level].index(known)] = self.weights[name][row]
        net.load_state_dict(own)
        return net


def train_type_only(net: MainModel) -> None:
    """Fix all weights except those of the type head."""
    net.tail.body = FixedBody(net.tail.body)
    for level in ("make", "model"):
        net.tail.heads[f"{level}_head"].requires_grad_(False)

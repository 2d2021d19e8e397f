"""An untrained main model, to run the pipeline without a trained one.

A normal checkpoint (archive, labels.json, dynamic batch) with random weights from a fixed seed. Its name contains
`untrained`. Its confidences are nearly uniform, so that every level abstains at its thresholds.

    python -m video_analysis.devstack.untrained_model OUT.pt [--name NAME] [--seed N]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from video_analysis.main_worker.classification.labels import LABELS_FILE, Labels, Thresholds
from video_analysis.worker_utils.contracts.messages import YoloType

if TYPE_CHECKING:
    import torch

UNTRAINED = "untrained"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the channels of ImageNet, R, G, B."""
HIERARCHY: dict[str, dict[str, tuple[str, ...]]] = {
    "Car": {"Toyota": ("Vios", "Wigo"), "Mitsubishi": ("Mirage",), "Honda": ("City",), "Nissan": ("Almera",)},
    "SUV": {"Toyota": ("Fortuner", "Rush"), "Mitsubishi": ("Montero Sport",), "Honda": ("CR-V",), "Ford": ("Everest",)},
    "Van": {"Toyota": ("HiAce", "Innova"), "Nissan": ("Urvan",), "Hyundai": ("Starex",)},
    "LightTruck": {"Isuzu": ("N-Series",), "Mitsubishi": ("Fuso Canter",), "Hyundai": ()},
    "Utility": {"Toyota": ("Hilux",), "Isuzu": ("D-Max",), "Ford": ("Ranger",), "Mitsubishi": ("L300",)},
    "Motorcycle": {"Honda": ("Click", "TMX"), "Yamaha": ("Mio", "NMAX"), "Suzuki": ("Raider",)},
    "E-Jeepney": {},
}
"""Vehicles of Philippine roads. Buses and jeepneys have no makes, since their body builder is not visible."""


def labels(name: str) -> Labels:
    """Plausible labels: a few makes and models. The name contains `untrained`."""
    return labels_of(HIERARCHY, name if UNTRAINED in name else f"{UNTRAINED}-{name}")


def labels_of(hierarchy: Mapping[str, Mapping[str, Sequence[str]]], name: str) -> Labels:
    """All vehicle types, with the makes and models of `hierarchy` (type → make → models), and thresholds of 0.5."""
    tree = {kind: {make: tuple(models) for make, models in makes.items()} for kind, makes in hierarchy.items()}
    return Labels(
        name=name,
        types=get_args(YoloType),
        makes=_in_order(make for makes in tree.values() for make in makes),
        models=_in_order(model for makes in tree.values() for models in makes.values() for model in models),
        hierarchy=tree,
        mean=MEAN,
        std=STD,
        thresholds=Thresholds(type=0.5, make=0.5, model=0.5),
    )


def network(named: Labels, seed: int) -> torch.nn.Module:
    """A small convolutional network with three heads, its weights random from `seed`."""
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    class Untrained(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
        def __init__(self, *channels: int) -> None:
            super().__init__()
            convolutions = [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(channels)]
            layers = [layer for convolution in convolutions for layer in (convolution, nn.ReLU())]
            self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.type_head = nn.Linear(channels[-1], len(named.types))
            self.make_head = nn.Linear(channels[-1], len(named.makes))
            self.model_head = nn.Linear(channels[-1], len(named.models))

        def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
            seen = self.body(pictures)
            return {"type": self.type_head(seen), "make": self.make_head(seen), "model": self.model_head(seen)}

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Untrained(3, 16, 32, 64, 64).eval()


def export(path: Path, name: str = UNTRAINED, seed: int = 0) -> None:
    """Write an untrained checkpoint to `path`; the same name and seed give the same bytes."""
    named = labels(name)
    write(path, network(named, seed), named)


def write(path: Path, module: torch.nn.Module, named: Labels, *, dynamic: bool = True) -> None:
    """Write `module` as a checkpoint: [N, 3, 640, 640] to type, make and model, for any N or, not `dynamic`, for 1."""
    import torch  # noqa: PLC0415

    # An archive keeps its example input; one expanded zero keeps it small.
    example = torch.zeros(1).expand(2 if dynamic else 1, 3, 640, 640)
    shapes = ({0: torch.export.Dim("pictures", min=1)},) if dynamic else None
    program = torch.export.export(module, (example,), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it holds paths of this machine
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        torch.export.save(program, file, extra_files={LABELS_FILE: json.dumps(named.model_dump(), indent=1)})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write an untrained main model.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default=UNTRAINED, help="checkpoint name of the rows; always contains `untrained`")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    export(arguments.out, arguments.name, arguments.seed)
    print(f"{arguments.out}: {labels(arguments.name).name}, {arguments.out.stat().st_size / 1e3:.0f} kB")


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


if __name__ == "__main__":
    main()

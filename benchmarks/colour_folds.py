"""Cross-validation of the factor of dark brown: python -m video_analysis.benchmarks.colour_folds --help.

On the photographs of colours (shared/data/colour), in four folds by their SHA-256. For each fold the factor is chosen
on the other three: the smallest of those with which most colours are right. The last number is for the code's factor.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from video_analysis.benchmarks.colour import alike
from video_analysis.benchmarks.real_data import DATA
from video_analysis.main_worker.attributes.color import colors
from video_analysis.main_worker.attributes.color_clusters import DARK_BROWN_FACTOR
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.imaging.letterbox import encode_snapshot
from video_analysis.worker_utils.inference.backend import sha256_of

FOLDS = 4
FACTORS = (1.0, 1.4, 1.8, DARK_BROWN_FACTOR, 2.6, 3.0)
Hits = Mapping[float, Sequence[bool]]
"""Factor → whether the main colour of each photograph is right."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 2 without photographs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    paths = sorted((parser.parse_args(arguments).data / "colour").glob("*/*.jpg"))
    if not paths:
        sys.stderr.write("no photographs in DATA/colour\n")
        return 2
    folds = [int(sha256_of(path), 16) % FOLDS for path in paths]
    hits = {factor: [is_right(path, factor) for path in paths] for factor in FACTORS}
    for fold in range(FOLDS):
        factor = chosen(hits, [one != fold for one in folds])
        counts = [_count(hits[one], [other == fold for other in folds]) for one in (1.0, factor, DARK_BROWN_FACTOR)]
        print(f"fold {fold}: {folds.count(fold)} photographs, right before {counts[0]}, ", end="")
        print(f"by the others' factor {factor:g} {counts[1]}, by {DARK_BROWN_FACTOR:g} {counts[2]}")
    print(f"all: right before {sum(hits[1.0])} of {len(paths)}, after {sum(hits[DARK_BROWN_FACTOR])}")
    return 0


def chosen(hits: Hits, rows: Sequence[bool]) -> float:
    """The smallest factor with which most of the chosen photographs are right."""
    return max(sorted(hits), key=lambda factor: _count(hits[factor], rows))


def is_right(photograph: Path, factor: float) -> bool:
    """Whether the main colour of a photograph is that of its folder."""
    jpeg = encode_snapshot(np.asarray(cv2.imread(str(photograph)), np.uint8), WorkerConfig().snapshot.jpeg_quality)
    snapshot = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    found = colors(snapshot, None, factor)
    return bool(found) and alike(found[0].base, photograph.parent.name.capitalize())


def _count(right: Sequence[bool], rows: Sequence[bool]) -> int:
    return sum(hit for hit, row in zip(right, rows, strict=True) if row)


if __name__ == "__main__":
    sys.exit(main())

"""Accuracy of the colours: python -m video_analysis.benchmarks.colour --help.

On photographs (../shared/data/colour, compared with the peer network) and on rendered snapshots by day, at dusk and
by night. The first scenes ("seen") were used while color.py was written; white against silver was fitted on all
scenes. Prints a table, writes out/colour.json and contact sheets of the most confident errors.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from video_analysis.benchmarks.real_data import DATA
from video_analysis.demo import contact_sheet
from video_analysis.main_worker.attributes.color import Color, colors
from video_analysis.simulator.rendering.lighting import Light
from video_analysis.simulator.scene import Scene
from video_analysis.simulator.truth import SeenVehicle
from video_analysis.training.calibration import calibration_error
from video_analysis.training.splits import EVALUATION_SCENES
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig
from video_analysis.worker_utils.imaging.crop import Image, crop_with_margin
from video_analysis.worker_utils.imaging.jpeg_check import check_snapshot
from video_analysis.worker_utils.imaging.letterbox import CONTENT_TYPE, encode_snapshot

OUT = PACKAGE_FOLDER / "out" / "colour"
FIRST_SEED = EVALUATION_SCENES.start + 60_001
CROPS_PER_SCENE = 13
LIGHTS: tuple[Light, ...] = ("day", "dusk", "day", "night") * 8
"""The light of each scene, in order."""
SEEN_SCENES = 18
LEAST_PX = 80
CARS = ("Car", "SUV", "Van")
PEER_KNOWS = ("White", "Gray", "Yellow", "Red", "Green", "Blue", "Black")  # in the order of its output
WORST = 20
TrueColor = tuple[str | None, str, str | None]
"""Finish, base, lightness; photographs have the base only."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture with its true and its detected colours."""

    group: str
    name: str
    picture: Image
    truth: tuple[TrueColor, ...]
    found: tuple[Color, ...]
    took_ms: float

    @property
    def right(self) -> bool:
        """Whether the main colour's base is right, silver and gray counting as one."""
        return bool(self.found) and alike(self.found[0].base, self.truth[0][1])


def alike(one: str, other: str) -> bool:
    """Equal, or silver and gray."""
    return one == other or {one, other} == {"Silver", "Gray"}


def read(group: str, name: str, jpeg: bytes, truth: Sequence[TrueColor], kind: str | None) -> Shot:
    """Run colors() on a snapshot."""
    picture = check_snapshot(jpeg, CONTENT_TYPE)
    start = time.perf_counter()
    found = colors(picture, kind)
    return Shot(group, name, picture, tuple(truth), tuple(found), 1000 * (time.perf_counter() - start))


def photographs(folder: Path) -> Iterator[Shot]:
    """The photographs as snapshots, in an even and an odd group by their position in the list."""
    quality = WorkerConfig().snapshot.jpeg_quality
    for number, path in enumerate(sorted(folder.glob("*/*.jpg"))):
        jpeg = encode_snapshot(np.asarray(cv2.imread(str(path)), np.uint8), quality)
        group = f"photographs {'odd' if number % 2 else 'even'}"
        yield read(group, path.name, jpeg, [(None, path.parent.name.capitalize(), None)], None)


def crops(folder: Path) -> Iterator[Shot]:
    """The rendered snapshots that exist."""
    for index in sorted(folder.glob("*.json")):
        seen = "seen" if int(index.stem) < SEEN_SCENES else "unseen"
        for row in json.loads(index.read_text("utf-8")):
            truth = [(coat["finish"], coat["base"], coat["lightness"]) for coat in row["colors"]]
            jpeg = (folder / row["file"]).read_bytes()
            kind = "cars" if row["type"] in CARS else "others"
            yield read(f"{row['light']} {seen} {kind}", row["file"], jpeg, truth, row["type"])


def render(number: int, folder: Path) -> None:
    """Write the snapshots of one scene, then its truth: if the truth exists, all snapshots do."""
    if (index := folder / f"{number:02d}.json").is_file():
        return
    config, rows = WorkerConfig(), list[dict[str, object]]()
    scene = Scene.from_seed(FIRST_SEED + number, light=LIGHTS[number], vehicles_per_frame=10)
    folder.mkdir(parents=True, exist_ok=True)
    for one, picture in _vehicles(scene):
        crop = crop_with_margin(picture, one.box, config.snapshot.crop_margin)
        name = f"{number:02d}_{len(rows):02d}.jpg"
        (folder / name).write_bytes(encode_snapshot(crop, config.snapshot.jpeg_quality))
        rows.append({"file": name, "light": LIGHTS[number]} | asdict(one))
        if len(rows) == CROPS_PER_SCENE:
            break
    partial = index.with_suffix(".part")
    partial.write_text(json.dumps(rows), "utf-8")
    partial.replace(index)


def _vehicles(scene: Scene) -> Iterator[tuple[SeenVehicle, Image]]:
    """Each vehicle once, in a frame from which stage 1 could take its snapshot."""
    known: set[int] = set()
    for _ in range(8):
        frame = scene.frame()
        for one in frame.truth.vehicles:
            longest = max(one.box[2] - one.box[0], one.box[3] - one.box[1])
            if one.id not in known and longest >= LEAST_PX and one.visible_fraction >= 0.7 and not one.cut:
                known.add(one.id)
                yield one, frame.image
        scene.skip(3.0)


def peer(folder: Path, weights: Path) -> dict[str, int]:
    """Number of photographs that the peer network classifies right, for each of its colours."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino  # noqa: PLC0415  # after its telemetry is disabled

    network = openvino.Core().compile_model(str(weights), "CPU")
    hits: dict[str, int] = {}
    for name in sorted(PEER_KNOWS):
        for path in sorted((folder / name.lower()).glob("*.jpg")):
            small = cv2.resize(cv2.imread(str(path)), (72, 72)).transpose(2, 0, 1)[None].astype(np.float32)
            scores = next(one for one in network(small).values() if one.shape[1] == len(PEER_KNOWS))
            hits[name] = hits.get(name, 0) + (PEER_KNOWS[int(scores.argmax())] == name)
    return hits


def summary(shots: Sequence[Shot]) -> dict[str, float]:
    """The figures of one group; `finish` and `light` are over pictures with a right base and known truth."""
    known = [shot for shot in shots if shot.right and not shot.group.startswith("photographs")]
    confs = np.array([shot.found[0].conf if shot.found else 0.0 for shot in shots])
    listed = [(shot, one.base) for shot in shots for one in shot.found[1:]]
    return {
        "pictures": len(shots),
        "base": float(np.mean([shot.right for shot in shots])),
        "base strictly": float(
            np.mean([bool(shot.found) and shot.found[0].base == shot.truth[0][1] for shot in shots])
        ),
        "any coat": float(
            np.mean([any(shot.found and alike(shot.found[0].base, c[1]) for c in shot.truth) for shot in shots])
        ),
        "second right": float(
            np.mean([any(alike(base, c[1]) for c in shot.truth) for shot, base in listed] or [False])
        ),
        "finish": float(np.mean([shot.found[0].finish == shot.truth[0][0] for shot in known] or [False])),
        "light": float(np.mean([shot.found[0].lightness == shot.truth[0][2] for shot in known] or [False])),
        "ECE": calibration_error(confs, np.array([shot.right for shot in shots])),
        "median ms": float(np.median([shot.took_ms for shot in shots])),
    }


def sheet(shots: Sequence[Shot], path: Path) -> None:
    """Write a contact sheet of the most confident errors."""
    wrong = sorted((one for one in shots if not one.right), key=lambda one: -one.found[0].conf if one.found else 0)
    lines = [
        [shot.name, "is " + "/".join(c[1] for c in shot.truth)] + [f"not {c.base} {c.conf:.2f}" for c in shot.found[:1]]
        for shot in wrong[:WORST]
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), contact_sheet.draw([(one.picture, text) for one, text in zip(wrong, lines, strict=False)]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, write it as JSON, draw the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=32, choices=range(33), help="to render (0: those there are)")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args(arguments)
    for number in range(options.scenes):
        render(number, OUT / "crops")
    sets = {"photographs": list(photographs(options.data / "colour")), "traffic": list(crops(OUT / "crops"))}
    shots = [shot for one in sets.values() for shot in one]
    groups = {name: [shot for shot in shots if shot.group == name] for name in sorted({one.group for one in shots})}
    figures: dict[str, object] = {name: summary(members) for name, members in groups.items()}
    bases = [one.truth[0][1] for one in sets["photographs"] if one.right]
    figures["right of each colour"] = {base: bases.count(base) for base in sorted(set(bases))}
    weights = options.data / "models" / "vehicle-attributes-0039" / "vehicle-attributes-recognition-barrier-0039.xml"
    figures["peer"] = peer(options.data / "colour", weights) if weights.is_file() else None
    for name, row in figures.items():
        print(f"{name:<20}", row if not isinstance(row, dict) else "  ".join(f"{k} {v:.4g}" for k, v in row.items()))
    OUT.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    for name, members in sets.items():
        sheet(members, OUT / f"worst_{name}.png")


if __name__ == "__main__":
    main()

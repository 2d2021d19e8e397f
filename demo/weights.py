"""The networks of the demo: those of the command line, or the demo's own.

Only the demo uses the demo's weights. A worker never falls back to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from video_analysis.devstack import untrained_model
from video_analysis.worker_config import PACKAGE_FOLDER

DETECTOR = PACKAGE_FOLDER / "yolo_worker" / "bundle" / "demo.pt"
BASELINE = PACKAGE_FOLDER / "main_worker" / "bundle" / "demo_baseline.pt"
CMT = PACKAGE_FOLDER / "main_worker" / "bundle" / "demo_cmt.pt"


@dataclass(frozen=True)
class Networks:
    """A detector, and one main model, or two to compare. `main_models` maps the setting's variable to the file."""

    detector: Path
    main_models: Mapping[str, Path]

    @property
    def files(self) -> list[Path]:
        """All of them, the detector first."""
        return [self.detector, *self.main_models.values()]

    @property
    def settings(self) -> dict[str, str]:
        """Environment variables that select these networks."""
        named = {name: str(path.resolve()) for name, path in self.main_models.items()}
        mode = "compare" if len(named) > 1 else "single"
        return {"CVITX_YOLO_WEIGHTS": str(self.detector.resolve()), "CVITX_RUN_MODE": mode, **named}


OWN = Networks(DETECTOR, {"CVITX_BASELINE_CHECKPOINT": BASELINE, "CVITX_CMT_CHECKPOINT": CMT})
"""The demo's own."""


def choose(detector: Path | None, main_model: Path | None, out: Path) -> Networks:
    """The networks for the given `detector` and `main_model`, each of which may be None.

    If only a detector is given and the demo's main models are missing, an untrained one is written to `out`.
    """
    if main_model is not None:
        return Networks(detector or OWN.detector, {"CVITX_MAIN_CHECKPOINT": main_model})
    if detector is None or all(path.is_file() for path in OWN.main_models.values()):
        return Networks(detector or OWN.detector, OWN.main_models)
    return Networks(detector, {"CVITX_MAIN_CHECKPOINT": _untrained(out)})


def with_untrained(detector: Path, folder: Path) -> dict[str, str]:
    """Settings for tests of the pipeline: a real detector, an untrained main model, short polls.

    The main model and the converted networks are written to `folder`.
    """
    main_model = folder / "untrained.pt"
    untrained_model.export(main_model)
    return {
        **Networks(detector, {"CVITX_MAIN_CHECKPOINT": main_model}).settings,
        "CVITX_CACHE_DIR": str((folder / "cache").resolve()),
        "CVITX_WAIT_TIME_S": "1",
    }


def absent(networks: Networks) -> list[Path]:
    """The demo's own weights among `networks` that are missing, as paths within the repository."""
    return [path.relative_to(PACKAGE_FOLDER) for path in networks.files if path in OWN.files and not path.is_file()]


def _untrained(out: Path) -> Path:
    print("no main model given: exporting an untrained one; its labels are meaningless", flush=True)
    path = out / "untrained.pt"
    untrained_model.export(path)
    return path

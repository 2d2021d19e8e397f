"""Colours and plates of the photographs of ../shared/data, by the code of main_worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from video_analysis.benchmarks import colour, plate_folds, plates
from video_analysis.benchmarks.real_data import ABSENT
from video_analysis.main_worker.attributes.plate import REMEDY, PlateReader
from video_analysis.main_worker.attributes.plate_formats import FORMATS
from video_analysis.worker_utils.inference.backend import Runtime


def colours(data: Path) -> dict[str, Any]:
    """Photographs, and those whose main colour is right; or why there are none. Silver and grey count as one."""
    shots = list(colour.photographs(data / "colour"))
    if not shots:
        return {"skipped": ABSENT}
    return {"pictures": len(shots), "right": sum(shot.right for shot in shots)}


def read_plates(data: Path, runtime: Runtime) -> dict[str, Any]:
    """Photographs, plates that are read, and right ones; or why there are none. O and 0, I and 1 count as equal."""
    cases = list(plates.photographs(data / "plates" / "eu"))
    if not cases:
        return {"skipped": ABSENT}
    if PlateReader.load(runtime) is None:
        return {"skipped": REMEDY}
    return plate_folds.counts(cases, FORMATS, runtime)


def lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One line for each of `colours` and `plates`."""
    of = found["colours"]
    shown = of.get("skipped") or f"{of['right']} of {of['pictures']} right"
    yield f"colours of real photographs: {shown}"
    of = found["plates"]
    shown = of.get("skipped") or f"{of['read']} of {of['pictures']} read, {of['right']} of them right"
    yield f"plates of real photographs: {shown}"

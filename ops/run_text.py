"""Runs as text for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime

from video_analysis.ops.run_row import RunRow
from video_analysis.ops.run_rows import Adoption

HEADINGS = ("run", "video", "camera", "type", "status", "stage", "progress", "fps", "eta", "vehicles", "updated")
RIGHT = {"progress", "fps", "eta", "vehicles"}


def table(runs: Sequence[RunRow], cameras: Mapping[str, str]) -> str:
    """One line per run. `cameras`: video → code of its camera, if it is known."""
    cells = (_cells(run, cameras.get(run.video_id, "-")) for run in runs)
    return "".join(f"{line}\n" for line in _aligned([HEADINGS, *cells]))


def tree(runs: Sequence[RunRow]) -> str:
    """One line per run, indented below its parent. `runs` have one root; the oldest is first."""
    by_parent: dict[str | None, list[RunRow]] = {}
    ids = {run.id for run in runs}
    for run in runs:
        by_parent.setdefault(run.parent_run_id if run.parent_run_id in ids else None, []).append(run)
    return "".join(f"{line}\n" for line in _branch(by_parent, None, ""))


def details(run: RunRow) -> str:
    """One line per column that has a value."""
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    return "".join(f"{name:<18} {_value(value)}\n" for name, value in values.items() if value is not None)


def state(run: RunRow) -> str:
    """What became of a request."""
    if run.requested is not None and run.status == "failed":
        return f"{run.id}: {run.requested} is requested; the last attempt acts on it, unless its worker has crashed\n"
    if run.requested is not None:
        return f"{run.id}: {run.requested} is requested; the worker acts within seconds of processing\n"
    return f"{run.id}: {run.status}\n"


def adopted(adoption: Adoption) -> str:
    """The settings of a camera from now on."""
    camera_code = adoption.camera_code
    settings = [
        f"  {name} = {json.dumps(value)}{' (kept, not of this run)' if name in adoption.kept else ''}\n"
        for name, value in sorted(adoption.overrides.items())
    ]
    heading = "has the settings of the workers, and" if settings else "has the settings of the workers"
    return f"each video that a worker begins or resumes from now on: {camera_code} {heading}\n{''.join(settings)}"


def _branch(by_parent: Mapping[str | None, Sequence[RunRow]], parent: str | None, indent: str) -> Iterable[str]:
    for run in by_parent.get(parent, ()):
        stage = f" from {run.replay_from_stage}" if run.replay_from_stage else ""
        changed = "".join(f" {name}={json.dumps(value)}" for name, value in (run.config_overrides or {}).items())
        why = f" ({run.error_code})" if run.error_code else ""
        yield f"{indent}{run.id} {run.run_type}{stage}{changed}: {run.status}{why}"
        yield from _branch(by_parent, run.id, indent + "  ")


def _cells(run: RunRow, camera_code: str) -> tuple[str, ...]:
    state = f"{run.status}, {run.requested} requested" if run.requested else run.status
    return (
        run.id,
        run.video_id,
        camera_code,
        run.run_type,
        f"{state} ({run.error_code})" if run.error_code else state,
        run.current_stage or "-",
        "-" if run.progress is None else f"{run.progress:.0%}",
        "-" if run.fps is None else f"{run.fps:.1f}",
        "-" if run.eta_s is None or run.status != "running" else _duration(run.eta_s),
        "-" if run.vehicles is None else str(run.vehicles),
        _time(run.updated_at),
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(HEADINGS, row, widths, strict=True)
        yield "  ".join(
            cell.rjust(width) if name in RIGHT else cell.ljust(width) for name, cell, width in cells
        ).rstrip()


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return _time(value)
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _time(instant: datetime) -> str:
    return instant.isoformat(sep=" ", timespec="seconds")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"

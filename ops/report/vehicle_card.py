"""One vehicle in the report: its snapshot, time, and the results of each variant."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.ops.report import wording
from video_analysis.ops.report.stored_results import StoredSnapshot

Row = dict[str, Any]
"""One analysis with one of its results, or none: the columns of stored_results.ROWS."""


def card(rows: Sequence[Row], snapshot: StoredSnapshot | None, zone: tzinfo) -> str:
    """The card of one vehicle; `rows` are the results of its analysis."""
    first = rows[0]
    track, at = first["track_id"], wording.offset(first["detected_in_ms"])
    description = f"Vehicle {track}: {first['yolo_type']} at {at} of the video"
    seen = f'<time class="at">{at}</time>'
    if first["detected_at"] is not None:
        clock = wording.clock(first["detected_at"], zone)
        seen += f' <time datetime="{wording.text(first["detected_at"].isoformat())}">{clock}</time>'
    return (
        f'<article class="vehicle" id="track-{track}">'
        f"{_picture(snapshot, description)}"
        f'<div class="facts"><header><h3>Vehicle {track}</h3><p>{seen}</p></header>{_verdict(rows)}</div></article>'
    )


def _picture(snapshot: StoredSnapshot | None, description: str) -> str:
    if snapshot is None:
        return '<p class="problem">The picture is not in the store.</p>'
    encoded = base64.b64encode(snapshot.content).decode("ascii")
    source = f"data:{wording.text(snapshot.content_type)};base64,{encoded}"
    return f'<img src="{source}" width="640" height="640" alt="{wording.text(description)}">'


def _verdict(rows: Sequence[Row]) -> str:
    """The table of the results, and above it why results are missing."""
    first, results = rows[0], [row for row in rows if row["variant"] is not None]
    problem = ""
    if first["status"] == "error":
        problem = f'<p class="problem">Not classified: {wording.text(first["error_msg"] or "no reason given")}</p>'
    elif first["status"] != "done":
        problem = f'<p class="problem">Not classified yet: {wording.text(first["status"])}</p>'
    detector = f'<p class="detector">Detector: <b>{wording.text(first["yolo_type"])}</b></p>'
    return problem + detector + (_table(first["yolo_type"], results) if results else "")


def _table(yolo_type: str, results: Sequence[Row]) -> str:
    """The results of all variants side by side."""
    heads = "".join(f'<th scope="col">{wording.text(row["variant"])}</th>' for row in results)
    body = "".join(_level(level, yolo_type, results) for level in LEVELS)
    body += _line("Colour", [_colors(row) for row in results]) + _line("Plate", [_plate(row) for row in results])
    return f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _level(level: str, yolo_type: str, results: Sequence[Row]) -> str:
    """A row of the table; marked if the variants differ, or if a variant and the detector differ."""
    named = {row[f"{level}_label"] for row in results} - {None}
    note = ""
    if len(named) > 1:
        note = "variants differ"
    elif level == "type" and named - {yolo_type}:
        note = "detector differs"
    return _line(level.capitalize(), [_answer(row, level) for row in results], note)


def _line(name: str, cells: Sequence[str], note: str = "") -> str:
    mark = f' <em class="note">{note}</em>' if note else ""
    cells = "".join(f"<td>{cell}</td>" for cell in cells)
    kind = ' class="differs"' if note else ""
    return f'<tr{kind}><th scope="row">{name}{mark}</th>{cells}</tr>'


def _answer(row: Row, level: str) -> str:
    """A label with its confidence; for an abstention the best candidate and the reason."""
    label, confidence = row[f"{level}_label"], row[f"{level}_conf"]
    if label is None:
        return f'<span class="unsure">not sure</span>{_candidate(row, level)}{_reason(row, level)}'
    if confidence is None:
        return wording.text(label)
    return f"{wording.text(label)} <small>{wording.percent(confidence)}</small>{wording.bar(confidence)}"


def _candidate(row: Row, level: str) -> str:
    """The model's best candidate at this level, if there is one."""
    leaned = _evidence(row, level).get("candidate")
    if not leaned:
        return ""
    label, confidence = leaned
    return f' <small class="unsure">{wording.text(label)}? {wording.percent(confidence)}</small>'


def _reason(row: Row, key: str) -> str:
    """Why a value is null, if the evidence has a reason."""
    evidence = _evidence(row, key)
    code = evidence.get("null") or evidence.get("abstained")
    return f' <small class="unsure">{wording.reason(code, evidence.get("detail"))}</small>' if code else ""


def _evidence(row: Row, key: str) -> dict[str, Any]:
    return (row["evidence"] or {}).get(key) or {}


def _colors(row: Row) -> str:
    shown = "<br>".join(wording.color(described) for described in row["colors"] or ())
    return shown or f'<span class="unsure">not read</span>{_reason(row, "colors")}'


def _plate(row: Row) -> str:
    if not row["plate_text"]:
        return f'<span class="unsure">not read</span>{_reason(row, "plate")}'
    confidence = "" if row["plate_conf"] is None else f" <small>{wording.percent(row['plate_conf'])}</small>"
    return f'<span class="plate">{wording.text(row["plate_text"])}</span>{confidence}'

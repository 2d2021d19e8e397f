"""The differences of two runs as one self-contained HTML page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from video_analysis.ops import html_report
from video_analysis.ops.compare.thumbnails import Thumbnail
from video_analysis.ops.diff.report_text import limit_of, settings_of
from video_analysis.ops.diff.vehicles import Pair, RunDiff, Vehicle
from video_analysis.ops.run_row import RunRow

FOOTER = (
    "A vehicle is the same in both runs if its boxes overlap in one frame, if one path of detections joins them, or if"
    " one vehicle can be at both places at these times. The last of these is a guess."
)
Pictures = Mapping[str, Thumbnail]
"""Snapshot URI → picture."""
NOT_SHOWN = Thumbnail(None, "not shown, see --pictures")


def render(before: RunRow, after: RunRow, diff: RunDiff, pictures: Pictures) -> str:
    """The page. Snapshots without an entry in `pictures` are not shown."""
    summary = (
        f"{len(diff.same)} vehicles with the same best frame, {len(diff.other_frame)} with another one,"
        f" {len(diff.new)} new, {len(diff.gone)} gone."
    )
    if diff.until_ms is not None:
        summary = f"{limit_of(before, after, diff)}. {summary}"
    sections = [
        ("Runs: A before, B after", _runs(before, after)),
        (f"New in B: {len(diff.new)}", html_report.cards(_card(one, "B", pictures) for one in diff.new)),
        (f"Gone: {len(diff.gone)}", html_report.cards(_card(one, "A", pictures) for one in diff.gone)),
        (
            f"Another best frame: {len(diff.other_frame)}",
            html_report.cards(_pair(pair, pictures) for pair in diff.other_frame),
        ),
        (f"The same best frame: {len(diff.same)}", _table(diff.same)),
    ]
    return html_report.page("Differences of two runs", f"video {before.video_id}", summary, sections, FOOTER)


def _runs(before: RunRow, after: RunRow) -> str:
    facts = [
        ("run", before.id, after.id),
        ("type", before.run_type, after.run_type),
        ("from", before.replay_from_stage or "–", after.replay_from_stage or "–"),
        ("status", before.status, after.status),
        *settings_of(before, after),
    ]
    return html_report.table(["", "A", "B"], facts)


def _table(pairs: Sequence[Pair]) -> str:
    rows = [(_seconds(pair.after), str(pair.before.track_id), str(pair.after.track_id), _types(pair)) for pair in pairs]
    return html_report.table(["time", "track in A", "track in B", "type"], rows)


def _card(vehicle: Vehicle, run: str, pictures: Pictures) -> str:
    return f'<article class="vehicle"><h3>{escape(vehicle.type)}</h3>{_figure(vehicle, run, pictures)}</article>'


def _pair(pair: Pair, pictures: Pictures) -> str:
    figures = _figure(pair.before, "A", pictures) + _figure(pair.after, "B", pictures)
    return f'<article class="vehicle"><h3>{escape(_types(pair))}</h3><div class="pair">{figures}</div></article>'


def _figure(vehicle: Vehicle, run: str, pictures: Pictures) -> str:
    name = f"{run}: track {vehicle.track_id} at {_seconds(vehicle)}"
    shown = html_report.picture(pictures.get(vehicle.snapshot_uri, NOT_SHOWN), name)
    return f"<figure>{shown}<figcaption>{escape(name)}</figcaption></figure>"


def _types(pair: Pair) -> str:
    before, after = pair.before.type, pair.after.type
    return before if before == after else f"{before} → {after}"


def _seconds(vehicle: Vehicle) -> str:
    return f"{vehicle.offset_ms / 1000:.3f} s"

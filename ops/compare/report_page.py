"""The agreement report as one self-contained HTML page. Pure; every text from the database is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.ops import html_report
from video_analysis.ops.compare.agreement import (
    OUTCOMES,
    VARIANTS,
    Agreement,
    Disagreement,
    LabelPair,
    label_pair,
    outcome,
)
from video_analysis.ops.compare.report_text import HEAD, figure
from video_analysis.ops.compare.thumbnails import Thumbnail
from video_analysis.ops.html_report import picture, table

ABSTAINED = "abstained"
FOOTER = (
    "A confidence is the model’s estimate of the probability that a label and all labels above it are right. The models"
    " disagree about a snapshot if both name a level and the labels differ. The confidence of a disagreement is the"
    " lower of the two."
)


def render(title: str, found: Agreement, thumbnails: Sequence[Thumbnail]) -> str:
    """The report; `thumbnails` belong to the first disagreements, in order."""
    shown = list(zip(found.disagreements, thumbnails, strict=False))
    total = len(found.disagreements)
    sections = [
        ("Agreement", _levels(found)),
        ("Mean confidence", _confidence(found)),
        ("Types: baseline in rows, cmt in columns", _types(found)),
        ("Most frequent disagreements", _frequent(found)),
        ("Latency per snapshot, and checkpoints", _latency(found)),
        (
            f"Disagreements: {len(shown)} of {total}, highest confidence first",
            html_report.cards(_card(*one) for one in shown),
        ),
    ]
    summary = f"{found.snapshots} snapshots with both results, disagreements: {total}."
    return html_report.page("Agreement report", title, summary, sections, FOOTER)


def _levels(found: Agreement) -> str:
    rows = [
        [level, figure(result.agreement), *(str(result.counts[one]) for one in OUTCOMES)]
        for level, result in found.levels.items()
    ]
    return table(["level", *HEAD], rows)


def _confidence(found: Agreement) -> str:
    rows = [
        [level, variant, *(figure(mean) for mean in means.values())]
        for level, result in found.levels.items()
        for variant, means in result.confidence.items()
    ]
    return table(["level", "variant", "agreeing", "disagreeing", "named alone"], rows)


def _types(found: Agreement) -> str:
    """All types that a model named, and abstention as the last one."""
    names = sorted({name for pair in found.types for name in pair if name is not None})
    labels: list[str | None] = [*names, *([None] if any(None in pair for pair in found.types) else [])]
    rows = [[_name(row), *(str(found.types.get((row, column), 0)) for column in labels)] for row in labels]
    return table(["", *map(_name, labels)], rows)


def _frequent(found: Agreement) -> str:
    rows = [
        [level, str(baseline), str(cmt), str(count)]
        for level, pairs in found.frequent.items()
        for (baseline, cmt), count in pairs
    ]
    if not rows:
        return "<p>No disagreements about makes or models.</p>"
    return table(["level", "baseline", "cmt", "snapshots"], rows)


def _latency(found: Agreement) -> str:
    rows = [
        [
            variant,
            f"{figure(found.latency[variant].median)} ms",
            f"{figure(found.latency[variant].p95)} ms",
            ", ".join(f"{name} ({count} rows)" for name, count in found.checkpoints[variant].items()),
        ]
        for variant in VARIANTS
    ]
    return table(["variant", "median", "p95", "checkpoint"], rows)


def _card(one: Disagreement, thumbnail: Thumbnail) -> str:
    snapshot = one.snapshot
    name = f"Vehicle {snapshot.track_id} at {snapshot.offset_ms / 1000:.3f} s"
    source = f"{snapshot.camera_code}, video {snapshot.video_id}"
    rows = "".join(_row(level, label_pair(snapshot, depth), one, depth) for depth, level in enumerate(LEVELS))
    return (
        f'<article class="vehicle">{picture(thumbnail, name)}<h3>{escape(name)}</h3>'
        f"<p><small>{escape(source)}; detector: {escape(snapshot.yolo_type)}</small></p>"
        f'<table><thead><tr><td></td><th scope="col">baseline</th><th scope="col">cmt</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></article>"
    )


def _row(level: str, pair: LabelPair, one: Disagreement, depth: int) -> str:
    confs = one.snapshot.baseline.confs[depth], one.snapshot.cmt.confs[depth]
    cells = "".join(
        f"<td>{escape(_name(name))}{'' if conf is None else f' <small>{conf:.2f}</small>'}</td>"
        for name, conf in zip(pair, confs, strict=True)
    )
    mark = ' class="differs"' if outcome(pair) == "differ" else ""
    return f'<tr{mark}><th scope="row">{level}</th>{cells}</tr>'


def _name(name: str | None) -> str:
    return ABSTAINED if name is None else name

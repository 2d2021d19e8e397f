"""The agreement as lines for a terminal and as a JSON document. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from video_analysis.ops import stored_pictures
from video_analysis.ops.compare.agreement import (
    NO_CHECKPOINT,
    OUTCOMES,
    TOP_PAIRS,
    Agreement,
    Disagreement,
    LabelPair,
    outcome,
)
from video_analysis.ops.compare.thumbnails import Thumbnail
from video_analysis.worker_utils.contracts.schema_check import printable

HEAD = ("agreement", "same", "differ", "baseline only", "cmt only", "neither")


def lines(title: str, found: Agreement) -> Iterator[str]:
    """The figures for the terminal, with control characters escaped."""
    yield f"{title}: {found.snapshots} snapshots with both results, disagreements: {len(found.disagreements)}"
    yield f"{'':<8}" + "".join(f"{name:>15}" for name in HEAD)
    for level, result in found.levels.items():
        counts = "".join(f"{result.counts[one]:>15}" for one in OUTCOMES)
        yield f"{level:<8}{figure(result.agreement):>15}{counts}"
    for level, result in found.levels.items():
        for variant, means in result.confidence.items():
            figures = ", ".join(f"{kind} {figure(mean)}" for kind, mean in means.items())
            yield f"mean confidence of {variant} in the {level}: {figures}"
    for variant, latency in found.latency.items():
        yield f"latency of {variant} per snapshot: median {figure(latency.median)} ms, p95 {figure(latency.p95)} ms"
    for variant, rows in found.checkpoints.items():
        yield f"rows of {variant}: " + ", ".join(f"{count} by {printable(name)}" for name, count in rows.items())
    for name in _shared(found):
        yield f"both variants have rows by {printable(name)}: a checkpoint always agrees with itself"
    for level, pairs in {"type": _types(found), **found.frequent}.items():
        for (baseline, cmt), count in pairs:
            yield f"{level}: {count} × baseline {printable(baseline)}, cmt {printable(cmt)}"


def missing_images(thumbnails: Sequence[Thumbnail]) -> Iterator[str]:
    """One line with the number of missing images and the reasons; no line if the page has all images."""
    problems = [one.problem or "reason unknown" for one in thumbnails if one.jpeg is None]
    if problems:
        shown = stored_pictures.reasons(problems, ", see the page")
        yield f"{len(problems)} of {len(thumbnails)} images are missing: {shown}"


def document(about: Mapping[str, Any], found: Agreement) -> dict[str, Any]:
    """All figures and all disagreements, highest confidence first."""
    return {
        **about,
        "snapshots": found.snapshots,
        "levels": {level: {**asdict(one), "agreement": one.agreement} for level, one in found.levels.items()},
        "type_confusion": [
            {"baseline": baseline, "cmt": cmt, "snapshots": count} for (baseline, cmt), count in found.types.items()
        ],
        "frequent_disagreements": {
            level: [{"baseline": baseline, "cmt": cmt, "snapshots": count} for (baseline, cmt), count in pairs]
            for level, pairs in found.frequent.items()
        },
        "latency_ms": {variant: asdict(latency) for variant, latency in found.latency.items()},
        "checkpoints": found.checkpoints,
        "checkpoints_of_both": _shared(found),
        "disagreements": [_disagreement(one) for one in found.disagreements],
    }


def figure(number: float | None) -> str:
    """Three significant digits; a dash for None."""
    return "–" if number is None else f"{number:.3g}"


def _types(found: Agreement) -> list[tuple[LabelPair, int]]:
    """The most frequent disagreements about types."""
    differing = {pair: count for pair, count in found.types.items() if outcome(pair) == "differ"}
    return Counter(differing).most_common(TOP_PAIRS)


def _shared(found: Agreement) -> list[str]:
    """Checkpoints with rows of both variants."""
    baseline, cmt = found.checkpoints["baseline"], found.checkpoints["cmt"]
    return [name for name in baseline if name in cmt and name != NO_CHECKPOINT]


def _disagreement(one: Disagreement) -> dict[str, Any]:
    return {**asdict(one.snapshot), "level": one.level, "sureness": round(one.confidence, 4)}

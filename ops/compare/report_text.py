"""An agreement as lines for a terminal and as a JSON document. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from video_analysis.ops.compare.agreement import (
    MEETINGS,
    MOST_FREQUENT,
    NO_CHECKPOINT,
    Agreement,
    Disagreement,
    Named,
    meeting,
)
from video_analysis.ops.compare.thumbnails import SmallPicture
from video_analysis.worker_utils.contracts.schema_check import printable

HEAD = ("agreement", "same", "differ", "baseline only", "cmt only", "neither")
REASONS = 3
"""So many of the reasons why pictures are missing are told; the page tells all."""


def lines(title: str, found: Agreement) -> Iterator[str]:
    """What one reads first; names are made fit for a terminal."""
    yield f"{title}: {found.snapshots} snapshots with both rows, they disagree about {len(found.disagreements)}"
    yield f"{'':<8}" + "".join(f"{name:>15}" for name in HEAD)
    for level, told in found.levels.items():
        counts = "".join(f"{told.counts[how]:>15}" for how in MEETINGS)
        yield f"{level:<8}{figure(told.agreement):>15}{counts}"
    for level, told in found.levels.items():
        for variant, means in told.confidence.items():
            said = ", ".join(f"{kind} {figure(mean)}" for kind, mean in means.items())
            yield f"confidence of {variant}'s {level}: {said}"
    for variant, latency in found.latency.items():
        yield f"latency of {variant}: median {figure(latency.median)} ms, p95 {figure(latency.p95)} ms a picture"
    for variant, written in found.checkpoints.items():
        yield f"rows of {variant}: " + ", ".join(f"{count} by {printable(name)}" for name, count in written.items())
    for name in _shared(found):
        yield f"both variants have rows by {printable(name)}: that it agrees with itself means nothing"
    for level, pairs in {"type": _types(found), **found.frequent}.items():
        for (baseline, cmt), count in pairs:
            yield f"{level}: {count} × baseline {printable(baseline)}, cmt {printable(cmt)}"


def without(pictures: Sequence[SmallPicture]) -> Iterator[str]:
    """How many pictures the page lacks, and why; nothing where it has all."""
    problems = [picture.problem or "no reason given" for picture in pictures if picture.jpeg is None]
    if problems:
        reasons = [printable(problem) for problem in dict.fromkeys(problems)]
        more = [f"{len(reasons) - REASONS} more reasons, see the page"] if len(reasons) > REASONS else []
        yield f"{len(problems)} of {len(pictures)} pictures are missing: {'; '.join([*reasons[:REASONS], *more])}"


def document(about: Mapping[str, Any], found: Agreement) -> dict[str, Any]:
    """All figures and every disagreement, the surest first."""
    return {
        **about,
        "snapshots": found.snapshots,
        "levels": {level: {**asdict(told), "agreement": told.agreement} for level, told in found.levels.items()},
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
        "disagreements": [_told(one) for one in found.disagreements],
    }


def figure(number: float | None) -> str:
    """Three digits; a dash for what never was."""
    return "–" if number is None else f"{number:.3g}"


def _types(found: Agreement) -> list[tuple[Named, int]]:
    """The most frequent disagreements about types."""
    return Counter({pair: count for pair, count in found.types.items() if meeting(pair) == "differ"}).most_common(
        MOST_FREQUENT
    )


def _shared(found: Agreement) -> list[str]:
    """Checkpoints that wrote rows of both variants."""
    baseline, cmt = found.checkpoints["baseline"], found.checkpoints["cmt"]
    return [name for name in baseline if name in cmt and name != NO_CHECKPOINT]


def _told(one: Disagreement) -> dict[str, Any]:
    return {**asdict(one.snapshot), "level": one.level, "sureness": round(one.sureness, 4)}

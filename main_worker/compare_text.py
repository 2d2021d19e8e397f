"""An agreement as lines for a terminal and as a JSON document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from video_analysis.main_worker.agreement import MEETINGS, Agreement, Disagreement
from video_analysis.worker_utils.wire import printable

HEAD = ("agreement", "same", "differ", "baseline only", "cmt only", "neither")


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
    for level, pairs in found.frequent.items():
        for (baseline, cmt), count in pairs:
            yield f"{level}: {count} × baseline {printable(baseline)}, cmt {printable(cmt)}"


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
        "disagreements": [_told(one) for one in found.disagreements],
    }


def figure(number: float | None) -> str:
    """Three digits; a dash for what never was."""
    return "–" if number is None else f"{number:.3g}"


def _told(one: Disagreement) -> dict[str, Any]:
    return {**asdict(one.snapshot), "level": one.level, "sureness": round(one.sureness, 4)}

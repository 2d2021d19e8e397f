"""The agreement report as one HTML page that needs nothing else. Pure; every text of the database is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from video_analysis.main_worker.classification.hierarchy import LEVELS
from video_analysis.ops.compare.agreement import MEETINGS, VARIANTS, Agreement, Disagreement, Named, meeting, named
from video_analysis.ops.compare.report_style import STYLE
from video_analysis.ops.compare.report_text import HEAD, figure
from video_analysis.ops.compare.thumbnails import SIDE_PX, SmallPicture

ABSTAINED = "abstained"
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Agreement report: $title</title>
<link rel="icon" href="data:,">
<style>$style</style>
</head>
<body>
<header>
<p class="soft">Agreement report</p>
<h1>$title</h1>
<p>$summary</p>
</header>
<main>
<section><h2>Where they agree</h2>$levels</section>
<section><h2>How sure they are</h2>$confidence</section>
<section><h2>Type by type: baseline down, cmt across</h2>$types</section>
<section><h2>Most frequent disagreements</h2>$frequent</section>
<section><h2>Time a picture, and what wrote the rows</h2>$latency</section>
<section><h2>$pictures_head</h2><div class="vehicles">
$pictures
</div></section>
</main>
<footer>A confidence is a model’s own, that its label and every label above it is right. They disagree about a
snapshot where both name a level and name it differently; the less sure of the two says how sure that is.</footer>
</body>
</html>
""")


def render(title: str, found: Agreement, pictures: Sequence[SmallPicture]) -> str:
    """The report; `pictures` are those of the surest disagreements, in order."""
    shown = list(zip(found.disagreements, pictures, strict=False))
    total = len(found.disagreements)
    return PAGE.substitute(
        title=escape(title),
        style=STYLE,
        summary=f"{found.snapshots} snapshots with rows of both variants; they disagree about {total}.",
        levels=_levels(found),
        confidence=_confidence(found),
        types=_types(found),
        frequent=_frequent(found),
        latency=_latency(found),
        pictures_head=f"What they disagree about: {len(shown)} of {total}, the surest first",
        pictures="\n".join(_card(*one) for one in shown) or "<p>Nothing to show.</p>",
    )


def _levels(found: Agreement) -> str:
    rows = [
        [level, figure(told.agreement), *(str(told.counts[how]) for how in MEETINGS)]
        for level, told in found.levels.items()
    ]
    return _table(["level", *HEAD], rows)


def _confidence(found: Agreement) -> str:
    rows = [
        [level, variant, *(figure(mean) for mean in means.values())]
        for level, told in found.levels.items()
        for variant, means in told.confidence.items()
    ]
    return _table(["level", "variant", "agreeing", "disagreeing", "named alone"], rows)


def _types(found: Agreement) -> str:
    """Every type that either named, and abstention last."""
    names = sorted({name for pair in found.types for name in pair if name is not None})
    ways: list[str | None] = [*names, *([None] if any(None in pair for pair in found.types) else [])]
    rows = [[_name(down), *(str(found.types.get((down, across), 0)) for across in ways)] for down in ways]
    return _table(["", *map(_name, ways)], rows)


def _frequent(found: Agreement) -> str:
    rows = [
        [level, str(baseline), str(cmt), str(count)]
        for level, pairs in found.frequent.items()
        for (baseline, cmt), count in pairs
    ]
    return _table(["level", "baseline", "cmt", "snapshots"], rows) if rows else "<p>None of makes or models.</p>"


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
    return _table(["variant", "median", "p95", "checkpoint"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Plain text in, escaped; wider than a phone, it scrolls by itself."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _card(one: Disagreement, picture: SmallPicture) -> str:
    seen = one.snapshot
    name = f"Vehicle {seen.track_id} at {seen.offset_ms / 1000:.3f} s"
    where = f"{seen.camera_code}, video {seen.video_id}"
    rows = "".join(_row(level, named(seen, depth), one, depth) for depth, level in enumerate(LEVELS))
    return (
        f'<article class="vehicle">{_picture(picture, name)}<h3>{escape(name)}</h3>'
        f"<p><small>{escape(where)}; detector: {escape(seen.yolo_type)}</small></p>"
        f'<table><thead><tr><td></td><th scope="col">baseline</th><th scope="col">cmt</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></article>"
    )


def _row(level: str, said: Named, one: Disagreement, depth: int) -> str:
    confs = one.snapshot.baseline.confs[depth], one.snapshot.cmt.confs[depth]
    cells = "".join(
        f"<td>{escape(_name(name))}{'' if conf is None else f' <small>{conf:.2f}</small>'}</td>"
        for name, conf in zip(said, confs, strict=True)
    )
    mark = ' class="differs"' if meeting(said) == "differ" else ""
    return f'<tr{mark}><th scope="row">{level}</th>{cells}</tr>'


def _picture(picture: SmallPicture, name: str) -> str:
    if picture.jpeg is None:
        return f'<p class="problem">No picture: {escape(picture.problem or "no reason given")}</p>'
    encoded = base64.b64encode(picture.jpeg).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{encoded}" width="{SIDE_PX}" height="{SIDE_PX}" alt="{escape(name)}">'


def _name(name: str | None) -> str:
    return ABSTAINED if name is None else name

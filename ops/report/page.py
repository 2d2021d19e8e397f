"""The whole report: facts of the video, durations, counts per type, and each vehicle in time order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from video_analysis.ops.html_document import document
from video_analysis.ops.report import wording
from video_analysis.ops.report.run_facts import RunFacts
from video_analysis.ops.report.stored_results import StoredResults
from video_analysis.ops.report.vehicle_card import Row, card
from video_analysis.worker_utils.contracts.s3_keys import parse_snapshot_uri

STYLE = Path(__file__).with_name("style.css")
BODY = Template("""<header class="head">
<p class="kind">Vehicle report</p>
<h1>$name</h1>
<p class="status $status">$verdict</p>
$problem
</header>
<main>
<section aria-labelledby="video"><h2 id="video">The video</h2>$video</section>
<div class="pair">
<section aria-labelledby="types"><h2 id="types">Vehicles by type</h2>$types</section>
<section aria-labelledby="times"><h2 id="times">Time taken</h2>$times</section>
</div>
<section aria-labelledby="vehicles"><h2 id="vehicles">Vehicles, in order of time</h2>
$vehicles
</section>
</main>
<footer>A percentage is a model’s own confidence that its label, and every label above it, is right. Not sure:
the model named nothing at this level; its best candidate and the reason are shown instead.</footer>""")


def write(path: Path, found: StoredResults, run: RunFacts) -> None:
    """Write the report to `path`, UTF-8."""
    path.write_text(render(found, run), encoding="utf-8")


def render(found: StoredResults, run: RunFacts) -> str:
    """The report as HTML."""
    vehicles, name = by_vehicle(found), wording.text(found.video["file_name"] or "unnamed video")
    error = found.video["error_msg"]
    body = BODY.substitute(
        name=name,
        status=wording.text(found.video["status"]),
        verdict=f"{wording.text(found.video['status'])}, {wording.count(len(vehicles), 'vehicle')} found",
        problem=f'<p class="problem">{wording.text(error)}</p>' if error else "",
        video=_facts(_video_facts(found, run)),
        types=_types(Counter(rows[0]["yolo_type"] for rows in vehicles)),
        times=_facts(_times(run)),
        vehicles="\n".join(_cards(vehicles, found, run)) or '<p class="none">No vehicle was found in this video.</p>',
    )
    return document(f"Vehicle report: {name}", STYLE.read_text("utf-8"), body)


def by_vehicle(found: StoredResults) -> list[list[Row]]:
    """The rows of each analysis, in time order."""
    grouped = defaultdict(list)
    for row in found.rows:
        grouped[row["id"]].append(row)
    return sorted(grouped.values(), key=lambda rows: (rows[0]["detected_in_ms"], rows[0]["track_id"]))


def _cards(vehicles: Sequence[Sequence[Row]], found: StoredResults, run: RunFacts) -> Iterable[str]:
    for rows in vehicles:
        snapshot = found.snapshots.get(parse_snapshot_uri(rows[0]["snapshot_s3_key"]).key)
        yield card(rows, snapshot, run.zone)


def _video_facts(found: StoredResults, run: RunFacts) -> list[tuple[str, str]]:
    """Facts of the video and of the networks that processed it; what is not known is left out."""
    clip, video = run.clip, found.video
    known = [
        wording.offset(round(clip.seconds * 1000)) if clip.seconds else "",
        f"{clip.width}×{clip.height}" if clip.width else "",
        f"{clip.fps:g} frames/s" if clip.fps else "",
    ]
    facts = [
        (
            "Recorded",
            wording.text(wording.day_and_time(video["recorded_at"], run.zone)) if video["recorded_at"] else "",
        ),
        ("Length and size" if clip.seconds else "Size", ", ".join(filter(None, known))),
        ("Source", "rendered (synthetic traffic), not filmed" if clip.is_rendered else ""),
        ("Camera", wording.text(video["camera_label"] or video["camera_code"] or "")),
        ("Frames processed", _processed(run, video["frame_stride"])),
        ("Detector", wording.text(run.detector)),
        ("Main model", "<br>".join(sorted({_main_model(row) for row in found.rows if row["checkpoint"]}))),
    ]
    return [(name, value) for name, value in facts if value]


def _processed(run: RunFacts, stride: int | None) -> str:
    if run.processed_frames is None:
        return ""
    of = f" of {run.clip.frames}" if run.clip.frames else ""
    return f"{run.processed_frames}{of} ({wording.every(stride)})"


def _main_model(row: Row) -> str:
    """Variant and checkpoint; for a fallback also its kind and reason."""
    name = wording.text(f"{row['variant']}: {row['checkpoint']}")
    evidence = (row["evidence"] or {}).get("checkpoint")
    return f"{name} <small>{wording.reason(evidence['fallback'], evidence.get('detail'))}</small>" if evidence else name


def _times(run: RunFacts) -> list[tuple[str, str]]:
    """Durations of the demo's steps, their sum, and the share of yolo_worker's stages."""
    cells = [(wording.text(name), f"{seconds:.1f} s") for name, seconds in run.steps]
    if cells:
        cells.append(("Total", f"<b>{sum(seconds for _, seconds in run.steps):.1f} s</b>"))
    stages = run.stage_seconds.items()
    return cells + [(f"yolo_worker: {wording.text(stage)}", f"{seconds:.1f} s") for stage, seconds in stages]


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    if not facts:
        return '<p class="none">Not known.</p>'
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts) + "</dl>"


def _types(counts: Counter[str]) -> str:
    """A bar per type of the detector, most frequent first."""
    if not counts:
        return '<p class="none">Nothing.</p>'
    most = max(counts.values())
    lines = (
        f'<tr><th scope="row">{wording.text(name)}</th><td class="number">{number}</td>'
        f"<td>{wording.bar(number / most)}</td></tr>"
        for name, number in counts.most_common()
    )
    return f'<table class="types"><tbody>{"".join(lines)}</tbody></table>'

"""Messages made up by the hundred: valid ones, and everything one step away from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from typing import Any, get_args

from hypothesis import strategies as st

from video_analysis.worker_utils.contracts import messages, timestamps
from video_analysis.worker_utils.contracts.s3_keys import SnapshotUri

uuids = st.uuids(version=None).map(str)
workspace_codes = st.integers(0, 10**20 - 1).map("CTX{:04}".format)
camera_codes = st.integers(0, 10**20 - 1).map("CAM{}".format)


zones = st.one_of(
    st.sampled_from("Zz"),
    st.builds("{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59)),
)
instants = st.builds(
    "{:%Y-%m-%d}{}{}{}".format,
    st.dates(date(1000, 1, 1), date(9990, 1, 1)),
    st.sampled_from("Tt"),
    st.times().map(time.isoformat),
    zones,
)
endings = st.sampled_from([".mp4", ".MP4", ".Mp4", ".mP4"])
recorded = st.one_of(st.none(), instants)


@st.composite
def process_videos(draw: st.DrawFn) -> dict[str, Any]:
    workspace, video = draw(uuids), draw(uuids)
    name = draw(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40))
    return {
        "event": "PROCESS_VIDEO",
        "video_id": video,
        "workspace_id": workspace,
        "workspace_code": draw(workspace_codes),
        "camera_code": draw(camera_codes),
        "s3_key_raw": f"demo_user/{workspace}/{video}/raw/{name}{draw(endings)}",
        "frame_stride": draw(st.integers(1, 2**31 - 1)),
        "recordedAt": draw(recorded),
    }


@st.composite
def snapshots_ready(draw: st.DrawFn) -> dict[str, Any]:
    begun = draw(recorded)
    fields = {"workspace_id": draw(uuids), "video_id": draw(uuids)}
    codes = {"workspace_code": draw(workspace_codes), "camera_code": draw(camera_codes)}
    track, offset = draw(st.integers(1, 2**31 - 1)), draw(st.integers(0, messages.LONGEST_VIDEO_MS))
    return {
        "event": "SNAPSHOT_READY",
        **fields,
        **codes,
        "track_id": track,
        "snapshot_s3_key": str(SnapshotUri("any-bucket.of-2", **fields, **codes, track_id=track, offset_ms=offset)),
        "recordedAt": begun,
        "detectedIn": offset,
        "detectedAt": draw(st.sampled_from([None, begun and timestamps.add_ms(begun, offset)])),
        "yolo_type": draw(st.sampled_from(get_args(messages.YoloType))),
    }


KINDS: tuple[st.SearchStrategy[dict[str, Any]], ...] = (
    process_videos(),
    st.fixed_dictionaries({"event": st.just("PROCESS_VIDEO_DB"), "video_id": uuids, "workspace_id": uuids}),
    st.fixed_dictionaries(
        {"event": st.just("REPLAY_VIDEO"), "run_id": uuids, "video_id": uuids, "workspace_id": uuids}
    ),
    snapshots_ready(),
)
"""Valid messages of each event."""
valid = st.one_of(*KINDS)
ODD_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3.0,
    2.5,
    1e300,
    2**31 - 1,
    2**31,
    2**63 - 1,
    2**63,
    10**400,
    "",
    "3",
    [],
    {},
]
ODD_DATES = [
    f"{day}{t}{clock}{zone}"
    for day, t, clock, zone in [
        *(
            (day, "T", "08:30:00", "Z")
            for day in ("2024-02-29", "2026-02-29", "2026-04-31", "2026-00-01", "2026-13-01")
        ),
        *(
            (day, "T", "08:30:00", "+08:31")
            for day in ("0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "26-1-1")
        ),
        *(("2026-01-31", t, "08:30:00", "Z") for t in ("t", " ", "", "_")),
        *(
            ("2026-01-31", "T", clock, "Z")
            for clock in ("24:00:00", "23:60:00", "23:59:60", "23:59:61", "8:30:00", "08:30")
        ),
        *(("2026-01-31", "T", f"08:30:00{part}", "Z") for part in (".", ".5", ",5", ".123456789", ".\u0665")),
        *(
            ("2026-01-31", "T", "08:30:00", zone)
            for zone in ("", "z", "-00:00", "+23:59", "+24:00", "+08:60", "+0830", "+08")
        ),
        *(("2026-01-31", "T", "08:30:00", zone) for zone in ("Z\n", "ZZ", "\u017a", "+08:30:15", "[Asia/Manila]")),
    ]
]


def neighbours(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every message one step away from a valid one: a field missing, odd, or hardly different, and one too many."""
    yield document | {"note": None}
    for field, value in document.items():
        if field == "event":
            continue
        yield {name: kept for name, kept in document.items() if name != field}
        odd = [*ODD_VALUES, [value], {field: value}]
        if field in ("recordedAt", "detectedAt"):
            odd += ODD_DATES
        if isinstance(value, str):
            odd += hardly_different(value)
        elif isinstance(value, int):
            odd += [float(min(value, 2**53)), str(value), value + 1, -value]
        yield from (document | {field: other} for other in odd)


def hardly_different(text: str) -> Iterator[str]:
    yield from (
        f"{text}\n",
        f"\n{text}",
        f"{text} ",
        f" {text}",
        f"{text}\0",
        f"{text}{text}",
        text.upper(),
        text.lower(),
    )
    for place, character in enumerate(text):
        before, after = text[:place], text[place + 1 :]
        yield before + after
        if character.isdigit():
            yield f"{before}{chr(ord(character) + 0x630)}{after}"  # Arabic-Indic digits
            yield f"{before}0{character}{after}"
        elif character in "/._-":
            yield f"{before}{character}..{character}{after}"
            yield f"{before}x{after}"
            yield f"{before}\n{after}"

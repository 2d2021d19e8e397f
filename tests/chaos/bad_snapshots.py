"""Invalid snapshots: each checked by the worker's code in a sandbox, and some in a batch with valid ones."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from video_analysis.tests.chaos import bad_pictures
from video_analysis.tests.chaos.bad_sandbox import sandbox
from video_analysis.tests.chaos.bad_tally import Tally
from video_analysis.tests.chaos.environment import CLIP, ChaosEnvironment, Result, Scenario
from video_analysis.worker_utils.contracts.messages import SnapshotReady
from video_analysis.worker_utils.errors import ErrorCode
from video_analysis.worker_utils.imaging.jpeg_check import LARGEST_SNAPSHOT_BYTES

SEED = 1
MOST_MB = 250
"""The libraries, a picture of 4 MB and several copies of its pixels."""
LONGEST_S = 5.0
MUST_BE_REFUSED = frozenset({"another size", "another kind", "other colours", "size lies", "truncated", "bomb"})
MUST_BE_REFUSED |= {"bytes at random"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A sent snapshot, with the error code that its row must have; None for a valid one."""

    snapshot: SnapshotReady
    code: ErrorCode | None


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """(name, scenario) pairs."""
    yield "wrong snapshots, each checked in a process apart", checked_apart
    yield "wrong snapshots beside good ones in one receive", partial(beside_good_ones, most=30)


def checked_apart(chaos: ChaosEnvironment, scenario: str) -> Result:
    """Check all pictures, without a worker; the table is written to the folder of the workers' logs."""
    tally = tally_of()
    tally.write(chaos.workers["main_worker"].folder / "bad_snapshots.txt")
    whole = tally.lines[bad_pictures.WHOLE].outcomes
    result = tally.result(scenario)
    return replace(result, faults=result.faults - whole["read"], divergent=result.divergent + whole["refused"])


def tally_of() -> Tally:
    """Check every picture in the sandbox."""
    tally = Tally(MOST_MB, LONGEST_S, MUST_BE_REFUSED)
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-") as name, sandbox("snapshot", Path(name)) as checker:
        for family, content in bad_pictures.all_of(CLIP, SEED):
            path = Path(name) / "picture"
            path.write_bytes(content)
            tally.add(family, checker.read(path))
    return tally


def beside_good_ones(chaos: ChaosEnvironment, scenario: str, *, most: int) -> Result:
    """Batches in which every other snapshot is invalid: only these fail, with their code, and are dead-lettered."""
    dead, supervised = chaos.dead(), chaos.workers["main_worker"]
    wrong = _refused_ones(most)
    supervised.stop_cleanly()
    sent = _upload(chaos, wrong)  # sent before the start, so that each receive has both kinds
    supervised.start()
    chaos.settle()
    violations = [text for one in sent if (text := _violation(chaos, one))]
    result = Result(
        scenario,
        runs=len(sent),
        faults=len(wrong),
        lost=0,
        duplicated=0,
        divergent=len(violations),
        left_in_queue=chaos.left(),
        wrong_in_dlq=chaos.dead() - dead - len(wrong),
        failure="; ".join(violations[:3]) or None,
    )
    chaos.stack.sqs.purge_queue(QueueUrl=chaos.stack.snapshot_dlq_url)
    return result


def _refused_ones(most: int) -> list[tuple[bytes, ErrorCode | None]]:
    """Invalid pictures of every family in turn, each with its error code."""
    found: dict[str, list[tuple[bytes, ErrorCode | None]]] = {}
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-") as name, sandbox("snapshot", Path(name)) as checker:
        for family, content in bad_pictures.all_of(CLIP, SEED):
            path = Path(name) / "picture"
            path.write_bytes(content)
            reading = checker.read(path)
            if reading.outcome == "refused" and len(content) <= LARGEST_SNAPSHOT_BYTES:
                found.setdefault(family, []).append((content, reading.code))
    ranked = sorted((rank, family) for family, members in found.items() for rank in range(len(members)))
    return [found[family][rank] for rank, family in ranked[:most]]


def _upload(chaos: ChaosEnvironment, wrong: Sequence[tuple[bytes, ErrorCode | None]]) -> list[Sent]:
    """Send each invalid picture followed by a valid one, all for one new video."""
    video, good = str(uuid.uuid4()), _good()
    sent: list[Sent] = []
    for number, (content, code) in enumerate(wrong):
        pair: list[tuple[bytes, ErrorCode | None]] = [(content, code), (good, None)]
        for track, (picture, expected) in enumerate(pair, 1):
            snapshot = chaos.stack.put_snapshot(video, 2 * number + track, picture)
            sent.append(Sent(snapshot, expected))
    for one in sent:
        chaos.stack.send_snapshot(one.snapshot)
    return sent


def _good() -> bytes:
    family, content = next(bad_pictures.all_of(CLIP, SEED))
    assert family == bad_pictures.WHOLE
    return content


def _violation(chaos: ChaosEnvironment, one: Sent) -> str | None:
    uri = one.snapshot.snapshot_s3_key
    statement = "SELECT status, error_code FROM image_analyses WHERE snapshot_s3_key = %s"
    found = [(row["status"], row["error_code"]) for row in chaos.stack.sql(statement, uri)]
    expected = ("done", None) if one.code is None else ("error", one.code)
    return None if found == [expected] else f"{uri} is {found}, not {expected}"

"""Hundreds of broken videos: each read by the worker's code in a sandbox, and some by a real worker."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from video_analysis.tests.chaos import bad_clips, bad_encodings
from video_analysis.tests.chaos.bad_clips import Broken
from video_analysis.tests.chaos.bad_sandbox import sandbox
from video_analysis.tests.chaos.bad_tally import Tally
from video_analysis.tests.chaos.environment import CLIP, SHARED, ChaosEnvironment, Result, Scenario
from video_analysis.worker_utils.errors import ErrorCode
from video_analysis.worker_utils.execution import temp_dirs

SEED = 1
MOST_MB = 1200
"""Three copies of a frame of 64 megapixels, and the libraries. Also the limit for parsing an index."""
LONGEST_S = 30.0
MUST_BE_REFUSED = frozenset({"no video at all"})
OF_EACH_FAMILY = 2
BETWEEN_HEALTHY = 7
"""Broken videos per valid one."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A broken video, with the error code of the worker's refusal."""

    path: Path
    code: ErrorCode | None


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """(name, scenario) pairs."""
    yield "broken videos, each read in a process apart", read_apart
    yield "broken videos of each kind beside healthy ones", partial(beside_healthy, most=25)


def read_apart(chaos: ChaosEnvironment, scenario: str) -> Result:
    """Read all videos, without a worker; the table is written to the folder of the workers' logs."""
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-") as name:
        tally, left = tally_of(Path(name), everything(Path(name)))
    tally.write(chaos.workers["yolo_worker"].folder / "bad_videos.txt")
    return replace(tally.result(scenario), left_in_queue=left)


def everything(folder: Path) -> Iterator[Broken]:
    """Every broken video of bad_clips and bad_encodings."""
    return chain(bad_clips.all_of(SHARED / "video", SEED), bad_encodings.all_of(CLIP, folder, SEED))


def tally_of(folder: Path, broken: Iterator[Broken]) -> tuple[Tally, int]:
    """Results of the videos, and the number of temporary files that remained."""
    tally, apart = Tally(MOST_MB, LONGEST_S, MUST_BE_REFUSED), folder / "scratch"
    apart.mkdir()
    with sandbox("video", apart) as reader:
        for family, content in broken:
            path = folder / "broken.mp4"
            path.write_bytes(content)
            tally.add(family, reader.read(path))
    return tally, len(list(apart.iterdir()))


def beside_healthy(chaos: ChaosEnvironment, scenario: str, *, most: int) -> Result:
    """Invalid videos among valid ones: error code in the row, message dead-lettered, no temporary file left."""
    dead = chaos.dead()
    with tempfile.TemporaryDirectory(prefix="cvitx-chaos-") as name:
        chosen = refused_ones(Path(name), most)
        apart = Path(name) / "worker"
        apart.mkdir()
        with chaos.workers["yolo_worker"].with_settings({"CVITX_TEMP_DIR": str(apart)}):
            sent = [_sent(chaos, number, one) for number, one in enumerate(chosen)]
            chaos.settle()
            files = len(list(apart.glob(f"{temp_dirs.PREFIX}*")))
    result = chaos.evaluate(scenario, len(sent), dead + len(sent))
    chaos.stack.sqs.purge_queue(QueueUrl=chaos.stack.video_dlq_url)
    violations = [text for video_id, one in sent if (text := _violation(chaos, video_id, one))]
    violations += [f"{files} temporary folders left"] * bool(files)
    return replace(
        result,
        runs=result.runs + len(sent),
        divergent=result.divergent + len(violations),
        failure="; ".join(violations[:3]) or None,
    )


def refused_ones(folder: Path, most: int) -> list[Refused]:
    """The first refused videos of each family, as files."""
    found: list[Refused] = []
    families: Counter[str] = Counter()
    (folder / "scratch").mkdir()
    with sandbox("video", folder / "scratch") as reader:
        for number, (family, content) in enumerate(everything(folder)):
            if len(found) == most:
                break
            if families[family] == OF_EACH_FAMILY:
                continue
            path = folder / f"{number}.mp4"
            path.write_bytes(content)
            reading = reader.read(path)
            if reading.outcome == "refused":
                found.append(Refused(path, reading.code))
                families[family] += 1
    return found


def _sent(chaos: ChaosEnvironment, number: int, one: Refused) -> tuple[str, Refused]:
    if number % BETWEEN_HEALTHY == 0:
        chaos.send()
    task = chaos.stack.upload(one.path, chaos.stride)
    chaos.stack.send(task)
    return task["video_id"], one


def _violation(chaos: ChaosEnvironment, video_id: str, one: Refused) -> str | None:
    (row,) = chaos.stack.sql("SELECT status, error_code, error_msg FROM videos WHERE id = %s", video_id)
    if (row["status"], row["error_code"]) == ("error", one.code) and row["error_msg"]:
        return None
    return f"{row['status']}: {row['error_code']} {row['error_msg']!r}, not {one.code}"

"""`make demo`: a clip through S3, SQS, both workers and PostgreSQL on this machine, and a report of the results."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from video_analysis.demo import options, rendered_clip, show, weights
from video_analysis.demo.options import Options
from video_analysis.demo.stopwatch import Stopwatch
from video_analysis.demo.weights import Networks
from video_analysis.devstack import follow, local_stack, stored_results, worker_process
from video_analysis.devstack.local_stack import Stack
from video_analysis.devstack.worker_process import WorkerProcess
from video_analysis.ops.report import page, run_facts
from video_analysis.ops.report.run_facts import RunFacts
from video_analysis.ops.report.stored_results import StoredResults
from video_analysis.worker_config import WorkerConfig


@dataclass(frozen=True)
class Recording:
    """The clip that is sent, and its recording time, if known."""

    path: Path
    recorded_at: str | None
    is_rendered: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo. 0 if every vehicle has its snapshot and finished row, 1 if not, 2 if it cannot start."""
    given = options.parse(arguments)
    if given.missing_files:
        print(f"make demo needs {' and '.join(given.missing_files)}", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    networks, stopwatch = weights.choose(given.weights, given.main_model, given.out), Stopwatch()
    if absent := weights.absent(networks):
        named = ", ".join(map(str, absent))
        print(
            f"make demo needs {named}: `make train` makes them (hours), or give WEIGHTS= and MAIN_MODEL=",
            file=sys.stderr,
        )
        return 2
    recording = _recording(given, stopwatch)
    settings = networks.settings | {"CVITX_WAIT_TIME_S": "2"}
    print("starting PostgreSQL, SQS and S3 (usually 5 s) …", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="cvitx-demo-", ignore_cleanup_errors=True) as folder,
        local_stack.started(Path(folder), WorkerConfig(), settings) as environment,
    ):
        stopwatch.lap("starting PostgreSQL, SQS and S3")
        faults = _journey(environment, recording, networks, given, stopwatch)
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    print(f"{'failed' if faults else 'done'} after {stopwatch.total_s:.0f} s")
    return 1 if faults else 0


def _recording(given: Options, stopwatch: Stopwatch) -> Recording:
    """The given clip, or a rendered one."""
    if given.video is not None:
        return Recording(given.video, given.recorded_at, is_rendered=False)
    path = given.out / "rendered_street.mp4"
    print(f"no VIDEO= given: rendering {rendered_clip.SECONDS} s of synthetic traffic (usually 10 s) …", flush=True)
    rendered_clip.render(path)
    stopwatch.lap("rendering the clip")
    return Recording(path, given.recorded_at or rendered_clip.RECORDED_AT, is_rendered=True)


def _journey(
    environment: Stack, recording: Recording, networks: Networks, given: Options, stopwatch: Stopwatch
) -> list[str]:
    """Process one clip and write the report; returns the faults as text."""
    task = environment.upload(recording.path, given.stride, recording.recorded_at)
    environment.send(task)
    print(f"sent PROCESS_VIDEO for {recording.path.name}, stride {given.stride}", flush=True)
    print("both workers start and process it (usually 30 s for the rendered clip, 60 s the first time) …", flush=True)
    with worker_process.both(environment.environ, given.out) as workers:
        progress = partial(follow.of_video, environment, workers, task["video_id"])
        faults = follow.until_settled(environment, workers, progress)
        stopwatch.lap("both workers, from their start")
        found = stored_results.read(environment, task["video_id"])
        if given.twice and not faults:
            environment.send(task)
            print("sent the same message again", flush=True)
            faults += follow.until_settled(environment, workers, progress)
            if stored_results.read(environment, task["video_id"]).digest() != found.digest():
                faults.append("the second run changed a row, a key or a byte")
            stopwatch.lap("the same message again")
        faults += [f"{worker.name} exited with {code}" for worker in workers if (code := worker.stop()) != 0]
    stopwatch.lap("stopping the workers")
    _show(found, _facts(recording, networks, workers[0], stopwatch), given.out)
    return faults + found.faults() + _messages_do_not_match(workers[0], found, runs=2 if given.twice else 1)


def _messages_do_not_match(yolo: WorkerProcess, found: StoredResults, runs: int) -> list[str]:
    sent = len(yolo.events("snapshot.ready"))
    expected = len(found.analyses) * runs
    return [] if sent == expected else [f"{sent} SNAPSHOT_READY for {len(found.analyses)} rows in {runs} run(s)"]


def _facts(recording: Recording, networks: Networks, yolo: WorkerProcess, stopwatch: Stopwatch) -> RunFacts:
    """Facts of the run for the report; frames and stages are those of the first pass."""
    done = next(iter(yolo.events("video.done")), {})
    return RunFacts(
        clip=run_facts.clip_facts(recording.path, is_rendered=recording.is_rendered),
        detector=networks.detector.name,
        processed_frames=done.get("frames"),
        steps=stopwatch.laps,
        stage_seconds=done.get("seconds", {}),
        zone=run_facts.zone_of(recording.recorded_at),
    )


def _show(found: StoredResults, facts: RunFacts, out: Path) -> None:
    show.table(found)
    if facts.processed_frames is not None:
        stages = dict(facts.stage_seconds)
        print(f"{facts.processed_frames} frames, {len(found.analyses)} vehicles; seconds by stage: {stages}")
    if found.rows:
        show.sheet(found, out / "contact_sheet.png")
        print(f"contact sheet: {out / 'contact_sheet.png'}")
    page.write(out / "report.html", found, facts)
    print(f"logs: {out}/*.log\nreport: {out / 'report.html'}")


if __name__ == "__main__":
    worker_process.exit_on_signal()
    sys.exit(main())

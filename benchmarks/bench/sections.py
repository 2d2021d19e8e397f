"""The sections of the benchmark, in the order in which they run."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from video_analysis.benchmarks import real_data
from video_analysis.benchmarks.bench import ablations, end_to_end, material, quality, stage_one, stage_two, sweeps
from video_analysis.benchmarks.bench.end_to_end import Say
from video_analysis.benchmarks.bench.figures import JsonObject, rounded
from video_analysis.benchmarks.bench.plan import Plan
from video_analysis.benchmarks.bench.processes import Bench, NotMeasured
from video_analysis.demo import weights
from video_analysis.devstack.local_stack import Stack

SECTIONS = (
    "headline",
    "ablations",
    "first_snapshot",
    "real",
    "vehicles",
    "quality",
    "accuracy",
    "stage2",
    "stage2_demo",
)
HEADLINE_VEHICLES = 10
EARLY = "video/residential_road_640x352_905f.mp4"


class Sections:
    """All sections, with the clips and the local stack that they share."""

    def __init__(self, bench: Bench, plan: Plan, stack: Stack, say: Say) -> None:
        self._bench, self._plan, self._stack, self._say = bench, plan, stack, say

    def run(self, name: str) -> dict[str, Any]:
        """Run one of SECTIONS; returns its part of the report. NotMeasured if there is no result."""
        return {
            "headline": self._headline,
            "ablations": self._ablations,
            "first_snapshot": self._first_snapshot,
            "real": self._real,
            "vehicles": self._vehicles,
            "quality": self._quality,
            "accuracy": self._accuracy,
            "stage2": self._stage_two,
            "stage2_demo": self._stage_two_demo,
        }[name]()

    @cached_property
    def _rendered(self) -> dict[int, Path]:
        return material.rendered(self._bench.folder, self._plan.rendered_s)

    @cached_property
    def _real_clips(self) -> list[Path]:
        return real_data.clips(self._bench.data)

    def _headline(self) -> dict[str, Any]:
        clip, detector = self._headline_clip
        vehicles = self._census([clip], detector)[str(clip)]
        self._say(f"headline on {clip.name}, {vehicles:.1f} vehicles per frame, {detector.name}")
        end_to_end.alone(self._bench, clip, detector, 1, 4)  # converts the networks, so that the worker starts warm
        with stage_one.running(self._bench, self._stack, detector, self._warm_up(clip)) as stage:
            report = {
                f"stride_{stride}": end_to_end.at_stride(
                    self._bench, self._plan, stage, clip, stride, detector, rounds, self._say
                )
                for stride, rounds in ((1, self._plan.rounds), (3, 1))
            }
            facts = {"startup_s": rounded(stage.worker.startup_s), "rss_mb": rounded(stage.worker.rss_mb)}
        return {
            "headline": {"clip": clip.name, "weights": detector.name, "vehicles_per_frame": rounded(vehicles)}
            | facts
            | report
        }

    def _ablations(self) -> JsonObject:
        clip, detector = self._headline_clip
        short = self._warm_up(clip)
        return {
            "ablations": {
                "stage1_chain_fps": ablations.chain(self._bench, self._plan, clip, detector),
                "stage1_fps": ablations.upload_workers(self._bench, self._plan, self._stack, short, detector),
                "stage2_ips": ablations.second_stage(self._bench, self._plan, self._stack, weights.BASELINE),
            }
        }

    @cached_property
    def _headline_clip(self) -> tuple[Path, Path]:
        """(clip, detector): the real 720p clip nearest to ten vehicles per frame, extended; else a rendered clip."""
        candidates = [clip for clip in self._real_clips if material.is_for_the_headline(clip)]
        if not candidates:
            return self._rendered[HEADLINE_VEHICLES], weights.DETECTOR
        counts = self._census(candidates, self._bench.weights)
        nearest = min(candidates, key=lambda clip: abs(counts[str(clip)] - HEADLINE_VEHICLES))
        return material.long_enough(nearest, self._plan.headline_frames, self._bench.folder), self._bench.weights

    def _census(self, clips: list[Path], detector: Path) -> dict[str, float]:
        counted: dict[str, float] = self._bench.run_json("bench.stages", [*clips, "--census", "--weights", detector])
        return counted

    def _warm_up(self, instead: Path) -> Path:
        return next((clip for clip in self._real_clips if clip.parent.parent.name == "mot"), instead)

    def _first_snapshot(self) -> JsonObject:
        clip = material.leaves_early(self._bench.folder, self._bench.data / EARLY, self._plan.early_s)
        detector = self._bench.weights if clip in self._real_clips else weights.DETECTOR
        with stage_one.running(self._bench, self._stack, detector, self._warm_up(clip)) as stage:
            return {"first_snapshot": sweeps.first_snapshot(stage, clip)}

    def _real(self) -> JsonObject:
        if not self._real_clips:
            raise NotMeasured(f"no real clips under {self._bench.data}")
        with stage_one.running(
            self._bench, self._stack, self._bench.weights, self._warm_up(self._real_clips[0])
        ) as stage:
            return {"real_clips": sweeps.real(stage, self._real_clips)}

    def _vehicles(self) -> JsonObject:
        clips = self._rendered
        with stage_one.running(self._bench, self._stack, weights.DETECTOR, next(iter(clips.values()))) as stage:
            return {"by_vehicles": sweeps.densities(self._bench, stage, clips, weights.DETECTOR)}

    def _quality(self) -> JsonObject:
        if not any(clip.parent.parent.name == "mot" for clip in self._real_clips):
            raise NotMeasured(f"no sequences with ground truth under {self._bench.data}")
        return {"quality": quality.measure(self._bench, self._bench.weights)}

    def _accuracy(self) -> JsonObject:
        clip, real = self._rendered[HEADLINE_VEHICLES], self._real_clips
        arguments = [clip, "--weights", weights.DETECTOR, "--real-weights", self._bench.weights]
        return {"accuracy": self._bench.run_json("bench.accuracy", [*arguments, *(["--real", *real] if real else [])])}

    def _stage_two(self) -> JsonObject:
        checkpoint = self._bench.folder / "usual_model.pt"
        if not checkpoint.is_file():
            self._bench.run("bench.usual_model", [checkpoint])
        return {"stage2": self._measured_two(checkpoint, self._plan.large_snapshots)}

    def _stage_two_demo(self) -> JsonObject:
        return {"stage2_demo_baseline": self._measured_two(weights.BASELINE, self._plan.small_snapshots)}

    def _measured_two(self, checkpoint: Path, snapshots: int) -> JsonObject:
        runs, batches = self._plan.stage_two_runs, self._plan.forward_batches
        return stage_two.measure(self._bench, self._stack, checkpoint, snapshots, runs, batches, self._say)

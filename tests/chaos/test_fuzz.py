"""A short, fixed part of the fuzzing, without real footage; and the rules of its report."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from video_analysis.tests.chaos import bad_sandbox, fuzz, fuzz_seeds, mutations
from video_analysis.tests.chaos.bad_sandbox import ReadResult
from video_analysis.tests.chaos.fuzz import Mutant, Report
from video_analysis.yolo_worker.source import video
from video_analysis.yolo_worker.source.video import VideoInfo

MUTANTS = 480


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return fuzz_seeds.all_of(tmp_path_factory.mktemp("seeds"), real=None)


def test_every_mutant_is_read_or_refused_and_memory_does_not_grow(seeds: dict[str, bytes], tmp_path: Path) -> None:
    report = fuzz.run(islice(fuzz.mutants(seeds, seed=1), MUTANTS), Report(1), tmp_path)
    assert not report.faults
    assert report.mutants == MUTANTS
    assert report.repeated == MUTANTS // fuzz.REPEATED_EVERY
    assert min(report.outcomes["read"], report.outcomes["refused"]) > MUTANTS / 5
    assert set(report.sources) == set(seeds)


def test_every_seed_is_read(seeds: dict[str, bytes], tmp_path: Path) -> None:
    whole = [Mutant(number, name, "none", content) for number, (name, content) in enumerate(seeds.items())]
    report = fuzz.run(iter(whole), Report(0), tmp_path)
    assert report.outcomes == {"read": len(seeds)}
    assert len(seeds) > 25


def test_the_same_seed_gives_the_same_mutants_from_any_number_on(seeds: dict[str, bytes]) -> None:
    first = list(islice(fuzz.mutants(seeds, seed=3), 40))
    assert list(islice(fuzz.mutants(seeds, seed=3, first=20), 20)) == first[20:]
    assert list(islice(fuzz.mutants(seeds, seed=4), 40)) != first


@pytest.mark.parametrize("name", mutations.BYTES)
def test_every_mutation_changes_every_kind_of_file(seeds: dict[str, bytes], name: str) -> None:
    for content in seeds.values():
        assert any(mutations.BYTES[name](content, random.Random(number)) != content for number in range(5))


@pytest.mark.parametrize(
    "reading",
    [
        ReadResult("crashed", "the process ended with -11"),
        ReadResult("hung", "nothing after 120 s"),
        ReadResult("unexpected_error", "AssertionError: offsets fall"),
        ReadResult("refused", "KeyError: 'x'"),
        ReadResult("read", "1 frames", seconds=31),
        ReadResult("read", "1 frames", peak_mb=1201),
    ],
)
def test_every_fault_is_reported_with_the_number_of_its_mutant(reading: ReadResult) -> None:
    report = Report(1)
    assert report.add(Mutant(7, "h264", "bits", b""), reading)
    assert [fault.split()[0] for fault in report.faults] == ["7"]


def test_memory_that_grows_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, kept, probe = tmp_path / "nothing.mp4", [], video.probe
    path.write_bytes(b"no video")

    def leaking(path: Path) -> VideoInfo:
        kept.append(b"x" * (8 << 20))
        return probe(path)

    assert bad_sandbox.SUBJECTS["repeated video"](path).startswith("refused: not a video")
    monkeypatch.setattr(video, "probe", leaking)
    with pytest.raises(AssertionError, match="MB more after 30 reads, 3 times"):
        bad_sandbox.SUBJECTS["repeated video"](path)

"""Checkpoints: what is read from them, what is refused at the start, and what comes out of a forward pass."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.classification import checkpoint as archive
from video_analysis.main_worker.classification.classifier import Classifier, checkpoints
from video_analysis.main_worker.classification.hierarchy import LEVELS, decide
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.main_worker.types import OPTIONAL_OUTPUTS, OUTPUTS, REQUIRED_OUTPUTS, Logits, SnapshotImage
from video_analysis.worker_config import WorkerConfig
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend

# PyTorch's own, of itself, inside OpenVINO's conversion of an archive.
NAMED = untrained_model.labels("untrained")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as backend.configure_environment does
    return folder


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Path:
    untrained_model.export(folder / "untrained.pt")
    return folder / "untrained.pt"


@pytest.fixture(scope="module", params=["openvino", "torch"])
def runtime(request: pytest.FixtureRequest, folder: Path) -> backend.Runtime:
    return backend.choose(request.param, 1, folder / "cache")


@pytest.fixture(scope="module")
def classifier(checkpoint: Path, runtime: backend.Runtime) -> Classifier:
    return Classifier.load(checkpoint, "baseline", runtime)


@pytest.fixture(scope="module")
def pictures() -> list[SnapshotImage]:
    random = np.random.default_rng(1)
    small = [random.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(3)]
    return [np.asarray(cv2.resize(one, (640, 640)), np.uint8) for one in small]


class Colours(torch.nn.Module):  # type: ignore[misc]
    """Logits that are the normalised means of red, green and blue: what a picture becomes can be read off them."""

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        means = pictures.mean(dim=(2, 3))
        return {"model": means * 3, "make": means * 2, "type": means}


def three_names(**changes: object) -> Labels:
    document = {
        "name": "three",
        "types": ("R", "G", "B"),
        "makes": ("r", "g", "b"),
        "models": ("1", "2", "3"),
        "mean": (0.1, 0.2, 0.3),
        "std": (0.5, 0.25, 0.2),
        "thresholds": {"type": 0, "make": 0, "model": 0},
    }
    return Labels.model_validate(document | changes)


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of an archive, each member as `change(name, content)` has it; None leaves it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def test_red_comes_first_and_each_channel_is_normalised_by_its_own_numbers(tmp_path: Path) -> None:
    path = tmp_path / "colours.pt"
    untrained_model.write(path, Colours().eval(), three_names())
    classifier = Classifier.load(path, "baseline", backend.choose("torch", 1, tmp_path))
    blue, green, red = 51, 102, 255
    picture = np.full((640, 640, 3), (blue, green, red), np.uint8)
    (logits,) = classifier.classify([picture]).logits
    wanted = [(1.0 - 0.1) / 0.5, (0.4 - 0.2) / 0.25, (0.2 - 0.3) / 0.2]
    assert logits.type == pytest.approx(wanted, abs=1e-5)


def test_outputs_are_identified_by_name_in_any_order(tmp_path: Path, runtime: backend.Runtime) -> None:
    path = tmp_path / "colours.pt"
    untrained_model.write(path, Colours().eval(), three_names())
    classifier = Classifier.load(path, "baseline", runtime)
    (logits,) = classifier.classify([np.full((640, 640, 3), 200, np.uint8)]).logits
    assert logits.make == pytest.approx(2 * logits.type, rel=0.02)
    assert logits.model == pytest.approx(3 * logits.type, rel=0.02)


def test_a_snapshot_has_the_same_logits_alone_and_in_a_batch(
    classifier: Classifier, pictures: list[SnapshotImage]
) -> None:
    together = classifier.classify(pictures).logits
    for picture, in_batch in zip(pictures, together, strict=True):
        (alone,) = classifier.classify([picture]).logits
        assert in_batch.model == pytest.approx(alone.model, abs=1e-5)
    assert not np.allclose(together[0].model, together[1].model, atol=1e-7)


def test_all_backends_give_the_same_logits(checkpoint: Path, folder: Path, pictures: list[SnapshotImage]) -> None:
    runs = [
        Classifier.load(checkpoint, "baseline", backend.choose(device, 1, folder / "cache")).classify(pictures)
        for device in ("openvino", "torch")
    ]
    for left, right in zip(runs[0].logits, runs[1].logits, strict=True):
        assert left.type == pytest.approx(right.type, abs=0.01)


def test_an_archive_for_one_picture_at_a_time_takes_three(
    tmp_path: Path, runtime: backend.Runtime, pictures: list[SnapshotImage]
) -> None:
    fixed, dynamic = tmp_path / "fixed.pt", tmp_path / "dynamic.pt"
    untrained_model.write(fixed, untrained_model.network(NAMED, 0), NAMED, dynamic=False)
    untrained_model.write(dynamic, untrained_model.network(NAMED, 0), NAMED)
    assert archive.read(fixed).input_shape == (1, 3, 640, 640)
    one_by_one = Classifier.load(fixed, "baseline", runtime)
    batched = Classifier.load(dynamic, "baseline", runtime)
    for left, right in zip(one_by_one.classify(pictures).logits, batched.classify(pictures).logits, strict=True):
        assert left.type == pytest.approx(right.type, abs=1e-4)
    assert one_by_one.gflops == batched.gflops


def test_a_classifier_has_an_identifier_and_its_cost(classifier: Classifier, checkpoint: Path) -> None:
    assert classifier.checkpoint == f"untrained@{backend.sha256_of(checkpoint)[:12]}"
    forward = classifier.classify([np.zeros((640, 640, 3), np.uint8)] * 2)
    assert forward.latency_ms > 0
    assert 0.05 < forward.memory_gb < 64
    # Operations by hand: two for each multiplication of four 3x3 convolutions and three linear heads.
    sides, channels = (320, 160, 80, 40), (3, 16, 32, 64, 64)
    body = sum(2 * 9 * a * b * side**2 for side, a, b in zip(sides, channels[:-1], channels[1:], strict=True))
    assert classifier.gflops == pytest.approx((body + 2 * 64 * sum(NAMED.widths.values())) / 1e9, abs=1e-3)


def test_the_untrained_model_names_nothing(classifier: Classifier, pictures: list[SnapshotImage]) -> None:
    for logits in classifier.classify(pictures).logits:
        verdict = decide(logits, classifier.labels)
        assert (verdict.type_label, verdict.make_label, verdict.model_label) == (None, None, None)


def test_the_same_untrained_export_has_the_same_bytes_and_another_seed_has_others(
    checkpoint: Path, tmp_path: Path
) -> None:
    untrained_model.export(tmp_path / "again.pt")
    untrained_model.export(tmp_path / "other.pt", seed=1)
    assert (tmp_path / "again.pt").read_bytes() == checkpoint.read_bytes()
    assert (tmp_path / "other.pt").read_bytes() != checkpoint.read_bytes()
    assert checkpoint.stat().st_size < 1_000_000


@pytest.mark.slow
def test_the_command_line_writes_a_model_that_calls_itself_untrained(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "video_analysis.devstack.untrained_model",
        str(tmp_path / "cmt.pt"),
        "--name",
        "cmt",
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert archive.read(tmp_path / "cmt.pt").labels.name == "untrained-cmt"


def test_a_checkpoint_that_is_not_there_stops_the_start_with_path_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"main\.pt: not found; put the exported main model there"):
        archive.read(tmp_path / "main.pt")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "main.pt").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"main\.pt: is not a torch.export archive; export the model again"):
        archive.read(tmp_path / "main.pt")


def test_a_pickled_module_is_refused_without_being_unpickled(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(1, 1), tmp_path / "main.pt")
    with pytest.raises(ConfigurationError, match=r"is not a torch.export archive of PyTorch 2\.8 or later"):
        archive.read(tmp_path / "main.pt")


def test_an_archive_without_labels_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    stripped = rewritten(checkpoint, tmp_path / "bare.pt", lambda name, old: None if "extra" in name else old)
    with pytest.raises(ConfigurationError, match=r"bare\.pt: does not have exactly one labels\.json"):
        archive.read(stripped)


def test_labels_that_are_wrong_are_refused_by_file_and_field(checkpoint: Path, tmp_path: Path) -> None:
    def change(name: str, old: bytes) -> bytes:
        return old.replace(b'"makes": [', b'"makers": [') if name.endswith("labels.json") else old

    with pytest.raises(ConfigurationError, match=r"wrong\.pt: labels\.json: makes: Field required"):
        archive.read(rewritten(checkpoint, tmp_path / "wrong.pt", change))


class Mischief:
    """Unpickling it leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._trace,)


@pytest.mark.parametrize("place", ["weights", "constants", "custom object", "sample inputs", "legacy weights"])
def test_an_archive_that_would_be_unpickled_is_refused_and_runs_nothing(
    checkpoint: Path, tmp_path: Path, place: str
) -> None:
    trace = tmp_path / "ran"
    harm = pickle.dumps(Mischief(trace))

    def change(name: str, old: bytes) -> bytes:
        payload = {"path_name": "tensor_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        match place, name.split("/", 1)[1]:
            case "weights", "data/weights/model_weights_config.json":
                return json.dumps({"config": {"w": payload}}).encode()
            case "constants", "data/constants/model_constants_config.json":
                return json.dumps({"config": {"c": payload}}).encode()
            case "custom object", "data/constants/model_constants_config.json":
                return json.dumps(
                    {"config": {"o": payload | {"path_name": "opaque_obj_0", "use_pickle": False}}}
                ).encode()
            case "sample inputs", "data/sample_inputs/model.pt":
                return harm
        return old

    bad = rewritten(checkpoint, tmp_path / "bad.pt", change)
    with zipfile.ZipFile(bad, "a") as more:
        root = more.namelist()[0].split("/")[0]
        for name in ("constants/tensor_0", "constants/opaque_obj_0", "weights/tensor_0"):
            more.writestr(f"{root}/data/{name}", harm)
        if place == "legacy weights":
            more.writestr(f"{root}/data/weights/model.pt", harm)
    with pytest.raises(ConfigurationError, match=r"bad\.pt: holds .*(pickle|not plain tensors)"):
        archive.read(bad)
    assert not trace.exists()


def test_an_archive_that_pytorch_cannot_read_is_refused_with_the_reason(checkpoint: Path, tmp_path: Path) -> None:
    def change(name: str, old: bytes) -> bytes:
        return old.replace(b"torch.ops.aten.conv2d.default", b"torch.ops.nobody.knows.default")

    with pytest.raises(ConfigurationError, match=r"newer\.pt: PyTorch .* cannot read the archive"):
        archive.read(rewritten(checkpoint, tmp_path / "newer.pt", change))


def test_heads_of_other_widths_than_the_labels_stop_the_start(tmp_path: Path, runtime: backend.Runtime) -> None:
    untrained_model.write(tmp_path / "wide.pt", Colours().eval(), three_names(makes=("r", "g", "b", "x")))
    with pytest.raises(ConfigurationError, match=r"wide\.pt: .*output make is \(1, 3\), the labels require \(1, 4\)"):
        Classifier.load(tmp_path / "wide.pt", "baseline", runtime)


class Tuple(Colours):
    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:  # type: ignore[override]
        return tuple(super().forward(pictures).values())


class Unnamed(Colours):
    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        return {f"{name}_logits": head for name, head in super().forward(pictures).items()}


@pytest.mark.parametrize("module", [Tuple(), Unnamed()])
def test_outputs_without_the_three_names_are_refused(tmp_path: Path, module: torch.nn.Module) -> None:
    untrained_model.write(tmp_path / "main.pt", module.eval(), three_names())
    with pytest.raises(ConfigurationError, match="not a dict of one tensor for each of type, make, model"):
        archive.read(tmp_path / "main.pt")


def test_type_make_and_model_are_required_and_no_output_is_optional() -> None:
    assert (REQUIRED_OUTPUTS, OPTIONAL_OUTPUTS) == (("type", "make", "model"), ())
    assert set(LEVELS) <= set(REQUIRED_OUTPUTS)
    assert set(NAMED.names) <= set(OUTPUTS)


@dataclass(frozen=True, slots=True, eq=False)
class FourHeads(Logits):
    body: NDArray[np.float32] | None = None


class FourColours(Colours):
    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"body": pictures.mean(dim=(2, 3)) * 4, **super().forward(pictures)}


@pytest.fixture
def optional_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """A main model may have a fourth output."""
    monkeypatch.setattr(archive, "OPTIONAL_OUTPUTS", ("body",))
    monkeypatch.setattr("video_analysis.main_worker.classification.classifier.Logits", FourHeads)
    monkeypatch.setattr("video_analysis.main_worker.classification.classifier.OUTPUTS", (*OUTPUTS, "body"))


@pytest.mark.usefixtures("optional_body")
def test_an_optional_output_is_read_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = three_names().names
    monkeypatch.setattr(Labels, "names", property(lambda _: {**names, "body": ("x", "y", "z")}))
    untrained_model.write(tmp_path / "main.pt", FourColours().eval(), three_names())
    classifier = Classifier.load(tmp_path / "main.pt", "baseline", backend.choose("torch", 1, tmp_path))
    (logits,) = classifier.classify([np.full((640, 640, 3), 200, np.uint8)]).logits
    assert isinstance(logits, FourHeads)
    assert logits.body == pytest.approx(4 * logits.type, rel=1e-5)


@pytest.mark.usefixtures("optional_body")
def test_an_optional_output_that_a_checkpoint_lacks_is_none(tmp_path: Path) -> None:
    untrained_model.write(tmp_path / "main.pt", Colours().eval(), three_names())
    classifier = Classifier.load(tmp_path / "main.pt", "baseline", backend.choose("torch", 1, tmp_path))
    (logits,) = classifier.classify([np.full((640, 640, 3), 200, np.uint8)]).logits
    assert isinstance(logits, FourHeads)
    assert logits.body is None


@pytest.mark.usefixtures("optional_body")
def test_an_output_without_names_in_the_labels_is_refused(tmp_path: Path) -> None:
    untrained_model.write(tmp_path / "main.pt", FourColours().eval(), three_names())
    with pytest.raises(
        ConfigurationError, match=r"returns body, model, make, type, but labels\.json has names for type"
    ):
        archive.read(tmp_path / "main.pt")


@pytest.mark.usefixtures("optional_body")
def test_a_missing_required_output_is_refused_and_the_optional_one_is_named(tmp_path: Path) -> None:
    untrained_model.write(tmp_path / "main.pt", Unnamed().eval(), three_names())
    with pytest.raises(ConfigurationError, match=r"for each of type, make, model \(optional: body\)"):
        archive.read(tmp_path / "main.pt")


def test_another_input_than_640_pixels_is_refused(tmp_path: Path) -> None:
    program = torch.export.export(Colours().eval(), (torch.zeros(1).expand(1, 3, 224, 224),))
    labels = {"labels.json": three_names().model_dump_json()}
    with (tmp_path / "small.pt").open("wb") as file:
        torch.export.save(program, file, extra_files=labels)
    with pytest.raises(ConfigurationError, match=r"small\.pt: takes \[\(1, 3, 224, 224\)\]"):
        archive.read(tmp_path / "small.pt")


def test_the_run_mode_selects_the_checkpoints(tmp_path: Path) -> None:
    main, baseline, cmt = (tmp_path / f"{name}.pt" for name in ("main", "baseline", "cmt"))
    single = WorkerConfig(main_checkpoint=main, baseline_checkpoint=baseline, cmt_checkpoint=cmt)
    assert checkpoints(single) == {"baseline": main}
    assert checkpoints(single.model_copy(update={"run_mode": "compare"})) == {"baseline": baseline, "cmt": cmt}


def test_a_default_that_is_absent_is_stood_in_for_but_a_configured_path_never_is(tmp_path: Path) -> None:
    there = tmp_path / "there.pt"
    there.touch()
    assert checkpoints(WorkerConfig(baseline_checkpoint=there)) == {"baseline": there}
    assert checkpoints(WorkerConfig(run_mode="compare", main_checkpoint=there))["baseline"] == there
    chosen = WorkerConfig(main_checkpoint=tmp_path / "gone.pt", baseline_checkpoint=there)
    assert checkpoints(chosen) == {"baseline": tmp_path / "gone.pt"}


def test_loading_leaves_the_callers_warnings_alone(checkpoint: Path, folder: Path) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        Classifier.load(checkpoint, "baseline", backend.choose("torch", 1, folder / "cache"))
    assert [str(warning.message) for warning in heard] == []

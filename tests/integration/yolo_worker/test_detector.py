"""The detector on real networks: small ones with random weights, and YOLOv8n if it is available."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from video_analysis.tests.support.precision import full_precision
from video_analysis.worker_config import PACKAGE_FOLDER, DetectorSettings, TrackSettings
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.yolo_worker.detection.detector import DetectionPlan, Detector, within_budget
from video_analysis.yolo_worker.detection.taxonomy import YOLO_TYPES
from video_analysis.yolo_worker.pipeline import VisionPipeline
from video_analysis.yolo_worker.tracking.embedder import Embedder
from video_analysis.yolo_worker.types import Frame, SourceInfo

CAR = 2
"""Its class number in COCO."""


def settings(batch: int = 4, confidence: float = 0.55, min_box_px: int = 4) -> DetectorSettings:
    return DetectorSettings(
        size_px=192, batch=batch, confidence=confidence, iou=0.5, containment=0.8, min_box_px=min_box_px
    )


def save_untrained(path: Path, architecture: str, **changes: object) -> Path:
    """An ultralytics checkpoint with random weights that detects many cars."""
    import torch  # noqa: PLC0415
    from ultralytics.nn import tasks  # noqa: PLC0415  # after `cache` has prepared its environment

    torch.manual_seed(5)
    kind = tasks.ClassificationModel if "-cls" in architecture else tasks.DetectionModel
    model = kind(architecture, verbose=False)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    with torch.no_grad():  # adapts the normalisation, or activations would vanish
        model.train()(torch.rand(4, 3, 192, 192))
    if kind is tasks.DetectionModel:
        for level in model.model[-1].cv3:
            torch.nn.init.normal_(level[-1].weight, std=0.1)
            level[-1].bias.data[:] = -9
            level[-1].bias.data[CAR] = 0
    for name, value in changes.items():
        setattr(model, name, value)
    torch.save({"model": model, "train_args": {}}, path)
    return path


@pytest.fixture(scope="module")
def cache(model_cache: Path) -> Iterator[Path]:
    """The environment that ultralytics reads once, at import."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("YOLO_OFFLINE", "YOLO_CONFIG_DIR", "OMP_NUM_THREADS", "MPLCONFIGDIR"):
            patch.setenv(name, "")
        backend.configure_environment(model_cache, 1)
        yield model_cache


@pytest.fixture(scope="module")
def weights(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = dict(enumerate(["person", "bicycle", "car"])) | {number: f"thing {number}" for number in range(3, 80)}
    return save_untrained(tmp_path_factory.mktemp("weights") / "untrained.pt", "yolov8n.yaml", names=names)


@pytest.fixture(scope="module", params=["openvino", "torch"])
def runtime(request: pytest.FixtureRequest, cache: Path) -> backend.Runtime:
    return backend.choose(request.param, 1, cache)


@pytest.fixture(scope="module")
def openvino(cache: Path) -> backend.Runtime:
    return backend.choose("openvino", 1, cache)


def test_weights_that_are_not_numbers_stop_the_start(weights: Path, cache: Path, tmp_path: Path) -> None:
    import torch  # noqa: PLC0415

    checkpoint = torch.load(weights, weights_only=False)
    with torch.no_grad():
        checkpoint["model"].model[0].conv.weight[0] = float("nan")
    torch.save(checkpoint, tmp_path / "nan.pt")
    with pytest.raises(ConfigurationError, match=r"nan\.pt: weights contain NaN \(model\.0\.conv\.weight\)"):
        Detector.load(tmp_path / "nan.pt", backend.choose("torch", 1, cache), settings())


def test_outputs_that_are_not_finite_stop_the_start(weights: Path, cache: Path, tmp_path: Path) -> None:
    import torch  # noqa: PLC0415

    checkpoint = torch.load(weights, weights_only=False)
    with torch.no_grad():
        checkpoint["model"].model[-1].cv2[0][-1].bias[:] = float("inf")
    torch.save(checkpoint, tmp_path / "inf.pt")
    with pytest.raises(ConfigurationError, match=r"inf\.pt: outputs are not finite in f32; export it again, or use"):
        Detector.load(tmp_path / "inf.pt", backend.choose("torch", 1, cache), settings())


def frames(count: int, height: int = 90, width: int = 160) -> list[Frame]:
    random = np.random.default_rng(11)
    noise = random.integers(0, 255, (count, height // 10, width // 10, 3), np.uint8)
    return [
        Frame(index, 40 * index, cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC))
        for index, image in enumerate(noise)
    ]


@pytest.mark.slow
def test_openvino_and_pytorch_give_the_same_boxes(weights: Path, cache: Path) -> None:
    seen = []
    for kind in ("openvino", "torch"):
        with full_precision():
            detector = Detector.load(weights, backend.choose(kind, 1, cache), settings())
        assert detector.traits.precision == "f32"
        seen.append([detected.boxes for detected in detector.detect(frames(3))])
    for one, other in zip(*seen, strict=True):
        assert len(one) > 0
        np.testing.assert_allclose(one, other, atol=0.01)


def test_frames_come_out_in_order_though_their_size_changes(weights: Path, openvino: backend.Runtime) -> None:
    changing = [*frames(5), *frames(3, 160, 90), *frames(2)]
    out = list(Detector.load(weights, openvino, settings()).detect(iter(changing)))
    assert [id(detected.frame) for detected in out] == [id(frame) for frame in changing]


def test_bars_do_not_change_the_boxes(weights: Path, openvino: backend.Runtime) -> None:
    """The detector sees only what the areas enclose; its boxes are those of the frame."""
    plain = frames(3)
    left, top, right, bottom = 160, 64, 32, 96
    height, width = plain[0].image.shape[:2]
    area = (left, top, left + width, top + height)
    barred = [
        replace(
            frame, picture=cv2.copyMakeBorder(frame.image, top, bottom, left, right, cv2.BORDER_CONSTANT), areas=(area,)
        )
        for frame in plain
    ]
    detector = Detector.load(weights, openvino, settings())
    for one, other in zip(detector.detect(plain), detector.detect([*barred, plain[0]]), strict=False):
        assert len(one.boxes) > 0
        expected = one.boxes + np.array([left, top, left, top, 0, 0], np.float32)
        np.testing.assert_allclose(other.boxes, expected, atol=0.01)


def test_the_frames_taken_ahead_are_bounded_by_batch_and_streams(weights: Path, openvino: backend.Runtime) -> None:
    taken = []

    def counted() -> Iterator[Frame]:
        for frame in frames(60):
            taken.append(frame.index)
            yield frame

    detector = Detector.load(weights, openvino, settings(batch=4))
    pipeline = VisionPipeline(detector, Embedder.load(Path("absent.engine"), openvino), TrackSettings())
    info = SourceInfo(1280, 720, interval_ms=40, announced_frames=60, is_live=False)
    with closing(pipeline.detect(counted(), info)) as seen:
        next(seen)
    workers = openvino.threads + 1
    assert len(taken) <= 4 * (workers + 1) + 4 + 2


@pytest.mark.parametrize(
    ("frame_bytes", "batch", "workers", "bounded"),
    [
        (1280 * 720 * 3, 1, 3, (1, 3)),
        (1280 * 720 * 3, 16, 2, (16, 2)),
        (8000 * 8000 * 3, 16, 2, (1, 2)),
        (8000 * 8000 * 3, 1, 17, (1, 2)),
        (2 << 30, 16, 17, (1, 1)),
    ],
)
def test_fewer_huge_frames_are_in_memory(frame_bytes: int, batch: int, workers: int, bounded: tuple[int, int]) -> None:
    assert within_budget(frame_bytes, batch, workers) == DetectionPlan(*bounded)


@functools.cache
def loaded(weights: Path, cache: Path, threads: int, batch: int) -> Detector:
    return Detector.load(weights, backend.choose("openvino", threads, cache), settings(batch=batch))


@pytest.mark.slow
@given(batch=st.integers(1, 5), threads=st.integers(1, 4), count=st.integers(0, 9))
@settings_of_hypothesis(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_boxes_are_the_same_bits_with_any_batch_and_any_number_of_threads(
    weights: Path, cache: Path, batch: int, threads: int, count: int
) -> None:
    usual, other = loaded(weights, cache, 1, 1), loaded(weights, cache, threads, batch)
    for one, two in zip(usual.detect(frames(count)), other.detect(frames(count)), strict=True):
        assert one.frame.index == two.frame.index
        np.testing.assert_array_equal(one.boxes, two.boxes)


def test_boxes_are_inside_the_frame_and_not_smaller_than_the_minimum(weights: Path, runtime: backend.Runtime) -> None:
    everything = Detector.load(weights, runtime, settings(min_box_px=1))
    large = Detector.load(weights, runtime, settings(min_box_px=80))
    small = 0
    for all_of_it, some in zip(everything.detect(frames(4)), large.detect(frames(4)), strict=True):
        boxes = all_of_it.boxes
        assert boxes.dtype == np.float32
        assert boxes.shape[1] == 6
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:4] <= (160, 90)).all()
        assert set(boxes[:, 5].tolist()) == {YOLO_TYPES.index("Car")}
        sides = boxes[:, 2:4] - boxes[:, :2]
        small += int((sides < 80).any(1).sum())
        np.testing.assert_array_equal(some.boxes, boxes[(sides >= 80).all(1)])
    assert small > 0


def test_a_frame_without_vehicles_has_no_rows_of_six(weights: Path, openvino: backend.Runtime) -> None:
    (detected,) = Detector.load(weights, openvino, settings(confidence=1.0)).detect(frames(1))
    assert detected.boxes.shape == (0, 6)


@pytest.mark.slow
def test_a_yolov10_goes_through_the_same_suppression(cache: Path, openvino: backend.Runtime, tmp_path: Path) -> None:
    weights = save_untrained(
        tmp_path / "ten.pt", "yolov10n.yaml", names={CAR: "car"} | {n: f"thing {n}" for n in range(80) if n != CAR}
    )
    (detected,) = Detector.load(weights, openvino, settings()).detect(frames(1))
    assert len(detected.boxes) > 0


def test_an_export_beside_the_weights_is_used_in_their_place(
    weights: Path, openvino: backend.Runtime, tmp_path: Path
) -> None:
    direct = Detector.load(weights, openvino, settings())
    (converted,) = openvino.cache_dir.glob("openvino/untrained-*")
    folder = tmp_path / "untrained_openvino_model"
    folder.mkdir()
    for name in ("model.xml", "model.bin"):
        (folder / name).write_bytes((converted / name).read_bytes())
    (folder / "metadata.yaml").write_text("names:\n  2: motorcycle\n")
    exported = Detector.load(tmp_path / "untrained.pt", openvino, settings())
    assert exported.traits.weights == backend.sha256_of(folder)
    for one, other in zip(direct.detect(frames(2)), exported.detect(frames(2)), strict=True):
        np.testing.assert_array_equal(one.boxes[:, :5], other.boxes[:, :5])
        assert set(other.boxes[:, 5].tolist()) == {YOLO_TYPES.index("Motorcycle")}


@pytest.mark.slow
def test_an_export_of_other_weights_is_not_used(
    weights: Path, openvino: backend.Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = tmp_path / "detector.pt"
    shutil.copy(weights, mine)
    folder = tmp_path / "detector_openvino_model"
    folder.mkdir()
    (folder / "metadata.yaml").write_text(f"names:\n  2: car\nweights_sha256: {'0' * 64}\n")
    assert Detector.load(mine, openvino, settings()).traits.weights == backend.sha256_of(mine)
    (record,) = (one for one in caplog.records if getattr(one, "event", "") == "model.export_outdated")
    assert str(folder) in record.getMessage()


def test_traits_contain_what_determines_the_boxes_but_not_the_batch(weights: Path, openvino: backend.Runtime) -> None:
    detectors = [Detector.load(weights, openvino, settings(batch)) for batch in (1, 4)]
    assert detectors[0].traits == detectors[1].traits
    assert detectors[0].traits.weights == backend.sha256_of(weights)
    assert [detector.settings for detector in detectors] == [settings(1), settings(4)]


def test_missing_weights_are_named_and_not_downloaded(openvino: backend.Runtime, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"yolov8n\.pt: not found; .* CVITX_YOLO_WEIGHTS"):
        Detector.load(tmp_path / "yolov8n.pt", openvino, settings())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no weights", None], ids=["empty", "text", "another network"])
def test_a_file_that_is_no_ultralytics_weights_is_named(
    content: bytes | None, openvino: backend.Runtime, tmp_path: Path
) -> None:
    import torch  # noqa: PLC0415  # after the environment is set

    weights = tmp_path / "yolov8m.pt"
    if content is None:
        torch.save(torch.nn.Linear(2, 2).state_dict(), weights)
    else:
        weights.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"yolov8m\.pt: cannot be read as ultralytics weights .*CVITX_YOLO"):
        Detector.load(weights, openvino, settings())


def test_a_main_model_in_the_detector_s_place_is_named(openvino: backend.Runtime) -> None:
    with pytest.raises(ConfigurationError, match=r"demo_cmt\.pt: cannot be read as ultralytics weights"):
        Detector.load(PACKAGE_FOLDER / "main_worker" / "bundle" / "demo_cmt.pt", openvino, settings())


def test_weights_that_detect_nothing_are_refused(openvino: backend.Runtime, tmp_path: Path) -> None:
    weights = save_untrained(tmp_path / "classifier.pt", "yolov8n-cls.yaml")
    with pytest.raises(ConfigurationError, match=r"classifier\.pt: the last layer is Classify, not Detect"):
        Detector.load(weights, openvino, settings())


@pytest.mark.slow
def test_a_detector_without_a_vehicle_class_does_not_start(openvino: backend.Runtime, tmp_path: Path) -> None:
    weights = save_untrained(tmp_path / "fruit.pt", "yolov8n.yaml", names={n: f"fruit {n}" for n in range(80)})
    with pytest.raises(ConfigurationError, match=r"fruit\.pt: the detector has none of the classes"):
        Detector.load(weights, openvino, settings())


@pytest.mark.slow
def test_loading_and_detecting_touch_neither_network_nor_home_nor_torchvision(weights: Path, tmp_path: Path) -> None:
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir()
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path

        def watch(event, arguments):
            if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
                print("FORBIDDEN", event, arguments)

        sys.addaudithook(watch)
        from video_analysis.worker_utils.inference import backend
        cache = Path({str(cache)!r})
        backend.configure_environment(cache, 1)
        from video_analysis.worker_config import DetectorSettings
        from video_analysis.yolo_worker.detection.detector import Detector
        from video_analysis.yolo_worker.types import Frame
        import numpy as np
        settings = DetectorSettings(size_px=192, batch=2, confidence=0.5, iou=0.5, containment=0.8, min_box_px=4)
        detector = Detector.load(Path({str(weights)!r}), backend.choose("openvino", 1, cache), settings)
        print(len(list(detector.detect([Frame(0, 0, np.zeros((90, 160, 3), np.uint8))]))), "torchvision" in sys.modules)
    """)
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE_FOLDER, env=environment
    )
    assert done.stdout.split("\n") == ["1 False", ""]
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_yolov8n_detects_the_cars_of_a_street(shared_data: Path, openvino: backend.Runtime) -> None:
    capture = cv2.VideoCapture(str(shared_data / "video" / "residential_road_640x352_905f.mp4"))
    frame = Frame(0, 0, np.asarray(capture.read()[1], np.uint8))
    street = DetectorSettings(size_px=640, batch=4, confidence=0.25, iou=0.5, containment=0.8, min_box_px=16)
    detector = Detector.load(shared_data / "models" / "yolov8n_coco.pt", openvino, street)
    (detected,) = detector.detect([frame])
    confident = detected.boxes[detected.boxes[:, 4] > 0.6]
    assert len(confident) >= 2
    assert set(confident[:, 5].tolist()) == {YOLO_TYPES.index("Car")}

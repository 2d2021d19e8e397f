"""Finds operations of an exported graph whose outputs are random or depend on the whole batch: train mode.

A module that is exported before `eval()` keeps its dropout and normalises by the statistics of each batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

TRAINING = ("train", "training")
"""Names of the argument that selects train mode: dropout, batch_norm, rrelu, lstm."""
RATES = ("p", "dropout", "dropout_p")
"""Names of the share that dropout removes."""


def train_mode_operation(program: ExportedProgram) -> str | None:
    """The first operation in train mode, with its name in the graph; None if there is none."""
    import torch  # noqa: PLC0415

    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            if isinstance(node.target, torch._ops.OpOverload) and _is_in_train_mode(node):
                return f"{node.target} ({node.name})"
    return None


def _is_in_train_mode(node: Node) -> bool:
    import torch  # noqa: PLC0415

    arguments = _arguments(node)
    training = next((arguments[name] for name in TRAINING if name in arguments), None)
    rate = next((arguments[name] for name in RATES if name in arguments), None)
    if training is False or rate == 0:
        return False
    return training is True or torch.Tag.nondeterministic_seeded in node.target.tags


def _arguments(node: Node) -> Mapping[str, Any]:
    """Name → value of each argument of an operation, defaults included."""
    schema = node.target._schema
    given = dict(zip((argument.name for argument in schema.arguments), node.args, strict=False))
    defaults = {argument.name: argument.default_value for argument in schema.arguments}
    return {**defaults, **given, **node.kwargs}

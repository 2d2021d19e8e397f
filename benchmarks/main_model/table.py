"""The figures of the main models as a table to print. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OF_TYPE = ("named", "right", "precision", "at 0.8", "sure, wrong", "ece")
HEAD = (*OF_TYPE, "make named", "make right", "model named", "model right")
"""Of the type, precision of the labels given and of the most confident 80%; then of make and model."""


def lines(document: Mapping[str, Any]) -> list[str]:
    """A head, and one line per model and set, the real sets first."""
    shown = [f"{'':<30}{'vehicles':>12}" + "".join(f"{name:>12}" for name in HEAD)]
    for variant, found in document.items():
        for name, of in found["sets"].items():
            kind, make, model = of["type"], of["make"], of["model"]
            values = [kind.get(key) for key in ("named", "right", "precision")]
            values += [
                kind.get("precision_at_coverage", {}).get("0.8"),
                kind.get("wrong_and_confident"),
                kind.get("ece"),
            ]
            values += [make["named"], make.get("right"), model["named"], model.get("right")]
            cells = "".join(f"{'–' if value is None else value:>12}" for value in values)
            shown.append(f"{variant:<10}{name:<20}{of['vehicles']:>12}{cells}")
        shown.append(f"{variant:<10}AUROC of unknown: {found['unknown_auroc']}")
    return shown

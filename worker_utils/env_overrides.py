"""Reads `CVITX_` variables into settings, and describes errors in one line.

No warning or error quotes the value of an unknown variable: it may be a secret of another program.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from video_analysis.worker_utils.errors import ConfigurationError

LARGEST_TYPO = 2
"""An unknown variable within this edit distance of a known one counts as a typing error."""

log = logging.getLogger(__name__)

Setting = tuple[str, ...]
"""A setting's path in the configuration: ("track", "max_age_s"), or ("region",)."""
Tree = dict[str, Any]
"""Values by field; the value of a group is a tree."""


def variables(model: type[BaseModel], prefix: str) -> dict[str, Setting]:
    """Variable → setting, for every setting of `model` and its groups: the path in upper case, joined by `_`."""
    found: dict[str, Setting] = {}
    for name, field in model.model_fields.items():
        variable, kind = f"{prefix}{name.upper()}", field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {inner: (name, *path) for inner, path in variables(kind, f"{variable}_").items()}
        else:
            found[variable] = (name,)
    return found


def from_systemd(given: Mapping[str, str]) -> dict[str, object]:
    """Settings from the variables of systemd and XDG: cache folder and notify socket."""
    fields: dict[str, object] = {"notify_socket": given.get("NOTIFY_SOCKET") or None}
    if given.get("CACHE_DIRECTORY"):
        fields["cache_dir"] = given["CACHE_DIRECTORY"].split(":")[0]
    elif given.get("XDG_CACHE_HOME"):
        fields["cache_dir"] = Path(given["XDG_CACHE_HOME"]) / "cvitx"
    return fields


def without_unknown(named: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """The `known` variables. Each other one is logged with a warning: it may belong to another program.

    ConfigurationError if an unknown one is so similar to a known one that it must be a typing error.
    """
    unknown = {name: nearest(name, known) for name in sorted(named.keys() - set(known))}
    typos = {name: like for name, (like, distance) in unknown.items() if distance <= LARGEST_TYPO}
    if typos:
        raise ConfigurationError(
            "; ".join(f"{name}: no such setting; did you mean {like}?" for name, like in typos.items())
        )
    for name, (like, _) in unknown.items():
        log.warning(
            "%s is ignored: no such setting; the nearest is %s",
            name,
            like,
            extra={"event": "config.unknown_name", "variable": name, "nearest": like},
        )
    return {name: text for name, text in named.items() if name not in unknown}


def check_former_names(named: Mapping[str, str], former: Mapping[str, str]) -> None:
    """Log a warning for each variable in `former` (old → new). ConfigurationError if both names are set."""
    deprecated = sorted(named.keys() & former.keys())
    twice = [f"{name} and {former[name]}" for name in deprecated if former[name] in named]
    if twice:
        raise ConfigurationError(f"{'; '.join(twice)}: both names of one setting are set; remove the deprecated one")
    for name in deprecated:
        log.warning(
            "%s is deprecated: use %s",
            name,
            former[name],
            extra={"event": "config.deprecated_name", "variable": name, "replacement": former[name]},
        )


def parse(named: Mapping[str, str], settings: Mapping[str, Setting]) -> Tree:
    """The values in `named` by setting, without spaces around them, as systemd reads them."""
    tree: Tree = {}
    for name, text in named.items():
        *groups, field = settings[name]
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[field] = _value(field, text.strip())
    return tree


def describe(error: ValidationError, written: Mapping[Setting, str]) -> str:
    """One line with each wrong variable, its value and the reason; `written`: setting → variable that set it."""
    return "; ".join(
        f"{_variable(fault['loc'], written)}={fault['input']!r}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )


def nearest(name: str, known: Iterable[str]) -> tuple[str, int]:
    """(the most similar known name, the edit distance); case is ignored."""
    distance, found = min((edit_distance(name.upper(), other), other) for other in known)
    return found, distance


def edit_distance(one: str, other: str) -> int:
    """Fewest insertions, deletions and replacements that turn `one` into `other` (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for i, character in enumerate(one, 1):
        above, row = row, [i]
        for j, wanted in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (character != wanted)))
    return row[-1]


def _variable(location: tuple[int | str, ...], written: Mapping[Setting, str]) -> str:
    """The variable of the setting at `location`, which may point into the value of a list."""
    names = tuple(str(step) for step in location)
    return next((written[names[:end]] for end in range(len(names), 0, -1) if names[:end] in written), "_".join(names))


def _value(field: str, text: str) -> object:
    """Lists are separated by commas; pydantic parses all other values."""
    if field.endswith("_delays_s"):
        return tuple(part.strip() for part in text.split(","))
    return text

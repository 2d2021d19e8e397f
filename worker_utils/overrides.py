"""CVITX_ names as the configuration's fields, and what is wrong with them in one line. Pure: values come as text."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError


def parse(named: Mapping[str, str], known: Mapping[str, str]) -> dict[str, object]:
    """Field → value, by `known` (variable → field). ValueError names all that are unknown, or all set to nothing."""
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such setting; known are {', '.join(sorted(known))}")
    empty = sorted(name for name, text in named.items() if not text.strip())
    if empty:
        raise ValueError(f"{', '.join(empty)}: set to nothing; give a value or remove the line")
    return {known[name]: _value(known[name], text) for name, text in named.items()}


def describe(error: ValidationError, prefix: str) -> str:
    """One line naming each variable that is wrong, its value and why."""
    return "; ".join(
        f"{prefix}{str(fault['loc'][0]).upper()}={fault['input']!r}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )


def _value(field: str, text: str) -> object:
    """Lists are written with commas; all else is pydantic's to read."""
    if field.endswith("_delays_s"):
        return tuple(part.strip() for part in text.split(","))
    return text

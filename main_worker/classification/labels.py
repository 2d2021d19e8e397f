"""What a checkpoint's labels.json says: names, hierarchy, normalisation, thresholds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from video_analysis.worker_utils.contracts import schema_check

LABELS_FILE = "labels.json"
MEANS = (0.0, 1.0)
DEVIATIONS = (0.001, 10.0)
"""Where the standard deviation of real pictures lies if they are scaled to 0..1, and not if they are left at 0..255."""


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"{', '.join(doubled)} stands there twice")
    return names


def _printable(name: str) -> str:
    """PostgreSQL takes no NUL, and no name is to break a log line."""
    if not name.isprintable():
        raise ValueError(f"{name} has a character that cannot be printed")
    return name


def _scaled(number: float, bounds: tuple[float, float]) -> float:
    least, most = bounds
    if not least <= number <= most:
        raise ValueError(
            f"{number:g} is not within {least:g} to {most:g}; it is of pictures scaled to 0..1, not 0..255"
        )
    return number


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Names = Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_each_once)]
Children = Annotated[tuple[Name, ...], AfterValidator(_each_once)]
Share = Annotated[float, Field(ge=0, le=1)]
Mean = Annotated[FiniteFloat, AfterValidator(lambda number: _scaled(number, MEANS))]
Deviation = Annotated[FiniteFloat, AfterValidator(lambda number: _scaled(number, DEVIATIONS))]


class Thresholds(BaseModel):
    """The least confidence at which a level is named; under it, that level and all below it are null."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Share
    make: Share
    model: Share


class Bend(BaseModel):
    """From a level's confidence to how often it is right: sigmoid(slope · logit(conf) + bias) (Platt, 1999)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: Annotated[FiniteFloat, Field(gt=0)]
    bias: FiniteFloat


class Calibration(BaseModel):
    """Of the verdicts' confidences: heads that are honest one by one err together, which the hierarchy cannot know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Bend
    make: Bend
    model: Bend


class Level(NamedTuple):
    """One level of the tree of valid paths, its nodes in order; node i of a level is one path down to it."""

    labels: NDArray[np.intp]
    """Each node's index into the level's list of names."""
    parents: NDArray[np.intp]
    """Each node's parent, as an index into the nodes of the level above; -1 at the top."""


class Labels(BaseModel):
    """labels.json, checked. `types`, `makes` and `models` name the logits of the three heads in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    types: Names
    makes: Names
    models: Names
    hierarchy: dict[str, dict[str, Children]] | None = None
    """type → make → its models. A type without makes, or a make without models, ends a path. None or empty: no
    hierarchy is known, and each head speaks for itself."""
    mean: tuple[Mean, Mean, Mean]
    """Red, green, blue, of pictures scaled to 0..1."""
    std: tuple[Deviation, Deviation, Deviation]
    thresholds: Thresholds
    """Of confidences as rows have them, bent."""
    calibration: Calibration | None = None
    """None: confidences stay as the hierarchy makes them."""

    @classmethod
    def parse(cls, text: str) -> Labels:
        """Read labels.json. ValueError names each field that is wrong, and why."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            faults = (_fault(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors())
            raise ValueError("; ".join(map(schema_check.printable, faults))) from None

    @property
    def widths(self) -> dict[str, int]:
        """How many logits each head gives."""
        return {"type": len(self.types), "make": len(self.makes), "model": len(self.models)}

    @cached_property
    def tree(self) -> tuple[Level, Level, Level]:
        """All valid paths, level by level."""
        hierarchy = self.hierarchy or {}
        pairs = [(kind, make) for kind in self.types for make in hierarchy.get(kind, {})]
        triples = [(pair, model) for pair in pairs for model in hierarchy[pair[0]][pair[1]]]
        return (
            _level((place, -1) for place in range(len(self.types))),
            _level((self.makes.index(make), self.types.index(kind)) for kind, make in pairs),
            _level((self.models.index(model), pairs.index(pair)) for pair, model in triples),
        )

    @property
    def unreached(self) -> tuple[str, ...]:
        """Makes and models that no path of the hierarchy leads to, and that are therefore never named."""
        if not self.hierarchy:
            return ()
        levels = ((self.makes, self.tree[1]), (self.models, self.tree[2]))
        return tuple(name for names, level in levels for place, name in enumerate(names) if place not in level.labels)

    @model_validator(mode="after")
    def _hierarchy_names_what_is_listed(self) -> Self:
        hierarchy = self.hierarchy or {}
        _listed(hierarchy, self.types, "types")
        _listed((make for makes in hierarchy.values() for make in makes), self.makes, "makes")
        _listed((model for makes in hierarchy.values() for of in makes.values() for model in of), self.models, "models")
        return self


def _listed(named: Iterable[str], known: tuple[str, ...], field: str) -> None:
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise ValueError(f"hierarchy names what {field} does not list: {', '.join(unknown[:5])}")


def _level(nodes: Iterable[tuple[int, int]]) -> Level:
    columns = np.array(list(nodes), dtype=np.intp).reshape(-1, 2)
    return Level(columns[:, 0], columns[:, 1])


def _fault(location: tuple[int | str, ...], kind: str, reason: str) -> str:
    where = "/".join(str(step) for step in location)
    if kind == "extra_forbidden":
        parts = {"thresholds": Thresholds, "calibration": Bend if len(location) > 2 else Calibration}
        known = (parts[str(location[0])] if len(location) > 1 else Labels).model_fields
        return f"{where}: no such key, mind its spelling; known are {', '.join(known)}"
    reason = reason.removeprefix("Value error, ")
    return f"{where}: {reason}" if where else reason

"""A checkpoint's labels.json: names, hierarchy, normalisation, thresholds, calibration, open-set rule. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from video_analysis.worker_utils.contracts import schema_check

LABELS_FILE = "labels.json"
MEANS = (0.0, 1.0)
DEVIATIONS = (0.001, 10.0)
"""The range of standard deviations of real images scaled to 0..1; those of images in 0..255 are outside it."""


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} is listed twice")
    return names


def _printable(name: str) -> str:
    """PostgreSQL does not store NUL, and a name must not break a log line."""
    if not name.isprintable():
        raise ValueError(f"{name} has a character that cannot be printed")
    return name


def _scaled(number: float, bounds: tuple[float, float]) -> float:
    lower, upper = bounds
    if not lower <= number <= upper:
        raise ValueError(f"{number:g} is not within {lower:g} to {upper:g}; pixels are scaled to 0..1, not 0..255")
    return number


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Names = Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_unique)]
Children = Annotated[tuple[Name, ...], AfterValidator(_unique)]
Share = Annotated[float, Field(ge=0, le=1)]
Mean = Annotated[FiniteFloat, AfterValidator(lambda number: _scaled(number, MEANS))]
Deviation = Annotated[FiniteFloat, AfterValidator(lambda number: _scaled(number, DEVIATIONS))]


class Thresholds(BaseModel):
    """The minimum confidence of each level; below it, that level and all levels below it are null."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Share
    make: Share
    model: Share


class PlattScaling(BaseModel):
    """Maps a confidence to the observed accuracy: sigmoid(slope · logit(conf) + bias) (Platt, 1999)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: Annotated[FiniteFloat, Field(gt=0)]
    bias: FiniteFloat


class Calibration(BaseModel):
    """Calibration of the verdicts' confidences. It is needed because the errors of the heads are correlated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: PlattScaling
    make: PlattScaling
    model: PlattScaling


class OpenSet(BaseModel):
    """Recognises vehicles unlike those whose makes the checkpoint was trained on, by the logits of one head.

    Their score log Σ exp(logit), the negative free energy, is below `least_score` (Liu et al., Energy-based
    Out-of-distribution Detection, NeurIPS 2020). Make and model are then null, and the type head alone decides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: Literal["make", "model"]
    least_score: FiniteFloat
    calibration: PlattScaling | None = None
    """Of the type's confidence where the score is below `least_score`; None: it is not calibrated."""
    threshold: Share
    """The minimum confidence of that type."""


class Level(NamedTuple):
    """One level of the tree of valid paths. Each node is one path from the top to this level."""

    labels: NDArray[np.intp]
    """Per node: index into the level's list of names."""
    parents: NDArray[np.intp]
    """Per node: index of its parent among the nodes of the level above; -1 at the top."""


class Labels(BaseModel):
    """labels.json, checked. `types`, `makes` and `models` are the names of the three heads' logits, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    types: Names
    makes: Names
    models: Names
    hierarchy: dict[str, dict[str, Children]] | None = None
    """type → make → its models. A path ends at a type without makes or a make without models. None or empty: there is
    no hierarchy, and the heads are independent."""
    mean: tuple[Mean, Mean, Mean]
    """Red, green, blue; for pixels scaled to 0..1."""
    std: tuple[Deviation, Deviation, Deviation]
    thresholds: Thresholds
    """For calibrated confidences, as in the rows."""
    calibration: Calibration | None = None
    """None: confidences are not calibrated."""
    open_set: OpenSet | None = None
    """None: each vehicle is taken for one whose make and model are among the names."""

    @classmethod
    def parse(cls, text: str) -> Labels:
        """Parse labels.json. ValueError names each wrong field and the reason."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            faults = (_fault(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors())
            raise ValueError("; ".join(map(schema_check.printable, faults))) from None

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Output of the main model → the names of its logits, in order."""
        return {"type": self.types, "make": self.makes, "model": self.models}

    @property
    def widths(self) -> dict[str, int]:
        """The number of logits of each output."""
        return {output: len(names) for output, names in self.names.items()}

    @cached_property
    def tree(self) -> tuple[Level, Level, Level]:
        """All valid paths, level by level."""
        hierarchy = self.hierarchy or {}
        pairs = [(kind, make) for kind in self.types for make in hierarchy.get(kind, {})]
        triples = [(pair, model) for pair in pairs for model in hierarchy[pair[0]][pair[1]]]
        return (
            _level((index, -1) for index in range(len(self.types))),
            _level((self.makes.index(make), self.types.index(kind)) for kind, make in pairs),
            _level((self.models.index(model), pairs.index(pair)) for pair, model in triples),
        )

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Makes and models that are on no path of the hierarchy, and are therefore never named."""
        if not self.hierarchy:
            return ()
        levels = ((self.makes, self.tree[1]), (self.models, self.tree[2]))
        return tuple(name for names, level in levels for index, name in enumerate(names) if index not in level.labels)

    @model_validator(mode="after")
    def _hierarchy_uses_listed_names(self) -> Self:
        hierarchy = self.hierarchy or {}
        by_make = [pair for makes in hierarchy.values() for pair in makes.items()]
        _check_listed(hierarchy, self.types, "types")
        _check_listed((make for make, _ in by_make), self.makes, "makes")
        _check_listed((model for _, models in by_make for model in models), self.models, "models")
        return self


def _check_listed(used: Iterable[str], listed: tuple[str, ...], field: str) -> None:
    unknown = sorted(set(used) - set(listed))
    if unknown:
        raise ValueError(f"hierarchy has names that {field} does not list: {', '.join(unknown[:5])}")


def _level(nodes: Iterable[tuple[int, int]]) -> Level:
    columns = np.array(list(nodes), dtype=np.intp).reshape(-1, 2)
    return Level(columns[:, 0], columns[:, 1])


def _fault(location: tuple[int | str, ...], kind: str, reason: str) -> str:
    where = "/".join(str(step) for step in location)
    if kind == "extra_forbidden":
        parts: dict[str, type[BaseModel]] = {"thresholds": Thresholds, "calibration": Calibration, "open_set": OpenSet}
        parent = Labels if len(location) == 1 else PlattScaling if len(location) > 2 else parts[str(location[0])]
        known = parent.model_fields
        return f"{where}: unknown key, check its spelling; known are {', '.join(known)}"
    reason = reason.removeprefix("Value error, ")
    return f"{where}: {reason}" if where else reason

"""The labels of the new model: those of the current one, and the new names that have enough pictures. Pure."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from video_analysis.main_worker.classification.labels import Labels
from video_analysis.training.own.label_error import LabelError
from video_analysis.training.own.own_pictures import OwnPicture

LEAST_PICTURES = 10
"""To train on, of a make or model that the current labels lack. With fewer it counts as an unknown one."""


@dataclass(frozen=True, slots=True)
class LabelLists:
    """The labels of the new model, and what became of the names in the pictures."""

    labels: Labels
    new: dict[str, dict[str, int]]
    """Level (type, make, model) → new name → number of pictures to train on."""
    rare: dict[str, dict[str, int]]
    """The same for the names that have too few pictures."""

    def lines(self, current: Labels) -> Iterable[str]:
        """About the new and the rare names, with a known or another new name of nearly the same spelling."""
        for level, names in self.new.items():
            if names:
                counted = ", ".join(f"{self._near(name, level, current)} ({n} pictures)" for name, n in names.items())
                yield f"new {level}s: {counted}"
        for level, names in self.rare.items():
            if names:
                counted = ", ".join(f"{self._near(name, level, current)} ({n})" for name, n in names.items())
                yield f"{level}s with fewer than {LEAST_PICTURES} pictures, which count as unknown: {counted}"

    def _near(self, name: str, level: str, current: Labels) -> str:
        known = current.names[level]
        if name in known:
            return name
        others = {one.casefold(): one for one in (*self.new[level], *known) if one != name}
        near = [others[one] for one in difflib.get_close_matches(name.casefold(), others, 1, 0.8)]
        return f"{name}, like the {'known' if near[0] in known else 'new'} {near[0]}" if near else name


def in_known_spelling(pictures: Sequence[OwnPicture], current: Labels) -> list[OwnPicture]:
    """The pictures with makes and models in the spelling of the current labels, or else of their first occurrence."""
    makes = {name.casefold(): name for name in reversed(current.makes)}
    models = {name.casefold(): name for name in reversed(current.models)}

    def respelled(name: str | None, known: dict[str, str]) -> str | None:
        return None if name is None else known.setdefault(name.casefold(), name)

    return [replace(one, make=respelled(one.make, makes), model=respelled(one.model, models)) for one in pictures]


def extended(pictures: Sequence[OwnPicture], current: Labels, name: str, *, is_kept: bool) -> LabelLists:
    """The labels for these pictures. Without `is_kept`, the current names are not among them.

    Makes or models without any picture are then the current ones, on no path of the hierarchy, because each head needs
    a name. LabelError if there is no type.
    """
    known = current.names if is_kept else {"type": (), "make": (), "model": ()}
    counts = {level: _counts(pictures, level) for level in known}
    new = {level: _new(counts[level], known[level], least=LEAST_PICTURES) for level in known}
    rare = {level: _rare(counts[level], known[level], new[level], pictures, level) for level in known}
    names = {level: (*known[level], *new[level]) for level in known}
    if not names["type"]:
        raise LabelError([f"no type has {LEAST_PICTURES} pictures to train on"])
    names = {level: names[level] or current.names[level] for level in names}
    tree = _tree(pictures, names, (current.hierarchy or {}) if is_kept else {})
    labels = Labels(
        name=name, types=names["type"], makes=names["make"], models=names["model"],
        hierarchy=None if is_kept and not current.hierarchy else tree,
        mean=current.mean, std=current.std, thresholds=current.thresholds,
    )  # fmt: skip
    return LabelLists(labels, new, rare)


def _counts(pictures: Sequence[OwnPicture], level: str) -> Counter[str]:
    """Pictures to train on, by name."""
    names = (getattr(one, level) for one in pictures if one.split == "train")
    return Counter(name for name in names if name is not None)


def _new(counts: Counter[str], known: Sequence[str], least: int) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if name not in known and count >= least}


def _rare(
    counts: Counter[str], known: Sequence[str], new: dict[str, int], pictures: Sequence[OwnPicture], level: str
) -> dict[str, int]:
    """Names that only other splits have included."""
    found = {getattr(one, level) for one in pictures} - {None, *known, *new}
    return {name: counts[name] for name in sorted(found)}


def _tree(
    pictures: Sequence[OwnPicture], names: dict[str, tuple[str, ...]], before: dict[str, dict[str, tuple[str, ...]]]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """type → make → models, with those of the pictures to train on."""
    tree = {kind: dict(makes) for kind, makes in before.items()}
    for one in pictures:
        if one.split != "train" or one.type not in names["type"]:
            continue
        makes = tree.setdefault(str(one.type), {})
        if one.make in names["make"]:
            models = makes.setdefault(str(one.make), ())
            if one.model in names["model"] and one.model not in models:
                makes[str(one.make)] = (*models, str(one.model))
    return tree

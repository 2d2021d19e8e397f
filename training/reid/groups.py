"""Samples to train on: groups of vehicles of one scene or clip in several views, and which pairs may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from video_analysis.training.reid.view_cache import Views

VEHICLES, VIEWS = 8, 4
"""Most per group."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """G views of vehicles of one shard."""

    means: NDArray[np.float32]
    """G×120: see `Trunk`."""
    maps: NDArray[np.float16]
    """G×64×6×6."""
    same: NDArray[np.bool_]
    """G×G: pairs of one vehicle."""
    different: NDArray[np.bool_]
    """G×G: pairs that are two vehicles for certain."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Several groups. Pairs of two groups are neither `same` nor `different`."""

    means: torch.Tensor
    maps: torch.Tensor
    same: torch.Tensor
    different: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A shard, the crops of each of its identities, and which identities are different vehicles for certain."""

    views: Views
    places: Sequence[NDArray[np.int64]]
    together: NDArray[np.bool_]
    """I×I."""


class Groups:
    """Endless groups. A kind of source is drawn by its weight, then a shard by the number of its identities."""

    def __init__(self, kinds: Mapping[str, Sequence[Views]], weights: Mapping[str, float], seed: int) -> None:
        """`kinds` has the shards of each kind; a kind without usable shards is left out."""
        self._seed = seed
        sources = {kind: [_source(views) for views in shards] for kind, shards in kinds.items()}
        self._sources = {kind: [one for one in found if one.together.any()] for kind, found in sources.items()}
        self._kinds = [kind for kind, found in self._sources.items() if found]
        shares = np.array([weights[kind] for kind in self._kinds])
        self._weights = shares / shares.sum()

    def __getitem__(self, number: int) -> Group:
        """Group `number`, always the same."""
        rng = np.random.default_rng((self._seed, 72, number))
        found = self._sources[self._kinds[int(rng.choice(len(self._kinds), p=self._weights))]]
        sizes = np.array([len(one.places) for one in found], np.float64)
        return _group(found[int(rng.choice(len(found), p=sizes / sizes.sum()))], rng)


def collated(groups: Sequence[Group]) -> Batch:
    """A batch of several groups."""
    means, maps = (np.concatenate([getattr(group, name) for group in groups]) for name in ("means", "maps"))
    same, different = (
        torch.block_diag(*(torch.from_numpy(getattr(group, name)) for group in groups)).bool()
        for name in ("same", "different")
    )
    return Batch(torch.from_numpy(means), torch.from_numpy(maps).float(), same, different)


def _source(views: Views) -> _Source:
    identities = np.unique(views.identities)
    places = [np.flatnonzero(views.identities == identity) for identity in identities]
    together = np.ones((len(places), len(places)), bool)
    if not views.exact and places:
        starts = np.array([views.times_ms[place].min() for place in places])
        ends = np.array([views.times_ms[place].max() for place in places])
        together = (starts[:, None] <= ends[None]) & (starts[None] <= ends[:, None])
    np.fill_diagonal(together, False)
    return _Source(views, places, together)


def _group(source: _Source, rng: np.random.Generator) -> Group:
    """Up to eight vehicles, all seen together with the first; four views of each, at different times if possible."""
    crops, identities = [], []
    for identity in _vehicles(source, rng):
        places = source.places[identity]
        crops += rng.choice(places, VIEWS, replace=len(places) < VIEWS).tolist()
        identities += [identity] * VIEWS
    variants = rng.integers(len(source.views.means), size=len(crops))
    of = np.array(identities)
    same = of[:, None] == of[None]
    np.fill_diagonal(same, False)
    together = source.together[of[:, None], of[None]]
    return Group(source.views.means[variants, crops], source.views.maps[variants, crops], same, together)


def _vehicles(source: _Source, rng: np.random.Generator) -> list[int]:
    with_others = np.flatnonzero(source.together.any(1))
    first = int(rng.choice(with_others))
    others = np.flatnonzero(source.together[first])
    return [first, *rng.permutation(others)[: VEHICLES - 1].tolist()]

"""The list of all scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from video_analysis.tests.chaos import (
    bad_messages,
    bad_snapshots,
    bad_videos,
    interruptions,
    kills,
    leases,
    outages,
    processes,
    run_faults,
)
from video_analysis.tests.chaos.environment import Scenario


@dataclass(frozen=True, slots=True)
class Suite:
    """A selection of scenarios. It can be pickled for another process; the scenarios cannot."""

    random_kills: int
    seed: int
    only: str = ""
    """Text that a scenario's name must contain."""

    def scenarios(self) -> list[tuple[str, Scenario]]:
        """(name, scenario) pairs."""
        return [(name, run) for name, run in self._all() if self.only in name]

    def _all(self) -> Iterator[tuple[str, Scenario]]:
        """One line per module."""
        yield from interruptions.scenarios()
        yield from processes.scenarios()
        yield from outages.scenarios()
        yield from leases.scenarios()
        yield from bad_messages.scenarios()
        yield from bad_videos.scenarios()
        yield from bad_snapshots.scenarios()
        yield from run_faults.scenarios(self.seed)
        yield from kills.scenarios(self.random_kills, self.seed)

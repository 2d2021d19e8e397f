"""A resource that is compared with what the workers need, and changed where it differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Difference:
    """One property of a resource: what was found, and what is needed."""

    property: str
    found: str
    needed: str
    remedy: str | None = None
    """What a person must do; None: `apply` changes it."""
    is_choice: bool = False
    """The workers also work with what was found."""

    def __str__(self) -> str:
        remedy = "" if self.remedy is None else f" ({self.remedy})"
        return f"{self.property}: found {self.found}, needed {self.needed}{remedy}"


class Resource(Protocol):
    """A bucket, a queue, the tables or the grants of a role."""

    @property
    def name(self) -> str:
        """The resource in a line of text."""

    def differences(self) -> Sequence[Difference]:
        """What differs; empty if nothing. CommandError if it differs in a way that `apply` cannot change."""

    def apply(self, differences: Sequence[Difference]) -> None:
        """Change what differs. Idempotent."""

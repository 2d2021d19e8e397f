"""Why a file of the model store was replaced by another one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FallbackCode = Literal["last_good", "fallback_checkpoint"]
"""`checkpoint.fallback` in `evidence`."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The origin of the checkpoint that replaced the configured one, and why that one could not be loaded."""

    code: FallbackCode
    detail: str

    def to_json(self) -> dict[str, object]:
        """As stored in `evidence.checkpoint`."""
        return {"fallback": self.code, "detail": self.detail}

"""The codes in image_analysis_results.evidence: reasons for null values, and the origin of a fallback checkpoint.

Codes are stable: readers may compare them. A `detail` is for people only. docs/evidence-codes.md lists all codes; a
test compares it with this file. Rows written by older versions have an English sentence where a code is now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from video_analysis.worker_utils.db.row_types import VariantResult
from video_analysis.worker_utils.models.fallback import FallbackCode

LevelCode = Literal["below_threshold", "parent_abstained", "no_children", "out_of_distribution"]
"""`type.abstained`, `make.abstained`, `model.abstained`."""
PlateCode = Literal["no_text_line", "text_too_small", "no_plate_text", "below_threshold"]
"""`plate.abstained`."""
ReadFailureCode = Literal["timeout", "reader_busy", "read_failed"]
"""`colors.null`, `plate.null`."""

CODES: Mapping[str, frozenset[str]] = {
    "type.abstained": frozenset(("below_threshold",)),
    "make.abstained": frozenset(get_args(LevelCode)),
    "model.abstained": frozenset(get_args(LevelCode)) - {"out_of_distribution"},
    "plate.abstained": frozenset(get_args(PlateCode)),
    "colors.null": frozenset(get_args(ReadFailureCode)),
    "plate.null": frozenset(get_args(ReadFailureCode)),
    "checkpoint.fallback": frozenset(get_args(FallbackCode)),
}
"""Path in `evidence` → the codes that can occur there."""


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """The reason why colours or plate could not be read."""

    code: ReadFailureCode
    detail: str | None = None

    def to_json(self) -> dict[str, object]:
        """As stored in `evidence.colors` or `evidence.plate`."""
        return {"null": self.code} | ({} if self.detail is None else {"detail": self.detail})


WITHOUT_CODE: Mapping[str, str] = {"colors": "none_found", "plate": "not_installed"}
"""Value → why it is null where the evidence has no code: no colour was found, or plates are not read."""


def null_codes(result: VariantResult) -> dict[str, str | None]:
    """Each value of a result → the code of why it is null; None where it is not null. For events and metrics."""
    values = {
        "type": result.type_label,
        "make": result.make_label,
        "model": result.model_label,
        "colors": result.colors,
        "plate": result.plate_text,
    }
    return {name: _null_code(result.evidence, name) if value is None else None for name, value in values.items()}


def _null_code(evidence: Mapping[str, object], name: str) -> str:
    entry = evidence.get(name)
    code = (entry.get("abstained") or entry.get("null")) if isinstance(entry, Mapping) else None
    return str(code or WITHOUT_CODE.get(name, "unknown"))

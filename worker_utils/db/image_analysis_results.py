"""Statements on `image_analysis_results`: one row per snapshot and variant. They run in the caller's transaction."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from psycopg2.extras import Json

from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.row_types import VariantResult

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

KEY = ("analysis_id", "variant")
VALUES = tuple(field.name for field in fields(VariantResult) if field.name not in KEY)
ACCESS = TableAccess(
    "image_analysis_results", select=(*KEY, *VALUES), insert=(*KEY, *VALUES), update=(*VALUES, "updated_at")
)
JSON_COLUMNS = frozenset({"colors", "evidence", "assets"})
UPSERT = f"""
INSERT INTO image_analysis_results AS r ({", ".join((*KEY, *VALUES))})
VALUES ({", ".join(["%s"] * len((*KEY, *VALUES)))})
ON CONFLICT (analysis_id, variant) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in VALUES)}, updated_at = now()
WHERE r.checkpoint IS DISTINCT FROM excluded.checkpoint
"""  # noqa: S608  # the names of the columns are constants
"""A second result of the same checkpoint changes nothing."""


def upsert(cursor: Cursor, analysis_id: str, result: VariantResult) -> None:
    """Insert the result, or replace that of another checkpoint."""
    cursor.execute(UPSERT, (analysis_id, result.variant, *(_value(result, name) for name in VALUES)))


def checkpoints(cursor: Cursor, analysis_id: str) -> dict[str, str]:
    """Variant → checkpoint of the results that exist; an empty string if the row has no checkpoint."""
    cursor.execute("SELECT variant, checkpoint FROM image_analysis_results WHERE analysis_id = %s", (analysis_id,))
    return {variant: checkpoint or "" for variant, checkpoint in cursor.fetchall()}


def _value(result: VariantResult, name: str) -> object:
    value = getattr(result, name)
    return Json(value) if name in JSON_COLUMNS and value is not None else value

"""`camera_settings`: settings that an operator keeps for a camera. Read only, at the start of each video.

The table is optional: `missing` names what a worker lacks to use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from video_analysis.worker_utils.db import access
from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.connection import Transactions
from video_analysis.worker_utils.db.run_types import Overrides

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

ACCESS = TableAccess("camera_settings", select=("workspace_id", "camera_code", "overrides"))
"""What yolo_worker needs."""
OF_CAMERA = "SELECT overrides FROM camera_settings WHERE workspace_id = %s AND camera_code = %s"


class CameraSettingsRepository:
    """The rows of cameras."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def missing(self) -> str | None:
        """What this role lacks to use the table, with its remedy; None if nothing."""
        return self._database.transaction(lambda cursor: access.missing(cursor, ACCESS))

    def overrides(self, workspace_id: str, camera_code: str) -> Overrides:
        """The settings of a camera; empty if it has none."""

        def read(cursor: Cursor) -> Overrides:
            cursor.execute(OF_CAMERA, (workspace_id, camera_code))
            row = cursor.fetchone()
            return {} if row is None else row[0]

        return self._database.transaction(read)

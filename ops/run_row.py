"""A row of `video_runs` as operators see it, and their statements on runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from video_analysis.worker_utils.db.run_types import Overrides, ReplayStage, Request, RunStatus, RunType


@dataclass(frozen=True, slots=True)
class RunRow:
    """The columns of a run that are shown."""

    id: str
    video_id: str
    workspace_id: str
    run_key: str | None
    run_type: RunType
    parent_run_id: str | None
    root_run_id: str
    replay_from_stage: ReplayStage | None
    config_overrides: Overrides | None
    config_snapshot: Mapping[str, Any] | None
    code_version: str | None
    status: RunStatus
    requested: Request | None
    current_stage: str | None
    progress: float | None
    frames_done: int | None
    frames_total: int | None
    fps: float | None
    eta_s: float | None
    vehicles: int | None
    attempts: int
    message_id: str | None
    worker: str | None
    error_code: str | None
    error_msg: str | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    completed_at: datetime | None

    @property
    def may_be_worked_on(self) -> bool:
        """A worker may read a request: also at the last receive, at which the run has failed in advance."""
        return self.status == "running" or (self.status == "failed" and self.error_code == "crashed")

    @property
    def changes_video(self) -> bool:
        """See `StoredRun.changes_video`."""
        return self.run_type != "replay" or self.config_overrides is None


_COLUMNS = ", ".join(field.name for field in fields(RunRow))
_IS_IDLE = "updated_at < now() - make_interval(secs => %(idle_s)s)"
LIST = f"""
SELECT {_COLUMNS} FROM video_runs
WHERE (%(video_id)s::uuid IS NULL OR video_id = %(video_id)s::uuid)
    AND (%(workspace_id)s::uuid IS NULL OR workspace_id = %(workspace_id)s::uuid)
    AND (%(status)s::text IS NULL OR status = %(status)s
        OR (%(status)s = 'running' AND status = 'failed' AND error_code = 'crashed' AND NOT {_IS_IDLE}))
ORDER BY created_at DESC, id LIMIT %(limit)s
"""  # noqa: S608  # the names of the columns are constants
ONE = f"SELECT {_COLUMNS} FROM video_runs WHERE id = %s"  # noqa: S608
OF_ROOT = f"""
SELECT {_COLUMNS} FROM video_runs WHERE video_id = %s AND root_run_id = %s ORDER BY created_at, id
"""  # noqa: S608
NEWEST_COMPLETED = f"""
SELECT {_COLUMNS} FROM video_runs WHERE video_id = %s AND status = 'completed' ORDER BY created_at DESC, id LIMIT 1
"""  # noqa: S608
IS_IDLE = f"SELECT {_IS_IDLE} FROM video_runs WHERE id = %(id)s"  # noqa: S608  # a constant
REQUEST = "UPDATE video_runs SET requested = %s WHERE id = %s"
"""Without `updated_at`: that is when a worker last wrote to the run."""
STOP = """
UPDATE video_runs SET status = %s, requested = NULL, error_code = %s, error_msg = %s, updated_at = now() WHERE id = %s
"""
RESUME = """
UPDATE video_runs SET status = 'pending', requested = NULL, error_code = NULL, error_msg = NULL, updated_at = now()
WHERE id = %s
"""
INSERT_REPLAY = """
INSERT INTO video_runs (id, video_id, workspace_id, run_type, parent_run_id, root_run_id, replay_from_stage,
    config_overrides, config_snapshot, status)
VALUES (%s, %s, %s, 'replay', %s, %s, %s, %s, %s, 'pending') ON CONFLICT (id) DO NOTHING
"""
HAS_VIDEO = """
SELECT EXISTS (SELECT FROM videos WHERE id = %s AND workspace_id = %s AND s3_key_raw IS NOT NULL
    AND workspace_code IS NOT NULL AND camera_code IS NOT NULL)
"""
ADOPT = """
INSERT INTO camera_settings (workspace_id, camera_code, overrides)
SELECT workspace_id, camera_code, %s FROM videos WHERE id = %s AND workspace_id = %s AND camera_code IS NOT NULL
ON CONFLICT (workspace_id, camera_code) DO UPDATE SET updated_at = now(),
    overrides = CASE WHEN %s OR jsonb_typeof(camera_settings.overrides::jsonb) <> 'object' THEN EXCLUDED.overrides
        ELSE camera_settings.overrides::jsonb || EXCLUDED.overrides::jsonb END
RETURNING camera_code, overrides
"""
OF_CAMERA = """
SELECT c.overrides FROM camera_settings AS c
JOIN videos AS v ON v.workspace_id = c.workspace_id AND v.camera_code = c.camera_code WHERE v.id = %s
"""
CAMERAS = "SELECT id::text, camera_code FROM videos WHERE id = ANY(%s::uuid[]) AND camera_code IS NOT NULL"

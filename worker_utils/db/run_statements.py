"""The statements on `video_runs`, and what yolo_worker needs of the table."""

from __future__ import annotations

from dataclasses import fields

from video_analysis.worker_utils.db.access import TableAccess
from video_analysis.worker_utils.db.run_types import RunProgress, StoredRun

_STORED = tuple(field.name for field in fields(StoredRun) if field.name != "inherited")
_PROGRESS = tuple(field.name for field in fields(RunProgress))
STATE_COLUMNS = ("status", "error_code", "error_msg")
ATTEMPT = ("message_id", "run_key", "config_snapshot", "code_version", "worker")
_INSERTED = (
    *("video_id", "workspace_id", "run_type", "parent_run_id", "root_run_id", "replay_from_stage", "config_overrides"),
    *("attempts", "started_at", "message_ids", *ATTEMPT, *STATE_COLUMNS),
)
_SOURCE = ("source_etag", "source_bytes")
_ENDED = ("requested", "completed_at", "updated_at")
ACCESS = TableAccess(
    "video_runs",
    select=(*_STORED, "video_id", "workspace_id", "message_id", "message_ids", "created_at", "attempts", "started_at"),
    insert=("id", *_INSERTED),
    update=tuple(
        dict.fromkeys(
            (*ATTEMPT, *STATE_COLUMNS, "message_ids", "attempts", "started_at", *_SOURCE, *_PROGRESS, *_ENDED)
        )
    ),
)
"""What yolo_worker needs."""

_HAS_MESSAGE = "coalesce(message_id = %(message_id)s OR message_ids::jsonb ? %(message_id)s, false)"
"""The message began or continued the run, as the latest one or before."""
CHANGES_VIDEO = "(run_type <> 'replay' OR config_overrides IS NULL)"
"""`StoredRun.changes_video`: a message started the run, not an operator's replay."""
FIND = f"""
SELECT {", ".join(_STORED)} FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s
    AND {CHANGES_VIDEO}
ORDER BY created_at DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608  # the names of the columns are constants
"""The newest run that a message started: a replay without overrides is none of an operator."""
FIND_NAMED = f"""
SELECT {", ".join(_STORED)} FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s AND (id = %(run_id)s::uuid OR {_HAS_MESSAGE})
ORDER BY {_HAS_MESSAGE} DESC, created_at DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608
HAS_CHILD = """
SELECT EXISTS (SELECT FROM video_runs AS p JOIN video_runs AS c ON c.video_id = p.video_id AND c.parent_run_id = p.id
    WHERE p.id = %s)
"""
"""By video, since there is no index of parents."""
FIND_BY_ID = f"""
SELECT {", ".join(_STORED)}, (SELECT p.config_overrides FROM video_runs AS p WHERE p.id = r.parent_run_id)
FROM video_runs AS r WHERE id = %s AND video_id = %s AND workspace_id = %s
"""  # noqa: S608
KNOWN_MESSAGE = f"""
SELECT count(*) > 0, coalesce(bool_or(id = %(found_id)s::uuid), false) FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s AND {_HAS_MESSAGE}
"""  # noqa: S608
INSERT = f"""
WITH new AS (SELECT gen_random_uuid() AS id)
INSERT INTO video_runs (id, {", ".join(_INSERTED)})
SELECT new.id, %(video_id)s, %(workspace_id)s, %(run_type)s, %(parent_run_id)s, coalesce(%(root_run_id)s::uuid, new.id),
    %(replay_from_stage)s, %(config_overrides)s, 1, now(), jsonb_build_array(%(message_id)s::text),
    {", ".join(f"%({name})s" for name in (*ATTEMPT, *STATE_COLUMNS))}
FROM new RETURNING {", ".join(_STORED)}
"""  # noqa: S608
CONTINUE = f"""
UPDATE video_runs SET attempts = attempts + 1, started_at = coalesce(started_at, now()), updated_at = now(),
    message_ids = CASE WHEN {_HAS_MESSAGE} AND message_ids IS NOT NULL THEN message_ids::jsonb
        ELSE coalesce(message_ids::jsonb, to_jsonb(array_remove(ARRAY[message_id], NULL)))
            || to_jsonb(%(message_id)s::text) END,
    {", ".join(f"{name} = %({name})s" for name in (*ATTEMPT, *STATE_COLUMNS))}
WHERE id = %(id)s AND status <> 'completed' RETURNING {", ".join(_STORED)}
"""  # noqa: S608
PROGRESS = f"""
WITH written AS (
    UPDATE video_runs SET {", ".join(f"{name} = %({name})s" for name in _PROGRESS)}, updated_at = now()
    WHERE id = %(id)s AND (status = 'running' OR error_code = 'crashed'))
SELECT status, requested, error_code FROM video_runs WHERE id = %(id)s
"""  # noqa: S608
SET_SOURCE = f"""
UPDATE video_runs AS r SET source_etag = %(etag)s, source_bytes = %(size_bytes)s, run_key = CASE WHEN EXISTS (
        SELECT FROM video_runs AS o
        WHERE o.video_id = r.video_id AND o.workspace_id = r.workspace_id AND o.run_key = %(run_key)s AND o.id <> r.id
            AND (o.source_etag, o.source_bytes) <> (%(etag)s, %(size_bytes)s))
    THEN %(key_of_file)s ELSE %(run_key)s END
WHERE id = %(id)s RETURNING {", ".join(_STORED)}
"""  # noqa: S608
"""Another run with this key has processed another file: its rows are not those of this one."""
COMPLETE = f"""
UPDATE video_runs SET {", ".join(f"{name} = %({name})s" for name in _PROGRESS)}, status = 'completed', requested = NULL,
    error_code = NULL, error_msg = NULL, completed_at = now(), updated_at = now()
WHERE id = %(id)s AND status <> 'completed'
"""  # noqa: S608
STATE = "SELECT status, requested, error_code FROM video_runs WHERE id = %s FOR UPDATE"
END = """
UPDATE video_runs SET status = coalesce(%(status)s, status), error_code = %(error_code)s, error_msg = %(error_msg)s,
    requested = CASE WHEN %(status)s::text IS NULL THEN requested END, eta_s = NULL, updated_at = now()
WHERE status IN ('pending', 'running', 'paused', 'failed') AND error_code IS DISTINCT FROM 'superseded' AND id = %(id)s
"""
OF_MESSAGE = f"""
SELECT {", ".join(_STORED)}, error_code, coalesce(message_id = %(message_id)s, false) FROM video_runs
WHERE video_id = %(video_id)s AND workspace_id = %(workspace_id)s AND ({_HAS_MESSAGE} OR id = %(run_id)s::uuid)
ORDER BY {_HAS_MESSAGE} DESC, created_at DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608
"""The run that the message continued last, or that it names."""
LOCKED = f"SELECT {', '.join(_STORED)}, error_code FROM video_runs WHERE id = %s FOR UPDATE"  # noqa: S608
REQUESTED = f"SELECT {', '.join(_STORED)}, video_id, workspace_id FROM video_runs WHERE id = %s FOR UPDATE"  # noqa: S608

"""The columns of a failed attempt, which `videos` and `image_analyses` have in common.

A shutdown is no failure of the message: the row keeps the reason that it has, since the message comes again and that
reason may be its cause. A row in an attempt state has no such reason, only the text of the state.
"""

from __future__ import annotations

from video_analysis.worker_utils.contracts import schema_check
from video_analysis.worker_utils.db.attempt_status import state_after
from video_analysis.worker_utils.errors import WorkerError

_KEEPS_REASON = "%(error_code)s = 'interrupted' AND attempt_state IS NULL AND error_code IS NOT NULL"
SET = f"""
    attempt_state = %(attempt_state)s,
    error_code = CASE WHEN {_KEEPS_REASON} THEN error_code ELSE %(error_code)s END,
    error_msg = CASE WHEN {_KEEPS_REASON} THEN error_msg ELSE %(error_msg)s END,
    status = CASE WHEN %(final)s THEN 'error' ELSE status END,
    updated_at = now()
"""
"""The assignments of an UPDATE, for `values`."""


def values(failure: WorkerError, *, final: bool) -> dict[str, object]:
    """The parameters of `SET`: if the failure is final, the status becomes `error`."""
    return {
        "attempt_state": state_after(failure.code),
        "error_code": failure.code,
        "error_msg": reason(failure),
        "final": final,
    }


def reason(failure: WorkerError) -> str:
    """The text of a failure, in a form and length that the column and a terminal can hold."""
    return schema_check.printable(str(failure), schema_check.LONGEST_REASON)

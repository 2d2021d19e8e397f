"""Reads the rows and objects that the pipeline wrote for one video."""

from __future__ import annotations

from video_analysis.devstack.local_stack import Stack
from video_analysis.ops.report.stored_results import ROWS, StoredResults, StoredSnapshot

SHOWN = "current_image_analyses"
"""The view of the rows that a UI shows."""


def read(stack: Stack, video_id: str, table: str = "image_analyses") -> StoredResults:
    """Rows and objects of one video."""
    video = stack.sql("SELECT * FROM videos WHERE id = %s", video_id)[0]
    prefix = f"demo_user/{video['workspace_id']}/{video_id}/snapshots/"
    bucket = stack.config.s3_bucket
    snapshots = {}
    for page in stack.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            answer = stack.s3.get_object(Bucket=bucket, Key=item["Key"])
            snapshots[item["Key"]] = StoredSnapshot(item["Key"], answer["ContentType"], answer["Body"].read())
    return StoredResults(video, stack.sql(ROWS.format(table), video_id), snapshots)

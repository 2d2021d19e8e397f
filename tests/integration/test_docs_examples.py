"""The examples of README, CONTRIBUTING and docs/ are executed: shell syntax, SQL statements, model export."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from video_analysis.devstack import untrained_model
from video_analysis.main_worker.classification import checkpoint
from video_analysis.main_worker.classification.labels import Labels
from video_analysis.tests.support import doc_examples
from video_analysis.worker_utils.contracts import messages
from video_analysis.worker_utils.db import write_probe
from video_analysis.worker_utils.db.connection import Database
from video_analysis.worker_utils.db.image_analyses import ImageAnalysisRepository
from video_analysis.worker_utils.db.row_types import AnalysisRequest, FinishedAnalysis, VariantResult
from video_analysis.worker_utils.db.videos import VideoRepository
from video_analysis.worker_utils.errors import Transient

ROW = ("50651c85-90ab-471b-8707-adc0ef16f91f", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")


@pytest.mark.parametrize("block", doc_examples.blocks("bash"))
def test_every_command_is_valid_shell_syntax(block: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    verdict = subprocess.run([bash, "-n"], input=block, capture_output=True, text=True, check=False)
    assert (verdict.returncode, verdict.stderr) == (0, "")


def test_the_queries_run_on_the_tables(database_url: str) -> None:
    queries = "".join(block for block in doc_examples.blocks("sql") if "SELECT status" in block).split(";")[:-1]
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            for query in queries:
                cursor.execute(query)
                assert cursor.description
    finally:
        connection.close()
    assert len(queries) == 4


@pytest.fixture
def least_privileged(database_url: str) -> Iterator[str]:
    """A connection string of the role that docs/deploy.md creates, on a fresh database with one video in it."""
    (grants,) = [block for block in doc_examples.blocks("sql") if "CREATE ROLE cvitx" in block]
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(grants)
        cursor.execute("INSERT INTO videos (id, workspace_id) VALUES (%s, %s)", ROW)
        yield make_dsn(database_url, user="cvitx")
        cursor.execute("DROP OWNED BY cvitx")
        cursor.execute("DROP ROLE cvitx")
    connection.close()


def test_the_database_role_may_do_what_both_workers_do(least_privileged: str) -> None:
    task, _, _, announcement = (messages.parse(json.dumps(document)) for document in doc_examples.documents("event"))
    assert isinstance(task, messages.ProcessVideo)
    assert isinstance(announcement, messages.SnapshotReady)
    for probe in (write_probe.stage_one, write_probe.stage_two):
        with closing(Database(least_privileged, "test", probe)) as probed:
            probed.ping()
    database = Database(least_privileged, "test")
    videos, analyses = VideoRepository(database), ImageAnalysisRepository(database)
    videos.begin(task, receive_count=1, is_last=False)
    uri = analyses.claim(announcement, "run", None).message.snapshot_s3_key
    videos.fail(task.video_id, task.workspace_id, Transient("a reason"), final=False)
    videos.finish(task)
    request = AnalysisRequest(*ROW[::-1], "CTX1005", "CAM1", 305, uri, None, 2272, None, "SUV", 1, False)
    (state,) = analyses.begin_analyses([request])
    analyses.fail_analysis(uri, Transient("a reason"), final=False)
    result = VariantResult("baseline", "m@1", "SUV", 0.9, None, None, None, None, {}, {}, 1, None, 0.1)
    analyses.finish_analyses([FinishedAnalysis(state.id, (result,))])
    (state,) = analyses.begin_analyses([request])
    database.close()
    assert (state.status, dict(state.done_checkpoints)) == ("done", {"baseline": "m@1"})


def test_a_model_exported_as_shown_is_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = doc_examples.blocks("python")
    (labels,) = doc_examples.documents("hierarchy")
    named = Labels.parse(json.dumps(labels))
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "docs/models.md", "exec"), {"trained": untrained_model.network(named, 0), "labels": labels})
    opened = checkpoint.read(tmp_path / "main.pt")
    assert (opened.labels, opened.input_shape) == (named, (-1, 3, 640, 640))

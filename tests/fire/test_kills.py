"""The short part of `make fire`: a kill -9 where it would hurt most, and the suite's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from video_analysis.tests.fire import field as fields
from video_analysis.tests.fire import kills, steps
from video_analysis.tests.fire.field import Field
from video_analysis.tests.fire.ledger import Ledger, Losses, compare
from video_analysis.tests.fire.steps import ANALYSES, QUEUE, RECIPES, STORAGE, Boundary
from video_analysis.tests.fire.supervisor import Supervised

CAR, VAN = ("car.jpg", "aa"), ("van.jpg", "bb")
WHOLE = Ledger("done", None, {1: (CAR,), 2: (VAN,)})


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    for path in (fields.CLIP, fields.WEIGHTS):
        if not path.is_file():
            pytest.skip(f"no {path}")
    with fields.prepared(tmp_path_factory.mktemp("fire")) as field:
        yield field


@pytest.mark.parametrize(
    ("worker", "boundary"),
    [
        ("yolo_worker", Boundary(f"{STORAGE}.put", "after", 2)),
        ("yolo_worker", Boundary("worker_utils.queue:Publisher.send", "after")),
        ("yolo_worker", Boundary(f"{QUEUE}.delete", "before")),
        ("main_worker", Boundary(f"{ANALYSES}.finish_analyses", "after")),
    ],
    ids=str,
)
def test_a_kill_between_two_steps_loses_and_doubles_nothing(field: Field, worker: str, boundary: Boundary) -> None:
    result = kills.at_boundary(field, str(boundary), worker=worker, boundary=boundary)
    assert result.faults == 1
    assert result.is_clean, result


@pytest.mark.parametrize(
    ("found", "losses"),
    [
        (WHOLE, Losses()),
        (Ledger("done", None, {1: (CAR,)}), Losses(lost=1)),
        (Ledger("done", None, {1: (CAR,), 2: (VAN,), 3: (CAR,)}), Losses(duplicated=1)),
        (Ledger("done", None, {1: (CAR, CAR), 2: (VAN,)}), Losses(duplicated=1)),
        (Ledger("done", None, {1: (CAR,), 2: (("van.jpg", "cc"),)}), Losses(divergent=1)),
        (Ledger("done", None, {1: (CAR,), 2: (("van.jpg", None),)}), Losses(lost=1)),
        (Ledger("error", "truncated", WHOLE.vehicles), Losses(divergent=1)),
    ],
)
def test_every_difference_is_accounted_for(found: Ledger, losses: Losses) -> None:
    assert compare(WHOLE, found) == losses


@pytest.mark.parametrize("worker", RECIPES)
def test_every_step_of_a_recipe_is_there_to_be_armed(worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for boundary in steps.boundaries(worker):
        owner, method = steps.target(boundary.step)
        monkeypatch.setattr(owner, method, getattr(owner, method))  # what `arm` changes comes back
        steps.arm(boundary, lambda: None)
        assert Boundary.parse(str(boundary)) == boundary


@pytest.mark.parametrize(("side", "order"), [("before", ["strike", "call"]), ("after", ["call", "strike"])])
def test_an_armed_step_strikes_at_its_second_call_only(
    side: steps.Side, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    boundary = Boundary(f"{STORAGE}.put", side, call=2)
    owner, method = steps.target(boundary.step)
    told: list[str] = []
    monkeypatch.setattr(owner, method, lambda: told.append("call"))
    steps.arm(boundary, lambda: told.append("strike"))
    for _ in range(3):
        getattr(owner, method)()
    assert told == ["call", *order, "call"]


def test_logs_of_a_killed_worker_say_what_it_had_in_hand(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text(
        '{"event": "received", "message_id": "a"}\n{"event": "received", "message_id": "b"}\n'
        '{"event": "finished", "message_id": "a"}\n{"event": "rece'
    )
    assert Supervised("yolo_worker", {}, tmp_path, logs=[log]).in_hand() == {"b"}

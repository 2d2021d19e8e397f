"""Lease cases against two brokers, which differ in how they treat old receipt handles: the outcome is the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from video_analysis.tests.chaos import leases
from video_analysis.tests.chaos.lease_trial import Broker, Trial, run, strict_broker
from video_analysis.tests.chaos.leases import CASES


@pytest.fixture(scope="module")
def ministack() -> Iterator[Broker]:
    with strict_broker() as broker:
        yield broker


@pytest.fixture(params=["moto", "MiniStack"])
def broker(request: pytest.FixtureRequest, aws_endpoint: str) -> Broker:
    if request.param == "moto":
        return Broker.at(aws_endpoint, refuses_old_handles=False)
    strict: Broker = request.getfixturevalue("ministack")
    return strict


@pytest.mark.parametrize("name", CASES)
def test_a_message_is_settled_once_in_effect_whatever_befalls_its_lease(broker: Broker, name: str) -> None:
    result = run(broker, CASES[name], name)
    assert result.is_clean, result


def test_the_brokers_differ_in_what_they_think_of_an_old_handle(broker: Broker) -> None:
    """Why there are two; where this fails, the shim has work to do, or has it no more."""
    trial = Trial(broker)
    bench = trial.bench()
    (old,) = bench.queue.receive(1)
    bench.queue.release(old.receipt_handle, 0)
    (new,) = bench.queue.receive(1)
    assert new.message_id == old.message_id
    answers = bench.queue.extend({old.receipt_handle: 20, new.receipt_handle: 20})
    assert answers == {
        old.receipt_handle: "lost" if broker.refuses_old_handles else "extended",
        new.receipt_handle: "extended",
    }


def test_each_case_is_a_row_of_the_table_for_each_broker() -> None:
    names = [name for name, _ in leases.scenarios()]
    assert len(set(names)) == len(names) == 2 * len(CASES)
    assert all(len(name) <= 64 for name in names), "the table's first column"

"""Lease scenarios of `make chaos`: every case against moto and the stricter MiniStack."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial

from video_analysis.tests.chaos import lease_cases as cases
from video_analysis.tests.chaos.environment import ChaosEnvironment, Result, Scenario
from video_analysis.tests.chaos.fault_injection import HEARTBEAT, RECEIVE
from video_analysis.tests.chaos.lease_trial import Broker, Case, run, strict_broker
from video_analysis.worker_utils.consumer.lease import LONGEST_LEASE_S

CASES: Mapping[str, Case] = {
    "a heartbeat fails once": partial(cases.heartbeats_fail, times=1),
    "a heartbeat fails thrice": partial(cases.heartbeats_fail, times=3),
    "heartbeats fail permanently": cases.heartbeats_fail_for_ever,
    "a stale handle at a heartbeat": cases.stale_handle_at_a_heartbeat,
    "a stale handle at the delete": cases.stale_handle_at_the_delete,
    "a stale handle at the release": cases.stale_handle_at_the_release,
    "the answer to a receive is lost": cases.the_answer_to_a_receive_is_lost,
    "the answer to a delete is lost": cases.the_answer_to_a_delete_is_lost,
    "everything is throttled for a while": cases.everything_is_throttled_for_a_while,
    "a delete is throttled past its retries": cases.a_delete_is_throttled_past_its_retries,
    "a poll hangs": partial(cases.a_call_hangs, operation=RECEIVE),
    "a heartbeat hangs": partial(cases.a_call_hangs, operation=HEARTBEAT),
    "work that ends a minute before the 12 hours": partial(cases.the_twelve_hours, age_s=LONGEST_LEASE_S - 60),
    "work that does not end within the 12 hours": partial(cases.the_twelve_hours, age_s=LONGEST_LEASE_S),
}


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """(name, scenario) pairs: each case against each broker."""
    for name, case in CASES.items():
        yield f"lease: {name} (moto)", partial(_against_moto, case=case)
        yield f"lease: {name} (MiniStack)", partial(_against_ministack, case=case)


def _against_moto(chaos: ChaosEnvironment, name: str, *, case: Case) -> Result:
    endpoint = chaos.stack.environ["AWS_ENDPOINT_URL"]
    return _quietly(Broker.at(endpoint, refuses_old_handles=False), case, name)


def _against_ministack(_prepared: ChaosEnvironment, name: str, *, case: Case) -> Result:
    with strict_broker() as broker:
        return _quietly(broker, case, name)


def _quietly(broker: Broker, case: Case, name: str) -> Result:
    """Run a case without its expected warnings: the consumers run in this process, whose output is the table."""
    logging.getLogger("video_analysis").addHandler(logging.NullHandler())
    return run(broker, case, name)

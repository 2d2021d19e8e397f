"""Thousands of messages around the contract: each read or refused by its field, and some through real workers."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, given, seed, settings
from pydantic import BaseModel, ValidationError

from video_analysis.devstack import worker_process
from video_analysis.tests.chaos.bad_sandbox import ReadResult
from video_analysis.tests.chaos.bad_tally import Tally
from video_analysis.tests.chaos.environment import ChaosEnvironment, Result, Scenario
from video_analysis.tests.support.message_corpus import neighbours, valid
from video_analysis.worker_utils.contracts import messages, schema_check
from video_analysis.worker_utils.errors import BadMessage

SEED = 1
DOCUMENTS = 40
"""Valid ones, each with some hundreds around it."""
TEXTS_A_DOCUMENT = 60
LONGEST_S = 1.0
AT_A_TIME = 50
"""moto receives in time that grows with the backlog."""
HEALTH = list(HealthCheck)
MODELS: dict[str, type[BaseModel]] = {
    "PROCESS_VIDEO": messages.ProcessVideo,
    "PROCESS_VIDEO_DB": messages.ProcessVideoDb,
    "SNAPSHOT_READY": messages.SnapshotReady,
}
FIELDS = {"body", *(name for model in MODELS.values() for name in model.model_fields)}


def scenarios() -> Iterator[tuple[str, Scenario]]:
    """Each by its name, and how to run it."""
    yield "messages around the contract, each parsed", parsed
    yield "bad messages beside healthy ones", partial(beside_healthy, most=300)


def parsed(chaos: ChaosEnvironment, scenario: str) -> Result:
    """All of them, no worker concerned; the table goes beside the workers' logs."""
    tally = tally_of(DOCUMENTS)
    tally.write(chaos.workers["yolo_worker"].folder / "bad_messages.txt")
    return tally.result(scenario)


def tally_of(count: int) -> Tally:
    """What became of the messages around `count` valid ones."""
    tally = Tally(most_mb=0, longest_s=LONGEST_S)
    for family, body in bodies(count):
        tally.add(family, reading(body))
    return tally


def bodies(count: int) -> Iterator[tuple[str, str]]:
    """(family, body) of everything near `count` valid messages: near as documents, and near as texts."""
    rng = random.Random(SEED)
    for document in documents(count):
        event = document["event"]
        yield f"valid {event}", json.dumps(document)
        yield from ((f"near {event}", json.dumps(other)) for other in neighbours(document))
        text = json.dumps(document)
        yield from ((f"text near {event}", garbled(text, rng)) for _ in range(TEXTS_A_DOCUMENT))


def documents(count: int) -> list[dict[str, Any]]:
    """Valid messages of the three kinds, made up by hypothesis: the same every time."""
    found: list[dict[str, Any]] = []

    @seed(SEED)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=HEALTH)
    @given(valid)
    def collect(document: dict[str, Any]) -> None:
        found.append(document)

    collect()
    return found


def garbled(text: str, rng: random.Random) -> str:
    """The text cut, with characters changed, a part twice, or wrapped."""
    at, end = sorted(rng.randrange(len(text)) for _ in range(2))
    odd = rng.choice(
        ["\0", "\ufeff", '"', "\\", "{", "]", ",", "\ud800", "\\ud800", "NaN", "-0", "1e999", "\u202e", "é"]
    )
    return rng.choice(
        [
            text[:at],
            text[at:],
            text[:at] + odd + text[at + 1 :],
            text[:at] + odd + text[at:],
            text[:at] + text[at:end] * 2 + text[end:],
            f"[{text}]",
            f"{text}{text}",
            json.dumps(text),
            text.replace('"event"', '"Event"'),
            "[" * rng.randrange(100_000) + text,
        ]
    )


def reading(body: str) -> ReadResult:
    """What `parse` makes of it: a message that comes back from its own JSON, or a refusal that names the field."""
    begun_s = time.process_time()
    try:
        message = messages.parse(body)
    except BadMessage as refusal:
        fault = _fault_of_refusal(body, str(refusal))
        took_s = time.process_time() - begun_s
        return ReadResult("unexpected_error", fault, took_s) if fault else ReadResult("refused", str(refusal), took_s)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
        return ReadResult("unexpected_error", f"{type(error).__name__}: {error}")
    took_s = time.process_time() - begun_s
    if messages.parse(message.to_json()) != message:
        return ReadResult("unexpected_error", "does not come back from its own JSON", took_s)
    schema_check.check_shape(json.loads(body))
    return ReadResult("read", message.event, took_s)


def _fault_of_refusal(body: str, reason: str) -> str | None:
    """A refusal must name a field; and where the schema refuses, the model does."""
    if not reason.startswith(tuple(FIELDS)):
        return f"names no field: {reason}"
    try:
        document = schema_check.decode(body)
        MODELS[document["event"]].model_validate(document)
    except (BadMessage, TypeError, KeyError, ValidationError):
        return None
    return f"the model takes what the schema refuses: {reason}"


def beside_healthy(chaos: ChaosEnvironment, scenario: str, *, most: int) -> Result:
    """Bad messages on both queues among healthy videos: each into its DLQ with one line of log, the videos done."""
    dead, said = chaos.dead(), _refusals(chaos)
    stack, sent = chaos.stack, 0
    bad = refused_ones(most)
    for first in range(0, len(bad), AT_A_TIME):
        chaos.send()
        for number, body in enumerate(bad[first : first + AT_A_TIME]):
            sent += _was_sent(chaos, stack.snapshot_queue_url if number % 2 else stack.video_queue_url, body)
        chaos.settle()
    result = chaos.evaluate(scenario, sent, dead + sent)
    told = _refusals(chaos) - said
    for url in (stack.video_dlq_url, stack.snapshot_dlq_url):
        stack.sqs.purge_queue(QueueUrl=url)
    failure = None if told == sent else f"{told} refusals in the logs, not {sent}"
    return replace(result, runs=result.runs + sent, failure=failure)


def refused_ones(most: int) -> list[str]:
    """Bad bodies, spread over the whole corpus."""
    bad = [body for _, body in bodies(DOCUMENTS) if reading(body).outcome == "refused"]
    return list(islice(bad, 0, None, max(1, len(bad) // most)))[:most]


def _refusals(chaos: ChaosEnvironment) -> int:
    """Lines of log that say that a message failed, in all logs of both workers."""
    lines: Sequence[dict[str, Any]] = [
        line for place in chaos.workers.values() for log in place.logs for line in worker_process.lines(log)
    ]
    return sum(line["level"] == "ERROR" and line["event"] == "message.failed" for line in lines)


def _was_sent(chaos: ChaosEnvironment, url: str, body: str) -> bool:
    """SQS itself takes no half characters and no body beyond its limit."""
    try:
        chaos.stack.sqs.send_message(QueueUrl=url, MessageBody=body)
    except (ClientError, BotoCoreError, UnicodeEncodeError):
        return False
    return True

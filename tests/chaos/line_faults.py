"""What can befall a request on the way to AWS and back (proxy.py): each answers an exchange, or does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from video_analysis.tests.chaos.proxy import Answer, Exchange


def late(seconds: float) -> Callable[[Exchange], bool]:
    """Answered, after a while."""

    def behave(exchange: Exchange) -> bool:
        exchange.line.closed.wait(seconds)
        exchange.respond(exchange.forward())
        return True

    return behave


def refused(status: int, code: str) -> Callable[[Exchange], bool]:
    """Refused, in the words of S3 or of SQS, with nothing done."""

    def behave(exchange: Exchange) -> bool:
        if exchange.operation.endswith("Object"):
            body = f"<Error><Code>{code}</Code><Message>under fire</Message></Error>".encode()
            kind = "application/xml"
        else:
            body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "under fire"}).encode()
            kind = "application/x-amz-json-1.0"
        exchange.respond(Answer(status, [("Content-Type", kind)], body))
        return True

    return behave


def cut(exchange: Exchange) -> bool:
    """Done, and half the answer's body sent before the connection breaks."""
    exchange.respond(exchange.forward(), share=0.5)
    exchange.drop()
    return True


def lost(exchange: Exchange) -> bool:
    """Done, and the answer lost. A receive counts only where it brought something."""
    answer = exchange.forward()
    if exchange.operation == "ReceiveMessage" and b"ReceiptHandle" not in answer.body:
        exchange.respond(answer)
        return False
    exchange.drop()
    return True


def hung(exchange: Exchange) -> bool:
    """Never answered, and not done."""
    exchange.line.closed.wait()
    exchange.drop()
    return True


def stalled(until: threading.Event) -> Callable[[Exchange], bool]:
    """Done, and half the body sent; the other half when `until` is set."""

    def behave(exchange: Exchange) -> bool:
        exchange.respond(exchange.forward(), pause=until.wait)
        return True

    return behave

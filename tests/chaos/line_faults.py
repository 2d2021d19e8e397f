"""Network faults of requests to AWS, for proxy.py: each responds to an exchange in its way, or does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from video_analysis.tests.chaos.proxy import Answer, Exchange


def late(seconds: float) -> Callable[[Exchange], bool]:
    """Respond after a delay."""

    def behave(exchange: Exchange) -> bool:
        exchange.line.closed.wait(seconds)
        exchange.respond(exchange.forward())
        return True

    return behave


def refused(status: int, code: str) -> Callable[[Exchange], bool]:
    """Respond with an error of S3 or SQS, without executing the request."""

    def behave(exchange: Exchange) -> bool:
        if exchange.operation.endswith("Object"):
            body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
            kind = "application/xml"
        else:
            body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "injected"}).encode()
            kind = "application/x-amz-json-1.0"
        exchange.respond(Answer(status, [("Content-Type", kind)], body))
        return True

    return behave


def cut(exchange: Exchange) -> bool:
    """Execute the request, send half of the response's body, and cut the connection."""
    exchange.respond(exchange.forward(), share=0.5)
    exchange.drop()
    return True


def lost(exchange: Exchange) -> bool:
    """Execute the request and drop the response. A receive counts only if it returned a message."""
    answer = exchange.forward()
    if exchange.operation == "ReceiveMessage" and b"ReceiptHandle" not in answer.body:
        exchange.respond(answer)
        return False
    exchange.drop()
    return True


def hung(exchange: Exchange) -> bool:
    """Do not execute the request and never respond."""
    exchange.line.closed.wait()
    exchange.drop()
    return True


def stalled(until: threading.Event) -> Callable[[Exchange], bool]:
    """Execute the request and send half of the body; send the rest when `until` is set."""

    def behave(exchange: Exchange) -> bool:
        exchange.respond(exchange.forward(), pause=until.wait)
        return True

    return behave

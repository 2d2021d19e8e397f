"""moto's server, which also refuses what S3 and SQS refuse: a wrong Content-MD5, and a message with an empty body.

Without this, the probes of the workers would store an object and send a message. Deletions are serialised: moto's own
lose each other, and messages that are sent meanwhile. Lifecycle rules are returned as they were stored: moto loses the
size in a filter.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
BAD_DIGEST = b"<Error><Code>BadDigest</Code><Message>The Content-MD5 did not match</Message></Error>"
EMPTY_BODY = {
    "__type": "com.amazonaws.sqs#MissingParameter",
    "message": "The request must contain the parameter MessageBody.",
}


class StrictServer:
    """A WSGI application around moto's."""

    def __init__(self, moto: Application) -> None:
        self._moto = moto
        self._rules: dict[str, bytes] = {}
        """Path of a bucket → its lifecycle rules, as XML."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request, or pass it to moto."""
        digest = environ.get("HTTP_CONTENT_MD5")
        if digest and base64.b64encode(hashlib.md5(_body(environ)).digest()).decode() != digest:  # noqa: S324  # as S3
            start_response("400 Bad Request", [("Content-Type", "application/xml")])
            return [BAD_DIGEST]
        is_send = environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.SendMessage"
        if is_send and not json.loads(_body(environ)).get("MessageBody"):
            headers = [
                ("Content-Type", "application/x-amz-json-1.0"),
                ("x-amzn-query-error", "MissingParameter;Sender"),
            ]
            start_response("400 Bad Request", headers)
            return [json.dumps(EMPTY_BODY).encode()]
        if environ.get("QUERY_STRING", "").partition("=")[0] == "lifecycle":
            return self._lifecycle(environ, start_response)
        return self._moto(environ, start_response)

    def _lifecycle(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Store or return the rules of a bucket, if moto accepts the request."""
        bucket, rules, given = environ["PATH_INFO"].strip("/"), _body(environ), []
        content = b"".join(self._moto(environ, lambda *status: given.append(status)))
        status, headers, *_ = given[0]
        is_good = status.startswith("200")
        if is_good and environ["REQUEST_METHOD"] == "PUT":
            self._rules[bucket] = rules
        if is_good and environ["REQUEST_METHOD"] == "GET":
            content = self._rules[bucket]
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*headers, ("Content-Length", str(len(content)))])
        return [content]


def serialise_deletions() -> None:
    """Let moto delete a message under the lock under which it adds one."""
    from moto.sqs.models import Queue  # noqa: PLC0415

    delete = Queue.delete_message

    def delete_message(queue: Any, receipt_handle: str) -> None:
        with queue._messages_lock:
            delete(queue, receipt_handle)

    Queue.delete_message = delete_message


def _body(environ: Environ) -> bytes:
    """The body of the request, which can be read again."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return bytes(body)


def main() -> None:
    """Serve until the process is stopped."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import run_simple  # noqa: PLC0415

    serialise_deletions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    moto = DomainDispatcherApplication(create_backend_app)
    port = parser.parse_args().port
    run_simple("127.0.0.1", port, StrictServer(moto), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()

"""A boto3 session that is limited to some IAM statements: every other call is refused with AccessDenied."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from video_analysis.worker_config import WorkerConfig

ACCOUNT, REGION = "123456789012", WorkerConfig().region
NOT_FOUND = 404
_SESSION = boto3.Session
"""The original class, since a test may have replaced boto3.Session by another role's."""
NEEDS_NO_PERMISSION = "sts:GetCallerIdentity"
ONE_PERMISSION = {"sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility"}
"""A batch needs the permission of the single call."""


@dataclass
class Role:
    """A role with its statements; records which statements were used, and which calls were refused."""

    statements: Sequence[Mapping[str, Any]]
    used: set[tuple[str, str]] = field(default_factory=set)
    refused: set[tuple[str, str]] = field(default_factory=set)
    is_denied: Callable[[str, str], bool] = lambda action, arn: False
    """Whether a policy denies this action on this resource."""
    refusal_of_writes: str | None = None
    """The error code with which S3 refuses every permitted PutObject."""
    is_kms_key_disabled: Callable[[str], bool] = lambda key: False
    """Whether the KMS key of this object is disabled."""

    def check(self, params: Mapping[str, Any], model: Any, service: str, **_: Any) -> None:
        """Raise AccessDenied unless a statement allows this call."""
        action = f"{service}:{model.name}"
        action = ONE_PERMISSION.get(action, action)
        if action == NEEDS_NO_PERMISSION:
            return
        for statement in self.statements:
            if self.is_denied(action, resource(params)):
                continue
            if action in actions(statement) and _matches(statement["Resource"], resource(params)):
                self.used.add((statement["Sid"], action))
                if action == "s3:GetObject" and self.is_kms_key_disabled(params["Key"]):
                    raise kms_key_disabled(model.name)
                if action == "s3:PutObject" and self.refusal_of_writes is not None:
                    raise refusal(model.name, self.refusal_of_writes)
                return
        self.refused.add((action, resource(params).split(":")[-1]))
        raise denial(model.name, action)

    def hide(self, http_response: Any, model: Any, **_: Any) -> None:
        """Without s3:ListBucket, a key without an object is answered as AWS does: 403, which names that permission."""
        if model.name == "GetObject" and http_response.status_code == NOT_FOUND:
            raise denial(model.name, "s3:ListBucket")


def denial(operation: str, action: str) -> ClientError:
    """The answer of AWS to a call for which `action` is not granted."""
    answer: Any = {
        "Error": {"Code": "AccessDenied", "Message": f"User: … is not authorized to perform: {action} on resource: …"},
        "ResponseMetadata": {"HTTPStatusCode": 403},
    }
    return ClientError(answer, operation)


def refusal(operation: str, code: str) -> ClientError:
    """An answer of S3 with this error code."""
    answer: Any = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, operation)


def kms_key_disabled(operation: str) -> ClientError:
    """The answer of S3 to a call on an object whose KMS key is disabled."""
    answer: Any = {
        "Error": {"Code": "KMS.DisabledException", "Message": "arn:aws:kms:ap-southeast-2:…:key/… is disabled."},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(answer, operation)


def session_of(role: Role) -> type[boto3.Session]:
    """A replacement of boto3.Session whose clients have the permissions of the role."""

    class Limited(_SESSION):
        def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
            made = super().client(service_name, *args, **kwargs)  # type: ignore[call-overload]
            made.meta.events.register("provide-client-params", partial(role.check, service=service_name))
            made.meta.events.register("after-call.s3", role.hide)
            return made

    return Limited


def actions(statement: Mapping[str, Any]) -> list[str]:
    """The actions of a statement; IAM allows a single string too."""
    named = statement["Action"]
    return [named] if isinstance(named, str) else list(named)


def allows(statements: Sequence[Mapping[str, Any]], action: str, arn: str) -> bool:
    """Whether a statement allows this action on this resource."""
    return any(action in actions(one) and _matches(one["Resource"], arn) for one in statements)


def without(statements: Sequence[Mapping[str, Any]], action: str) -> list[dict[str, Any]]:
    """The statements without one action."""
    return [
        {**statement, "Action": [named for named in actions(statement) if named != action]} for statement in statements
    ]


def resource(params: Mapping[str, Any]) -> str:
    """The ARN of a call's resource."""
    if "Bucket" in params:
        return f"arn:aws:s3:::{params['Bucket']}/{params['Key']}" if "Key" in params else params["Bucket"]
    name = params["QueueName"] if "QueueName" in params else params["QueueUrl"].rsplit("/", 1)[-1]
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def _matches(pattern: str, arn: str) -> bool:
    """IAM's asterisk is any text, slashes included."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), arn) is not None

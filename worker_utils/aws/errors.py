"""Maps botocore's errors to the taxonomy: calls that may succeed later, and faults that an operator must correct.

Codes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html, and the codes of SQS.
SQS may send a code with a prefix (`AWS.SimpleQueueService.NonExistentQueue`).
"""

from __future__ import annotations

from typing import ClassVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from video_analysis.worker_utils.errors import EnvironmentFault, ErrorCode, Transient, WorkerError

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    NoAuthTokenError,
    SSOError,
    ProfileNotFound,
    NoRegionError,
)
_REFUSED_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "KmsAccessDenied"})
_NO_QUEUE = frozenset({"NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently"})
_RETRYABLE = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalError",
        "InternalFailure",
        "KmsThrottled",
        "OverLimit",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_SERVER_ERROR, _TOO_MANY_REQUESTS, _FORBIDDEN = 500, 429, 403


class Denied(EnvironmentFault):
    """The role lacks a permission; the text names it."""

    default_code: ClassVar[ErrorCode] = "permission_denied"


class NoSuchQueue(EnvironmentFault):
    """The queue does not exist, or the role has no access to it."""

    default_code: ClassVar[ErrorCode] = "no_queue"


def map_aws_error(error: BotoCoreError | ClientError, permission: str, where: str) -> WorkerError:
    """The failure for a call that needs `permission` (as in IAM: sqs:ReceiveMessage) on the resource `where`."""
    if isinstance(error, ClientError):
        return _map_response(error, permission, where)
    if isinstance(error, _NO_CREDENTIALS):
        text = f"no usable AWS credentials or region for {permission}: {error}"
        return EnvironmentFault(text, code="credentials_refused")
    return Transient(f"{permission} on {where}: {type(error).__name__}: {error}", code="aws_unavailable")


def error_code(error: ClientError) -> str:
    """The error code of the response, without a prefix."""
    return str(error.response.get("Error", {}).get("Code", "")).rsplit(".", 1)[-1]


def _map_response(error: ClientError, permission: str, where: str) -> WorkerError:
    code = error_code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _REFUSED_CREDENTIALS:
        text = f"AWS refuses the credentials ({code}) at {permission} on {where}"
        return EnvironmentFault(text, code="credentials_refused")
    if code in _NO_QUEUE:
        return NoSuchQueue(f"there is no queue {where} ({code})")
    if code in _RETRYABLE or status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        return Transient(f"{permission} on {where}: {code or status}", code="aws_unavailable")
    if code in _DENIED or status == _FORBIDDEN:
        return Denied(f"{permission} on {where} is denied ({code}): grant it to this worker's role")
    return EnvironmentFault(f"{permission} on {where} is refused: {error}", code="aws_refused")

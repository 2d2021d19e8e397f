"""Maps botocore's errors to the taxonomy: calls that may succeed later, and faults that an operator must correct.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html, and the codes of SQS and KMS.
SQS may send a code with a prefix (`AWS.SimpleQueueService.NonExistentQueue`); S3 sends those of KMS as `KMS.…`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Literal

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
_ObjectCause = Literal["object", "archived", "customer_key", "key_too_long"]
Cause = Literal[_ObjectCause, "bucket", "queue", "credentials", "denied", "kms", "later", "unknown"]
"""What an error code means. The causes of `_ObjectCause` are the fault of one object, and `kms` may be, for a read.

All others affect every call. The code of `customer_key` is that of other faults, too, see `needs_customer_key`.
"""

_CODES: Mapping[Cause, str] = {
    "object": "NoSuchKey NoSuchVersion 404",
    "archived": "InvalidObjectState",
    "customer_key": "InvalidRequest",
    "key_too_long": "KeyTooLongError",
    "bucket": "NoSuchBucket PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException 301",
    "queue": "NonExistentQueue QueueDoesNotExist QueueDeletedRecently",
    "credentials": "AccountProblem AuthFailure ExpiredToken ExpiredTokenException IncompleteSignature "
    "IncompleteSignatureException InvalidAccessKeyId InvalidClientTokenId InvalidSecurity InvalidSignatureException "
    "InvalidToken MissingAuthenticationToken MissingAuthenticationTokenException NotSignedUp OptInRequired "
    "RequestExpired RequestTimeTooSkewed SignatureDoesNotMatch TokenRefreshRequired UnrecognizedClientException",
    "denied": "403 AccessDenied AccessDeniedException AllAccessDisabled AuthorizationError Forbidden "
    "KMS.AccessDeniedException KmsAccessDenied UnauthorizedAccess",
    "kms": "KMS.DisabledException KMS.InvalidKeyUsageException KMS.InvalidStateException "
    "KMS.KMSInvalidStateException KMS.NotFoundException KMS.OptInRequired KmsDisabled KmsInvalidKeyUsage "
    "KmsInvalidState KmsNotFound KmsOptInRequired",
    "later": "ConditionalRequestConflict InternalError InternalFailure KMS.DependencyTimeoutException "
    "KMS.KMSInternalException KMS.KeyUnavailableException KMS.ThrottlingException KmsThrottled OverLimit "
    "OperationAborted RequestLimitExceeded RequestThrottled RequestThrottledException RequestTimeout "
    "ServiceUnavailable SlowDown TemporaryRedirect Throttling ThrottlingException TooManyRequestsException",
}
CAUSES: Mapping[str, Cause] = {code: cause for cause, codes in _CODES.items() for code in codes.split()}
"""Error code → cause. docs/aws.md shows this table."""
_BY_STATUS: Mapping[int, Cause] = {301: "bucket", 403: "denied", 404: "object", 429: "later"}
_SERVER_ERROR = 500
_ENCRYPTION = re.compile(r"server.side.encryption|sse-c", re.IGNORECASE)
_ACTION = re.compile(r"not authorized to perform: ([a-z0-9]+:[A-Za-z]+)")


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
    """The error code of the response, without the prefix of SQS."""
    code = error.response.get("Error", {}).get("Code") or ""
    return code if code.startswith("KMS.") else code.rsplit(".", 1)[-1]


def cause_of(error: ClientError) -> Cause:
    """The cause by the error code; without a known one, by the HTTP status."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    by_status: Cause = "later" if status >= _SERVER_ERROR else _BY_STATUS.get(status, "unknown")
    found = CAUSES.get(error_code(error), by_status)
    # A server error of any code may pass, except that of a KMS key.
    return "later" if status >= _SERVER_ERROR and found != "kms" else found


def denied_action(error: ClientError) -> str | None:
    """The action that the text of a denial names (`s3:GetObject`, `kms:Decrypt`); None if it names none."""
    named = _ACTION.search(_text(error))
    return None if named is None else named[1]


def needs_customer_key(error: ClientError) -> bool:
    """Whether the object is encrypted with a key of the customer (SSE-C), which no worker has. For a read."""
    return cause_of(error) == "customer_key" and _ENCRYPTION.search(_text(error)) is not None


def is_kms_denial(error: ClientError) -> bool:
    """Whether a denial is that of a KMS key, not that of S3 or SQS."""
    return error_code(error).startswith(("KMS.", "Kms")) or (denied_action(error) or "").startswith("kms:")


@contextmanager
def expect_refusal(last_refusal: str = "") -> Iterator[None]:
    """For a call with an invalid argument, which AWS refuses before any effect: that refusal is suppressed.

    Faults of access, of the connection and of the service are raised, and `last_refusal`: the text of the fault of the
    same call with valid arguments.
    """
    try:
        yield
    except EnvironmentFault as fault:
        if fault.code != "aws_refused" or str(fault) == last_refusal:
            raise


def _text(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Message") or ""


def _map_response(error: ClientError, permission: str, where: str) -> WorkerError:
    code = error_code(error) or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    match cause_of(error):
        case "credentials":
            text = f"AWS refuses the credentials ({code}) at {permission} on {where}"
            return EnvironmentFault(text, code="credentials_refused")
        case "queue":
            return NoSuchQueue(f"there is no queue {where} ({code})")
        case "later":
            return Transient(f"{permission} on {where}: {code}", code="aws_unavailable")
        case "kms":
            text = f"{permission} on {where}: its KMS key cannot be used ({code}): enable the key, or use another"
            return EnvironmentFault(text, code="kms_key_unusable")
        case "denied":
            return _denial(error, permission, where)
        case _:
            return EnvironmentFault(f"{permission} on {where} is refused: {error}", code="aws_refused")


def _denial(error: ClientError, permission: str, where: str) -> Denied:
    """Names the permission that is missing: for an encrypted bucket or queue, it may be one of KMS."""
    code, action = error_code(error), denied_action(error)
    if is_kms_denial(error):
        needed = action or ("kms:Decrypt" if permission == "s3:GetObject" else "kms:GenerateDataKey or kms:Decrypt")
        text = f"{permission} on {where} is denied ({code}): grant {needed} on its KMS key to the role in use"
        return Denied(f"{text}: {error}")
    return Denied(f"{permission} on {where} is denied ({code}): grant it to the role in use")

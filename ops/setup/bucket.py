"""The bucket: its region, default encryption, block of public access, and lifecycle rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from video_analysis.ops.aws_clients import calling
from video_analysis.ops.exit_status import CommandError
from video_analysis.ops.setup import lifecycle
from video_analysis.ops.setup.difference import Difference
from video_analysis.worker_utils.aws.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Result = TypeVar("Result")
ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
OTHER_NAME = "names are global, set CVITX_S3_BUCKET to one that is free"
FIRST_REGION = "us-east-1"
"""It has no location constraint."""
_OLD_NAMES = {None: FIRST_REGION, "": FIRST_REGION, "EU": "eu-west-1"}


class Bucket:
    """The bucket of the videos and snapshots."""

    def __init__(self, s3: S3Client, bucket: str, region: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._region = region

    @property
    def name(self) -> str:
        """The bucket."""
        return f"bucket {self._bucket}"

    def differences(self) -> Sequence[Difference]:
        """See `Resource`. A bucket in another region is a CommandError: a region cannot be changed."""
        if (region := self.region()) is None:
            return [Difference("bucket", "none", self._region)]
        self.check_region(region)
        return [*self.encryption(), *self.public_access(), *self.lifecycle()]

    def apply(self, differences: Sequence[Difference]) -> None:
        """See `Resource`."""
        if any(one.property == "bucket" for one in differences):
            self._create()
            differences = self.differences()
        named = {one.property for one in differences}
        if "encryption" in named:
            self._encrypt()
        if "public access block" in named:
            self._block_public_access()
        if any(name.startswith("lifecycle") for name in named):
            self._add_rules()

    def region(self) -> str | None:
        """Where the bucket is; None if there is none."""
        answer = self._read(
            "s3:GetBucketLocation",
            "NoSuchBucket",
            lambda: self._s3.get_bucket_location(Bucket=self._bucket),
            f"; or the bucket belongs to another account: {OTHER_NAME}",
        )
        if answer is None:
            return None
        place: str | None = answer.get("LocationConstraint")
        return _OLD_NAMES.get(place) or place

    def check_region(self, region: str) -> None:
        """CommandError if it is another one than that of the settings."""
        if region != self._region:
            raise CommandError(
                f"bucket {self._bucket} is in {region}, CVITX_REGION is {self._region}; set CVITX_REGION={region}, or"
                " CVITX_S3_BUCKET to a bucket of the region"
            )

    def encryption(self) -> Sequence[Difference]:
        """Whether new objects are encrypted by default."""
        answer = self._read(
            "s3:GetEncryptionConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
            lambda: self._s3.get_bucket_encryption(Bucket=self._bucket),
        )
        rules = [] if answer is None else answer["ServerSideEncryptionConfiguration"]["Rules"]
        found = [str(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]) for rule in rules]
        return [] if set(found) & set(ENCRYPTIONS) else [Difference("encryption", "none", ENCRYPTIONS[0])]

    def public_access(self) -> Sequence[Difference]:
        """Whether all public access is blocked."""
        answer = self._read(
            "s3:GetBucketPublicAccessBlock",
            "NoSuchPublicAccessBlockConfiguration",
            lambda: self._s3.get_public_access_block(Bucket=self._bucket),
        )
        found: Mapping[str, Any] = {} if answer is None else dict(answer["PublicAccessBlockConfiguration"])
        absent = [name for name in PUBLIC_ACCESS if not found.get(name)]
        return [Difference("public access block", f"no {', '.join(absent)}", "all")] if absent else []

    def lifecycle(self) -> Sequence[Difference]:
        """The rules that are missing, or that are not as needed."""
        return lifecycle.differences(self._rules())

    def _rules(self) -> list[Any]:
        answer = self._read(
            "s3:GetLifecycleConfiguration",
            "NoSuchLifecycleConfiguration",
            lambda: self._s3.get_bucket_lifecycle_configuration(Bucket=self._bucket),
        )
        return [] if answer is None else list(answer["Rules"])

    def _create(self) -> None:
        place: Any = {} if self._region == FIRST_REGION else {"LocationConstraint": self._region}
        options: Any = {"CreateBucketConfiguration": place} if place else {}
        with calling("s3:CreateBucket", self._bucket):
            try:
                self._s3.create_bucket(Bucket=self._bucket, **options)
            except ClientError as error:
                if error_code(error) == "BucketAlreadyExists":
                    raise CommandError(f"bucket {self._bucket} belongs to another account; {OTHER_NAME}") from None
                raise

    def _encrypt(self) -> None:
        rule: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": ENCRYPTIONS[0]}}]}
        with calling("s3:PutEncryptionConfiguration", self._bucket):
            self._s3.put_bucket_encryption(Bucket=self._bucket, ServerSideEncryptionConfiguration=rule)

    def _block_public_access(self) -> None:
        blocked: Any = dict.fromkeys(PUBLIC_ACCESS, True)
        with calling("s3:PutBucketPublicAccessBlock", self._bucket):
            self._s3.put_public_access_block(Bucket=self._bucket, PublicAccessBlockConfiguration=blocked)

    def _add_rules(self) -> None:
        rules: Any = {"Rules": lifecycle.with_missing(self._rules())}
        with calling("s3:PutLifecycleConfiguration", self._bucket):
            self._s3.put_bucket_lifecycle_configuration(Bucket=self._bucket, LifecycleConfiguration=rules)

    def _read(self, permission: str, absent: str, read: Callable[[], Result], remark: str = "") -> Result | None:
        """The answer; None for the error code `absent`. `remark` ends the text of a denial."""
        with calling(permission, self._bucket, remark):
            try:
                return read()
            except ClientError as error:
                if error_code(error) == absent:
                    return None
                raise

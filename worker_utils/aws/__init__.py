"""SQS and S3 behind the failure taxonomy; the only users of boto3 and botocore."""

"""SQS and S3, with errors mapped to the failure taxonomy. Only these modules use boto3 and botocore."""

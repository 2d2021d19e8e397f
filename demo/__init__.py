"""The whole pipeline on one machine, with real SQS, S3 and PostgreSQL wire protocols."""

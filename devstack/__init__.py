"""A local PostgreSQL, SQS, S3 and worker processes, for the demo, tests and benchmarks."""

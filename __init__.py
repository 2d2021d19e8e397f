"""CCTV video to one best picture and one database row per vehicle: two SQS workers."""

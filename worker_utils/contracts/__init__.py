"""Messages, S3 keys and timestamps: the contracts with the API, the UI and between the workers. Pure."""

"""The dead-letter queues: their causes by the codes of the rows, and what to do with their messages."""

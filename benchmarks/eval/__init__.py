"""`make eval`: accuracy of both workers on rendered scenes that are in no training data.

Both workers' own code runs in one process, without queues, object store and database: `stage_one` runs detector,
tracker and best-shot selection, `stage_two` the main models. `matching` assigns snapshots to true vehicles, `figures`
computes the figures, `report` and `table` format them.
"""

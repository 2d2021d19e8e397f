"""`make eval`: how good the two workers are, on scenes of the traffic world that no weights have seen.

Both workers' own code, in one process and without queues, object store and database: `stage_one` runs detector,
tracker and best shot, `stage_two` the main models; `matching` says which snapshot shows which true vehicle, `figures`
what that is worth, `report` prints and writes it.
"""

"""`make bench`: how fast both workers are, against the bound of this machine and against the usual wiring.

`headline` interleaves the worker, its stages alone and the two peers on one clip of about ten vehicles a frame;
`breadth` has the other densities, stride 3 and the real clips; `quality` what each wiring's tracks are worth;
`stage_two` the main models. Whatever loads a network runs as a process of its own (`stages`, `forward`, `stock`,
`ultralytics_track`), so that nothing that one of them sets or keeps touches another. `figures` and `report` are pure.
"""

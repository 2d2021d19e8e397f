"""`make bench`: speed of both workers, compared with the bound of this machine and with two peers.

`end_to_end` alternates the worker, its stages alone and the peers on one clip of about ten vehicles per frame;
`sweeps` has the other densities, stride 3 and the real clips; `quality` compares the tracks; `stage_two` measures
the main models; `ablations` switches optimisations off. Modules that load a network run in their own process
(`stages`, `forward`, `baseline_deepsort`, `ultralytics_track`), so that their settings are separate. `figures` and
`report` are pure.
"""

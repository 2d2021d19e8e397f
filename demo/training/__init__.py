"""The demo's own weights, trained from nothing on the traffic world: a detector of the 8 types, two main models.

`python -m video_analysis.demo.training` renders, trains, calibrates and exports. `splits` says which seeds are whose.
"""

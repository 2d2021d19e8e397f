"""A small synthetic traffic world with ground truth, drawn with numpy and OpenCV alone.

`scene.Scene.from_seed` gives frames with their truth, `close_ups.close_ups` single vehicles to train on,
`clip.write_clip` and the command line a video file. `fleet.hierarchy` names the types, makes and models.
"""

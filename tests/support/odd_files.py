"""All kinds of unusual files: a function for each, by its name."""

from video_analysis.tests.support import odd_containers, odd_file, odd_mp4, odd_pictures

MODULES = (odd_containers, odd_mp4, odd_pictures)
"""Each adds its kinds when it is imported."""
KINDS = odd_file.KINDS

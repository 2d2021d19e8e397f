"""The repository root is the package video_analysis: setuptools finds its subpackages here, tests left out."""

from setuptools import find_packages, setup

PACKAGE = "video_analysis"

setup(
    package_dir={PACKAGE: "."},
    packages=[PACKAGE, *(f"{PACKAGE}.{name}" for name in find_packages(".", exclude=["tests", "tests.*", "build*"]))],
)

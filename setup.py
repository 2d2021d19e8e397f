"""The repository root is the package video_analysis; its subpackages are found automatically, without tests."""

from setuptools import find_packages, setup

PACKAGE = "video_analysis"

setup(
    package_dir={PACKAGE: "."},
    packages=[PACKAGE, *(f"{PACKAGE}.{name}" for name in find_packages(".", exclude=["tests", "tests.*", "build*"]))],
)

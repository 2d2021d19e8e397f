"""Batches of any size through networks that take fewer, and the two kinds of TensorRT files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from video_analysis.worker_utils.inference.protocol import Batch, Outputs, in_steps, split_engine


def sums(batch: Batch) -> Outputs:
    return [batch.sum(axis=(1, 2, 3)), batch[:, 0]]


def pictures(count: int) -> Batch:
    return np.random.default_rng(7).random((count, 3, 4, 5), np.float32)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 7, 9])
def test_a_network_of_a_fixed_batch_gives_what_a_free_one_gives(step: int) -> None:
    seen: list[int] = []

    def fixed(batch: Batch) -> Outputs:
        seen.append(len(batch))
        return sums(batch)

    outputs = in_steps(fixed, pictures(7), step)
    assert set(seen) == {step}
    for output, expected in zip(outputs, sums(pictures(7)), strict=True):
        np.testing.assert_array_equal(output, expected)


def test_a_network_of_any_batch_runs_once() -> None:
    seen: list[int] = []

    def free(batch: Batch) -> Outputs:
        seen.append(len(batch))
        return sums(batch)

    in_steps(free, pictures(7), -1)
    assert seen == [7]


def test_the_metadata_that_ultralytics_puts_before_an_engine_is_cut_off() -> None:
    metadata = json.dumps({"names": {"0": "car"}}).encode()
    content = len(metadata).to_bytes(4, "little") + metadata + b"ftrt engine"
    assert split_engine(content) == ({"names": {"0": "car"}}, b"ftrt engine")


@pytest.mark.parametrize("content", [b"ftrt\x00\x01\xff\xfe engine", b"", b"\x02\x00\x00\x00\xff\xffengine"])
def test_an_engine_without_metadata_is_left_whole(content: bytes) -> None:
    assert split_engine(content) == ({}, content)

from __future__ import annotations

import pytest

from video_analysis.benchmarks.metrics_overhead import Run, summarise


def test_the_overhead_is_the_median_of_the_pairs_ratios() -> None:
    pairs = [(Run(10.0, 5.0, 100), Run(10.1, 5.5, 100)), (Run(20.0, 9.0, 100), Run(20.4, 9.0, 100))]
    pairs.append((Run(10.0, 5.0, 100), Run(9.0, 5.0, 100)))
    report = summarise(pairs)
    assert report["cpu_overhead"] == pytest.approx(0.01)
    assert report["wall_overhead"] == pytest.approx(0)
    assert report["cpu_s_a_frame"] == 0.1
    assert report["pairs"] == 3

"""SDR colours that are encoded as PQ or HLG come back as themselves, up to the knee."""

from __future__ import annotations

import numpy as np
import pytest

from video_analysis.benchmarks import hdr_colour
from video_analysis.yolo_worker.source import tone_map
from video_analysis.yolo_worker.source.tone_map import Transfer

STEPS = np.linspace(0.1, 0.95, 6)
PATCHES = np.stack(np.meshgrid(STEPS, STEPS, STEPS, indexing="ij"), axis=-1).reshape(1, -1, 3)
"""R'G'B'; 0.95 is 0.88 of the white's light."""


@pytest.mark.parametrize(("transfer", "encode"), [("PQ", hdr_colour.pq), ("HLG", hdr_colour.hlg)])
def test_a_colour_below_the_knee_is_kept(transfer: Transfer, encode: hdr_colour.ToSignal) -> None:
    signal = encode(PATCHES, white_nits=tone_map.WHITE_NITS)
    given = tone_map.to_sdr(np.rint(signal[..., ::-1] * 255).astype(np.uint8), transfer)[..., ::-1]
    error = np.abs(given.astype(float) - 255 * PATCHES)
    assert error.mean() < 4
    assert np.percentile(error, 95) < 12


@pytest.mark.parametrize(("transfer", "encode"), [("PQ", hdr_colour.pq), ("HLG", hdr_colour.hlg)])
def test_a_highlight_is_white_and_brighter_than_what_is_darker(transfer: Transfer, encode: hdr_colour.ToSignal) -> None:
    greys = np.repeat(np.array([0.5, 0.9, 1.0, 1.4])[None, :, None], 3, axis=2)
    signal = np.clip(encode(greys, white_nits=tone_map.WHITE_NITS), 0, 1)
    given = tone_map.to_sdr(np.rint(signal * 255).astype(np.uint8), transfer)[0].astype(int)
    assert (np.ptp(given, axis=1) <= 3).all()
    assert (np.diff(given[:, 0]) > 0).all()

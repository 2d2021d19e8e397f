"""HDR pictures (HLG, PQ; BT.2020) → SDR pictures (BT.709), by a table. Pure.

Recommendation ITU-R BT.2100-2: EOTF of PQ (table 4); inverse OETF and OOTF of HLG (table 5), for a display of
1000 cd/m². Report ITU-R BT.2408-7: the reference white of HDR is 203 cd/m². Recommendation ITU-R BT.2087-0: the matrix
from BT.2020 to BT.709 is the inverse of its matrix M2. Recommendation ITU-R BT.1886: the display's gamma, 2.4.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from video_analysis.yolo_worker.types import Image

Transfer = Literal["HLG", "PQ"]
Floats = NDArray[np.float32]

BITS = 7
"""The table has 2⁷ steps per channel: 6 MB."""
WHITE_NITS = 203.0
HLG_PEAK_NITS = 1000.0
HLG_GAMMA = 1.2
DISPLAY_GAMMA = 2.4
KNEE = 0.9
"""Of the reference white. Above it highlights are compressed."""
PEAK = 10_000 / WHITE_NITS
LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)


def to_sdr(image: Image, transfer: Transfer) -> Image:
    """BGR with an HDR transfer function and BT.2020 primaries → BGR for an SDR display with BT.709 primaries."""
    places = image >> (8 - BITS)
    index = places[..., 0].astype(np.int32)
    index <<= BITS
    index |= places[..., 1]
    index <<= BITS
    index |= places[..., 2]
    return np.take(_table(transfer), index, axis=0)


@cache
def _table(transfer: Transfer) -> Image:
    """[2²¹, 3] BGR, by the upper bits of blue, green and red."""
    steps = (np.arange(1 << BITS, dtype=np.float32) + 0.5) / (1 << BITS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    signal = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    light = _compressed(_linear(signal, transfer) / WHITE_NITS)
    shown = np.clip(light @ TO_709.T, 0, 1) ** np.float32(1 / DISPLAY_GAMMA)
    return np.ascontiguousarray(np.rint(shown[:, ::-1] * 255).astype(np.uint8))


def _linear(signal: Floats, transfer: Transfer) -> Floats:
    """Signal 0..1 → light of the display in cd/m²."""
    if transfer == "PQ":
        return _pq_nits(signal)
    scene = _hlg_scene(signal)
    luminance = scene @ LUMINANCE_2020
    return HLG_PEAK_NITS * scene * luminance[:, None] ** np.float32(HLG_GAMMA - 1)


def _pq_nits(signal: Floats) -> Floats:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** np.float32(1 / m2)
    nits: Floats = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** np.float32(1 / m1)
    return nits


def _hlg_scene(signal: Floats) -> Floats:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene: Floats = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)
    return scene


def _compressed(light: Floats) -> Floats:
    """Light relative to the reference white: unchanged up to the knee, compressed to 1 above it; hue is kept."""
    highest = np.maximum(light.max(axis=-1, keepdims=True), np.float32(1e-6))
    above = np.clip((highest - KNEE) / (PEAK - KNEE), 0, 1)
    target = np.where(highest > KNEE, KNEE + (1 - KNEE) * np.log1p(99 * above) / np.log(100), highest)
    scaled: Floats = light * (target / highest)
    return scaled

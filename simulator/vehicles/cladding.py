"""Facades: pictures of walls with windows, shop fronts and boards, by seed. BGR, linear reflectance."""

from __future__ import annotations

import cv2
import numpy as np

from video_analysis.simulator.rendering.geometry import Floats

PX_PER_M = 28
_WALLS = (
    (0.55, 0.58, 0.60),
    (0.40, 0.46, 0.52),
    (0.30, 0.36, 0.44),
    (0.35, 0.42, 0.38),
    (0.46, 0.42, 0.36),
    (0.25, 0.27, 0.30),
)
_SIGNS = ((0.05, 0.05, 0.5), (0.45, 0.2, 0.05), (0.08, 0.45, 0.6), (0.1, 0.3, 0.06), (0.6, 0.6, 0.6))
_WORDS = (
    "SARI-SARI",
    "PAWNSHOP",
    "BAKERY",
    "WATER",
    "PHARMACY",
    "RTW",
    "LAUNDRY",
    "VULCANIZING",
    "LOAD NA DITO",
    "LECHON",
)


def facade(rng: np.random.Generator, width_m: float, height_m: float, lit: float = 0.0) -> tuple[Floats, Floats]:
    """Reflectance and own light of a front, each (height·28)×(width·28)×3. `lit` is the share of lit windows."""
    wide, high = max(8, int(width_m * PX_PER_M)), max(8, int(height_m * PX_PER_M))
    wall = np.array(_WALLS[int(rng.integers(len(_WALLS)))]) * rng.uniform(0.6, 1.0)
    picture = np.tile(wall.astype(np.float32), (high, wide, 1))
    stain = cv2.resize(rng.normal(0, 0.06, (6, 5)).astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    picture *= 1 + stain[..., None]
    picture *= (0.86 + 0.14 * np.linspace(1, 0, high, dtype=np.float32) ** 0.5)[:, None, None]
    glow = np.zeros_like(picture)
    storey = int(3.1 * PX_PER_M)
    for top in range(high - storey, -storey, -storey):
        if top == high - storey:
            _shop(rng, picture, glow, top, lit)
        else:
            _windows(rng, picture, glow, max(top, 2), min(top + storey, high), lit)
    return cv2.GaussianBlur(picture, (3, 3), 0.8), glow


def fence(rng: np.random.Generator, width_m: float, height_m: float) -> tuple[Floats, Floats]:
    """A wall along the pavement: rusty sheets or rendered masonry."""
    wide, high = max(8, int(width_m * PX_PER_M)), max(8, int(height_m * PX_PER_M))
    base = np.array(_WALLS[int(rng.integers(len(_WALLS)))]) * rng.uniform(0.4, 0.9)
    picture = np.tile(base.astype(np.float32), (high, wide, 1))
    pitch = int(rng.integers(12, 60))
    picture[:, ::pitch] *= 0.7
    picture *= 1 + cv2.resize(rng.normal(0, 0.12, (4, 12)).astype(np.float32), (wide, high))[..., None]
    picture[:4] *= 1.3
    return np.clip(picture, 0, 1), np.zeros_like(picture)


def _windows(rng: np.random.Generator, picture: Floats, glow: Floats, top: int, bottom: int, lit: float) -> None:
    pitch = int(rng.uniform(1.9, 3.4) * PX_PER_M)
    width, sill = int(pitch * rng.uniform(0.45, 0.75)), top + int((bottom - top) * 0.25)
    foot = min(sill + int(1.4 * PX_PER_M), bottom - 2)
    for left in range(pitch // 4, picture.shape[1] - width, pitch):
        shade = rng.uniform(0.02, 0.10)
        cv2.rectangle(picture, (left - 1, sill - 1), (left + width + 1, foot + 1), (0.5, 0.5, 0.5), 1)
        cv2.rectangle(picture, (left, sill), (left + width, foot), (shade * 1.2, shade * 1.1, shade), -1)
        cv2.line(picture, (left + width // 2, sill), (left + width // 2, foot), (0.3, 0.3, 0.3), 1)
        if rng.random() < 0.25:
            cv2.rectangle(picture, (left + 2, foot), (left + width - 2, foot + 12), (0.5, 0.52, 0.52), -1)
        if rng.random() < lit:
            cv2.rectangle(glow, (left, sill), (left + width, foot), (0.12, 0.25, 0.34), -1)


def _shop(rng: np.random.Generator, picture: Floats, glow: Floats, top: int, lit: float) -> None:
    """The ground floor: openings or shutters under boards with words."""
    high, wide = picture.shape[:2]
    left = 0
    while left < wide - 40:
        width = int(rng.uniform(3, 5.5) * PX_PER_M)
        right = min(left + width, wide - 1)
        tone = rng.uniform(0.015, 0.06) if rng.random() < 0.7 else 0.28
        opening = top + int(0.95 * PX_PER_M)
        cv2.rectangle(picture, (left + 4, opening), (right - 4, high - 1), (tone, tone, tone), -1)
        for row in range(opening, high, 8 if tone > 0.2 else 9999):
            cv2.line(picture, (left + 4, row), (right - 4, row), (tone * 0.8,) * 3, 1)
        board = np.array(_SIGNS[int(rng.integers(len(_SIGNS)))]) * rng.uniform(0.7, 1.0)
        cv2.rectangle(picture, (left + 2, top + 2), (right - 2, opening - 2), board.tolist(), -1)
        word = _WORDS[int(rng.integers(len(_WORDS)))]
        ink = (0.7, 0.7, 0.7) if board.mean() < 0.4 else (0.05, 0.05, 0.3)
        cv2.putText(picture, word, (left + 9, opening - 7), cv2.FONT_HERSHEY_DUPLEX, 0.62, ink, 1)
        if rng.random() < lit * 1.6:
            cv2.rectangle(glow, (left + 2, top + 2), (right - 2, opening - 2), (board * 0.7).tolist(), -1)
            cv2.rectangle(glow, (left + 5, opening), (right - 5, high - 1), (0.08, 0.13, 0.16), -1)
        left = right

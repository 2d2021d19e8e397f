"""What a plate's text may be: from each character's chances to the likeliest number. Pure.

The formats of the countries are a prior: one that fits lifts a reading and settles O or 0, I or 1, but a number that
fits none is still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
Chances = NDArray[np.float32]
"""n×36: the probability of each sign of ALPHABET at each place of a text, 0..1."""

FORMATS: dict[str, tuple[str, ...]] = {
    "PH": ("LLLDDDD", "LLLDDD", "DDDLLL", "LDDDLL", "LLDDDDD", "LLDDDD"),
    "AT": ("LDDDDDL", "LDDDDLL", "LLDDDLL", "LDDDDD", "LLDDDDL"),
    "CZ": ("DLDDDDD", "DLLDDDD"),
    "DE": ("LLDDDD", "LLLDDDD", "LLLLDDDD", "LLLDDD", "LLLLDDD", "LLLDD", "LLDDD"),
    "ES": ("DDDDLLL",),
    "FR": ("LLDDDLL",),
    "GB": ("LLDDLLL", "LDDDLLL", "LLLDDDL"),
    "HU": ("LLLDDD", "LLLLDDD"),
    "IT": ("LLDDDLL",),
    "PL": ("LLDDDDD", "LLLDDDD", "LLDDDDL", "LLDDDLL"),
    "SK": ("LLDDDLL",),
}
"""Plates' formats a country: L a letter, D a digit; the Philippine ones are today's cars, the older cars, motorcycles
(three kinds) and diplomats, after the LTO's series of 1981, 2014 and 2018."""

TWINS = {"O0": 0.05, "I1": 0.05, "Q0": 0.01, "D0": 0.01, "Z2": 0.01, "S5": 0.01, "B8": 0.01, "G6": 0.01}
"""Signs that plate fonts draw alike: of what the reader gives the one, the other has at least this share, since the
reader has not learnt plate fonts (many have one shape for O and 0)."""
FIT_BONUS = 3.5
"""Logarithm of how much likelier a number that fits a format is than the same number were it free."""
TRIMMED = 0.8
"""What a reading keeps of its confidence where a sign at its end was left away."""
LENGTHS = range(5, 9)

_DIGITS = np.array([sign.isdigit() for sign in ALPHABET])
_TWIN_OF = np.zeros((36, 36), np.float32)
for _pair, _share in TWINS.items():
    _one, _other = (ALPHABET.index(sign) for sign in _pair)
    _TWIN_OF[_one, _other] = _TWIN_OF[_other, _one] = _share


@dataclass(frozen=True, slots=True)
class Reading:
    """The likeliest number of one text."""

    text: str
    conf: float
    """0..1, the product of what is known of each sign; a sign and its twin count together where the format decides."""
    country: str | None
    """Whose format it fits; None: none of those asked for."""


def normalised(text: str) -> str:
    """A plate's text as it is stored: A–Z and 0–9, nothing between."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def read(chances: Chances, countries: Sequence[str]) -> Reading | None:
    """The likeliest number, formats of `countries` preferred; None where the text cannot be a plate's.

    A text longer than all formats that fits one without its first or last sign (a seal, a frame) is read without it.
    """
    whole = _read(chances, countries)
    longest = max((len(pattern) for country in countries for pattern in FORMATS[country]), default=LENGTHS.stop)
    if len(chances) <= longest:
        return whole
    for part in (chances[1:], chances[:-1]):
        trimmed = _read(part, countries)
        if trimmed is not None and trimmed.country is not None and trimmed.text == _spelt(np.argmax(part, axis=1)):
            return replace(trimmed, conf=trimmed.conf * TRIMMED)
    return whole


def _read(chances: Chances, countries: Sequence[str]) -> Reading | None:
    if len(chances) not in LENGTHS:
        return None
    best, country = np.argmax(chances, axis=1), None
    best_score = _score(chances, best)
    twinned = np.maximum(chances, (chances[:, :, None] * _TWIN_OF[None]).max(axis=1))
    for name, pattern in _fitting(len(chances), countries):
        signs = np.argmax(np.where(_allowed(pattern), twinned, 0), axis=1)
        score = _score(twinned, signs) + FIT_BONUS
        if score > best_score:
            best, country, best_score = signs, name, score
    text = _spelt(best)
    if text.isdigit() or text.isalpha():
        return None
    return Reading(text, _confidence(chances, best, country is not None), country)


def _spelt(signs: NDArray[np.intp]) -> str:
    return "".join(ALPHABET[sign] for sign in signs)


def _fitting(length: int, countries: Sequence[str]) -> Iterator[tuple[str, str]]:
    for country in countries:
        for pattern in FORMATS[country]:
            if len(pattern) == length:
                yield country, pattern


def _allowed(pattern: str) -> NDArray[np.bool_]:
    return np.array([_DIGITS if kind == "D" else ~_DIGITS for kind in pattern])


def _score(chances: Chances, signs: NDArray[np.intp]) -> float:
    return float(np.log(np.maximum(chances[np.arange(len(signs)), signs], 1e-6)).sum())


def _confidence(chances: Chances, signs: NDArray[np.intp], fits: bool) -> float:
    places = np.arange(len(signs))
    known = chances[places, signs]
    if fits:
        known = np.minimum(1, known + (chances[places] * (_TWIN_OF[signs] > 0)).sum(axis=1))
    return float(np.prod(known, dtype=np.float64))

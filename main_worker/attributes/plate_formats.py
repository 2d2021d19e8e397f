"""The most likely plate number from the probabilities of each character. Pure.

The formats are a prior: a reading that fits one scores higher, and the format decides between O and 0 or I and 1. The
formats of the requested countries precede those of all others. A number that fits no format is still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
CharProbs = NDArray[np.float32]
"""n×36: the probability of each character of ALPHABET at each position of a text, 0..1."""

Formats = Mapping[str, Sequence[str]]
"""Country → the formats of its plates."""
FORMATS: Formats = {
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
"""Plate formats per country: L a letter, D a digit. The Philippine formats are for current cars, older cars,
motorcycles (three formats) and diplomats, by the LTO's series of 1981, 2014 and 2018."""

CONFUSABLE = {"O0": 0.05, "I1": 0.05, "Q0": 0.01, "D0": 0.01, "Z2": 0.01, "S5": 0.01, "B8": 0.01, "G6": 0.01}
"""Characters that look alike in plate fonts (many have one shape for O and 0). The recogniser is not trained on these
fonts, so the probability of one is at least this share of the probability of the other."""
FIT_BONUS, FOREIGN_BONUS = 3.5, 2.0
"""Log of the prior odds of a number that fits a format of the requested countries, or of another country."""
TRIM_FACTOR = 0.8
"""Factor of the confidence if a character at either end was removed."""
LENGTHS = range(5, 9)

_DIGITS = np.array([character.isdigit() for character in ALPHABET])
_CONFUSION = np.zeros((36, 36), np.float32)
for _pair, _share in CONFUSABLE.items():
    _one, _other = (ALPHABET.index(character) for character in _pair)
    _CONFUSION[_one, _other] = _CONFUSION[_other, _one] = _share


@dataclass(frozen=True, slots=True)
class Reading:
    """The most likely number of one text."""

    text: str
    conf: float
    """0..1, the product over all characters. If a format decided, each factor is the sum over a confusable pair."""
    country: str | None
    """A country whose format it fits, a requested one if possible; None if it fits none of FORMATS."""


def normalised(text: str) -> str:
    """A plate's text as it is stored: A–Z and 0–9 without separators."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def read(probs: CharProbs, countries: Sequence[str], formats: Formats = FORMATS) -> Reading | None:
    """The most likely number, with the formats of `countries` preferred; None if the text cannot be a plate.

    Without countries no format is a prior. If the text is longer than all formats of `countries` and fits one without
    its first or last character (a seal, a frame), that character is removed.
    """
    whole = _read(probs, countries, formats)
    longest = max((len(pattern) for country in countries for pattern in formats[country]), default=LENGTHS.stop)
    if len(probs) <= longest:
        return whole
    fitting = [one for part in (probs[1:], probs[:-1]) if (one := _trimmed(part, countries, formats)) is not None]
    requested = [one for one in fitting if one.country in countries]
    return next(iter([*requested, *fitting]), whole)


def _trimmed(part: CharProbs, countries: Sequence[str], formats: Formats) -> Reading | None:
    """The reading of a part of a text, if it fits a format as it is."""
    reading = _read(part, countries, formats)
    if reading is None or reading.country is None or reading.text != _text(np.argmax(part, axis=1)):
        return None
    return replace(reading, conf=reading.conf * TRIM_FACTOR)


def _read(probs: CharProbs, countries: Sequence[str], formats: Formats) -> Reading | None:
    if len(probs) not in LENGTHS:
        return None
    best, country = np.argmax(probs, axis=1), None
    best_score = _score(probs, best)
    confused = np.maximum(probs, (probs[:, :, None] * _CONFUSION[None]).max(axis=1))
    for name, pattern, bonus in _formats_of_length(len(probs), countries, formats):
        candidate = np.argmax(np.where(_allowed(pattern), confused, 0), axis=1)
        score = _score(confused, candidate) + bonus
        if score > best_score:
            best, country, best_score = candidate, name, score
    text = _text(best)
    if text.isdigit() or text.isalpha():
        return None
    return Reading(text, _confidence(probs, best, country is not None), country)


def _text(characters: NDArray[np.intp]) -> str:
    return "".join(ALPHABET[character] for character in characters)


def _formats_of_length(length: int, countries: Sequence[str], formats: Formats) -> Iterator[tuple[str, str, float]]:
    """(country, pattern, bonus), the requested countries first."""
    foreign = [country for country in formats if country not in countries] if countries else []
    for some, bonus in ((countries, FIT_BONUS), (foreign, FOREIGN_BONUS)):
        for country in some:
            for pattern in formats[country]:
                if len(pattern) == length:
                    yield country, pattern, bonus


def _allowed(pattern: str) -> NDArray[np.bool_]:
    return np.array([_DIGITS if kind == "D" else ~_DIGITS for kind in pattern])


def _score(probs: CharProbs, characters: NDArray[np.intp]) -> float:
    return float(np.log(np.maximum(probs[np.arange(len(characters)), characters], 1e-6)).sum())


def _confidence(probs: CharProbs, characters: NDArray[np.intp], fits: bool) -> float:
    positions = np.arange(len(characters))
    chosen = probs[positions, characters]
    if fits:
        chosen = np.minimum(1, chosen + (probs[positions] * (_CONFUSION[characters] > 0)).sum(axis=1))
    return float(np.prod(chosen, dtype=np.float64))

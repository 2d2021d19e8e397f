"""Calibration of confidences: temperatures, calibration error, thresholds. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
LEAST_CHANCE = 1e-4
"""Confidences are rounded to four digits."""
AS_THEY_ARE = (1.0, 0.0)
PRIOR, LEAST_SLOPE = 1.0, 0.05
GOLDEN = (5**0.5 - 1) / 2
THRESHOLDS = np.arange(5, 96) / 100


def temperature(logits: Floats, answers: NDArray[np.int64]) -> float:
    """The temperature, between 0.05 and 20, that minimises the negative log-likelihood of N `answers` by N×C `logits`.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017. The likelihood is convex in 1/T, so that a
    golden-section search finds the minimum.
    """
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(60):
        cooler, hotter = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _surprise(logits / np.exp(cooler), answers) <= _surprise(logits / np.exp(hotter), answers):
            high = hotter
        else:
            low = cooler
    return float(np.exp((low + high) / 2))


def fit_logistic(confidences: Floats, right: NDArray[np.bool_]) -> tuple[float, float]:
    """(slope, bias) of Platt scaling for N confidences, of which some are `right`.

    Platt, Probabilistic Outputs for Support Vector Machines, 1999, on the logits. A weak prior towards the identity
    keeps the result finite if all are right; a slope that would reverse the order is replaced by the identity.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  # after the number of BLAS threads is set

    inside = confidences.clip(LEAST_CHANCE, 1 - LEAST_CHANCE)
    logits, signs = np.log(inside / (1 - inside)), np.where(right, 1, -1)

    def surprise(curve: Floats) -> float:
        lines = signs * (curve[0] * logits + curve[1])
        return float(np.logaddexp(0, -lines).sum() + PRIOR * ((curve - AS_THEY_ARE) ** 2).sum() / 2)

    slope, bias = minimize(surprise, AS_THEY_ARE).x
    return (float(slope), float(bias)) if slope >= LEAST_SLOPE else AS_THEY_ARE


def calibration_error(confidences: Floats, right: NDArray[np.bool_]) -> float:
    """ECE: |accuracy - mean confidence| over 15 equally wide bins, weighted by their size, 0..1; 0 without values.

    Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015.
    """
    if not len(confidences):
        return 0.0
    bins = np.minimum((confidences * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, confidences - right, BINS)
    return float(np.abs(gaps).sum() / len(confidences))


def threshold_for(confidences: Floats, right: NDArray[np.bool_], precision: float) -> float:
    """The least threshold above which at least the share `precision` of the answers is right, 0.05 to 0.95.

    The largest one if no threshold has that precision.
    """
    enough = [least for least in THRESHOLDS if _precision(confidences >= least, right) >= precision]
    return float(enough[0]) if enough else float(THRESHOLDS[-1])


def _precision(given: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    return float(right[given].mean()) if given.any() else 0.0


def softmax(logits: Floats) -> Floats:
    """Along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float64)


def _surprise(logits: Floats, answers: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood."""
    given = logits[np.arange(len(answers)), answers]
    return float((np.logaddexp.reduce(logits, axis=1) - given).mean())

"""Checks of what comes in: layer sizes, quantiles, weights, the validation split."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length

from .._params import InvalidParameterError
from .._types import Array, Rows
from ..training import TrainingSet


def layer_tuple(estimator: Any) -> tuple[int, ...]:
    """Return the hidden layers' sizes; () is a linear model."""
    given = estimator.hidden_layer_sizes
    sizes: tuple = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(k, Integral) and int(k) >= 1 for k in sizes):
        raise InvalidParameterError(
            f"The 'hidden_layer_sizes' parameter of {type(estimator).__name__} must be"
            " an int or a sequence of ints in the range [1, inf), one per hidden layer."
            f" Got {given!r} instead."
        )
    return tuple(int(k) for k in sizes)


def quantile_tuple(estimator: Any) -> tuple[float, ...]:
    """Return the quantiles to predict, one or several."""
    given = estimator.quantile
    quantiles: tuple = tuple(given) if isinstance(given, Iterable) else (given,)
    if not (
        quantiles
        and all(isinstance(q, Real) and 0 < float(q) < 1 for q in quantiles)
        and all(q < r for q, r in pairwise(quantiles))
    ):
        raise InvalidParameterError(
            f"The 'quantile' parameter of {type(estimator).__name__} must be a float in"
            " the range (0, 1), or an increasing sequence of such."
            f" Got {given!r} instead."
        )
    return tuple(float(q) for q in quantiles)


def checked_weights(sample_weight: Any, X: Rows) -> Array | None:
    """Return sample_weight as an array, None for none."""
    if sample_weight is None:
        return None
    w = np.asarray(sample_weight)
    if w.ndim != 1:
        raise ValueError(
            f"sample_weight must have shape ({X.shape[0]},). Got {w.shape} instead."
        )
    w = check_array(w, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    check_consistent_length(X, w)
    if (w < 0).any():
        raise ValueError(
            f"sample_weight must not be negative. Got {w.min():g} as its smallest."
        )
    if not w.any():
        raise ValueError(
            "sample_weight must not be zero for all rows: there is nothing to learn."
        )
    return w


def weighed(data: TrainingSet) -> tuple[TrainingSet, float]:
    """Return the rows with weights of mean 1, and the weight sum before."""
    if data.w is None:
        return data, float(len(data))
    total = float(data.own(data.w).sum())
    w = (data.w * (len(data) / total)).astype(data.X.dtype)
    return replace(data, w=w), total


def check_split(n: int, fraction: float, strata: Array | None) -> None:
    """Refuse a validation split that cannot be made or used."""
    n_validation = math.ceil(fraction * n)
    got = (
        f"Got validation_fraction={fraction} of n_samples={n}, which is"
        f" {n_validation} validation and {n - n_validation} training rows."
    )
    labels, counts = np.unique([] if strata is None else strata, return_counts=True)
    if (counts < 2).any():
        raise ValueError(
            "The least populated classes in y have only 1 member, too few for the"
            " stratified split of early_stopping=True. Classes with too few members"
            f" are: {labels[counts < 2].tolist()}"
        )
    if n_validation < 2 or n - n_validation < 1:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the"
            f" size of your dataset: early stopping needs 2 rows at least. {got}"
        )
    if min(n_validation, n - n_validation) < len(labels):
        raise ValueError(
            "The validation set is too small. Change 'validation_fraction' so that"
            f" each of the {len(labels)} classes can be in both parts. {got}"
        )

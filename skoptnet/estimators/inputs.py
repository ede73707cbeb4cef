"""Checks of what comes in: layers, parts, sample weights, the validation split."""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length

from .._params import InvalidParameterError, StrOptions, check_value
from .._types import Array, Rows
from ..activations import ACTIVATIONS, Activation
from ..training import TrainingSet

_Part = TypeVar("_Part")

#: What may stand for the activation of one layer.
ACTIVATION = [StrOptions(set(ACTIVATIONS)), Activation]


def check_nested(estimator: Any, params: dict[str, Any]) -> None:
    """Refuse ``solver__momentum`` and the like where there is no such object."""
    for name in params:
        part, _, inner = name.partition("__")
        holder = params.get(part, getattr(estimator, part, None))
        if not inner:
            continue
        if part in ("solver", "lr_schedule") and isinstance(holder, str):
            raise ValueError(
                f"{name!r} is a parameter of a {part} object, but {part} is the name"
                f" {holder!r}. Set {inner!r} of {type(estimator).__name__} itself, or"
                f" give {part} as an object."
            )
        if part == "activation" and isinstance(holder, (str, list, tuple)):
            raise ValueError(
                f"{name!r} is a parameter of an activation object, but activation is"
                f" {holder!r}. Give activation as a single object."
            )


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


def activation_tuple(estimator: Any) -> tuple[Activation, ...]:
    """Return the activation of each hidden layer.

    There is one also where no layer is hidden; it counts for the first weights.
    """
    given, n_hidden = estimator.activation, len(layer_tuple(estimator))
    if not isinstance(given, (list, tuple)):
        return (_activation(given),) * max(1, n_hidden)
    for i, item in enumerate(given):
        check_value(estimator, f"activation[{i}]", item, ACTIVATION)
    if len(given) != n_hidden:
        raise InvalidParameterError(
            f"The 'activation' parameter of {type(estimator).__name__} must be a name"
            " or an Activation object, or a list or tuple of these with one item per"
            f" hidden layer, of which hidden_layer_sizes has {n_hidden}."
            f" Got {given!r} instead."
        )
    return tuple(map(_activation, given or ["identity"]))


def _activation(given: str | Activation) -> Activation:
    """Return the object a name stands for, or a copy of a given object."""
    if isinstance(given, str):
        return ACTIVATIONS[given]()
    sigma = with_plain_numbers(copy(given))
    sigma.check()
    return sigma


def with_plain_numbers(part: _Part) -> _Part:
    """Turn a part's NumPy scalars into Python's, which take the dtype they meet."""
    for name, value in vars(part).items():
        if isinstance(value, np.generic):
            setattr(part, name, value.item())
    return part


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

"""Checks of what comes in: layers, parts, dropout, quantiles, sample weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from .._params import DECAY, InvalidParameterError, StrOptions, check_value
from .._types import Array, Rows
from ..activations import ACTIVATIONS, Activation
from ..schedules import Schedule
from ..training import TrainingSet

_Part = TypeVar("_Part")

# Dtypes that rows keep, and how many numbers can be looked at twice without harm.
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_FEW = 2**16

#: What may stand for the activation of one layer.
ACTIVATION = [StrOptions(set(ACTIVATIONS)), Activation]

#: What may be dropped of one layer.
DROPOUT = DECAY


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
        if (
            part == "lr_schedule"
            and callable(holder)
            and not isinstance(holder, Schedule)
        ):
            raise ValueError(
                f"{name!r} is a parameter of a lr_schedule object, but lr_schedule is a"
                f" function, {holder!r}. Derive a class from Schedule, whose __init__"
                f" takes {inner!r}."
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


def read(model: Any, X: Any, y: Any, **options: Any) -> tuple[Rows, Array]:
    """Return rows and targets as arrays, checked by scikit-learn.

    Parameters
    ----------
    model : estimator
        Takes the number and the names of the features, or has them.
    X, y
        As for ``fit``.
    **options
        Of `sklearn.utils.validation.validate_data`.
    """
    continues = not options["reset"] and are_plain_rows(X, model)
    if continues and are_plain_targets(y, len(X)):
        return X, y
    X, y = validate_data(
        model,
        X,
        y,
        accept_sparse="csr",
        dtype=(np.float64, np.float32),
        multi_output=True,
        y_numeric=isinstance(model, RegressorMixin),
        **options,
    )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return X, y


def are_plain_rows(X: Any, fitted: Any) -> bool:
    """Tell at a glance that rows are fit for a fitted estimator as they are.

    What is not plain goes to scikit-learn, which knows what to say about it. Its look
    takes ten times as long as the update of a small network.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in _FLOATS
        and 0 < X.size <= _FEW
        and X.shape[1] == fitted.n_features_in_
        and not hasattr(fitted, "feature_names_in_")
        and X.flags.c_contiguous
        and bool(np.isfinite(X).all())
    )


def are_plain_targets(y: Any, n_rows: int) -> bool:
    """Tell at a glance that y is one number per row."""
    return (
        type(y) is np.ndarray
        and y.shape == (n_rows,)
        and y.dtype.kind in "iuf"
        and bool(np.isfinite(y).all())
    )


def hidden_layer(layer: Any, n_hidden: int) -> int:
    """Return the number of a hidden layer, counted from 0 at the input."""
    if not isinstance(layer, Integral):
        raise TypeError(f"layer must be an int. Got {layer!r} instead.")
    number = int(layer)
    if n_hidden == 0:
        raise ValueError(
            "The model has no hidden layers (hidden_layer_sizes is empty), so there"
            " are no hidden activations. Give hidden_layer_sizes at least one number."
        )
    if not -n_hidden <= number < n_hidden:
        raise ValueError(
            f"layer must be in the range [{-n_hidden}, {n_hidden - 1}]: the model has"
            f" {n_hidden} hidden layer(s), counted from 0 at the input or from -1 at"
            f" the output. Got {number} instead."
        )
    return number % n_hidden


def activation_tuple(estimator: Any, n_hidden: int) -> tuple[Activation, ...]:
    """Return the activation of each hidden layer.

    There is one also where no layer is hidden; it counts for the first weights.
    """
    given = estimator.activation
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


def dropout_tuple(estimator: Any, n_hidden: int) -> tuple[float, ...]:
    """Return the share of units to drop of each hidden layer."""
    given = estimator.dropout
    if not isinstance(given, (list, tuple)):
        return (float(given),) * n_hidden
    for i, item in enumerate(given):
        check_value(estimator, f"dropout[{i}]", item, DROPOUT)
    if len(given) != n_hidden:
        raise InvalidParameterError(
            f"The 'dropout' parameter of {type(estimator).__name__} must be a number in"
            " [0, 1), or a list or tuple of these with one item per hidden layer, of"
            f" which hidden_layer_sizes={estimator.hidden_layer_sizes!r} has"
            f" {n_hidden}. Got {given!r} instead."
        )
    return tuple(map(float, given))


def check_for_lbfgs(estimator: Any, dropout: tuple[float, ...]) -> None:
    """Refuse what makes the objective one that an L-BFGS cannot minimise."""
    if any(dropout):
        raise ValueError(
            "solver='lbfgs' cannot train with dropout: its line search needs an"
            " objective that stays the same from pass to pass. Set dropout=0 or take"
            f" another solver. Got dropout={estimator.dropout!r}."
        )
    if estimator.alpha > 0 and estimator.l1_ratio > 0:
        raise ValueError(
            "solver='lbfgs' cannot train with an L1 penalty: it needs a smooth"
            " objective. Set l1_ratio=0 or take another solver."
            f" Got l1_ratio={estimator.l1_ratio!r} with alpha={estimator.alpha!r}."
        )


def check_for_validation(estimator: Any, schedule: Schedule) -> None:
    """Refuse a schedule that watches validation losses where there are none."""
    if schedule.needs_validation and not estimator.early_stopping:
        raise ValueError(
            f"lr_schedule={schedule!r} watches the validation loss, which there is with"
            " early_stopping=True only. Set that, or let the schedule watch the"
            " training loss, as Plateau(monitor='loss') does."
        )


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


def checked_weights(
    sample_weight: Any, X: Rows, name: str = "sample_weight", use: str = "learn"
) -> Array | None:
    """Return weights of the rows as an array, None for none."""
    if sample_weight is None:
        return None
    w = np.asarray(sample_weight)
    if w.ndim != 1:
        raise ValueError(
            f"{name} must have shape ({X.shape[0]},). Got {w.shape} instead."
        )
    w = check_array(w, ensure_2d=False, dtype=np.float64, input_name=name)
    check_consistent_length(X, w)
    if (w < 0).any():
        raise ValueError(
            f"{name} must not be negative. Got {w.min():g} as its smallest."
        )
    if not w.any():
        raise ValueError(
            f"{name} must not be zero for all rows: there is nothing to {use}."
        )
    return w


def with_class_weights(
    data: TrainingSet, by_class: Callable[[Array], Array] | None, part: str
) -> TrainingSet:
    """Return the rows with their weights multiplied by those of their classes."""
    if by_class is None:
        return data
    w = by_class(data.Y) if data.w is None else data.w * by_class(data.Y)
    if not data.own(w).any():
        raise ValueError(
            f"class_weight and sample_weight give every {part} row the weight zero."
        )
    return replace(data, w=w)


def with_unit_mean_weights(data: TrainingSet) -> tuple[TrainingSet, float]:
    """Return the rows with weights of mean 1, and the weight sum before."""
    if data.w is None:
        return data, float(len(data))
    total = float(data.own(data.w).sum())
    w = (data.w * (len(data) / total)).astype(data.X.dtype)
    return replace(data, w=w), total

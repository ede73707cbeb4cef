"""Input validation: checks of parameters, rows and targets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from copy import copy
from itertools import pairwise
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.utils.validation import (
    column_or_1d,
    validate_data,
)

from .._params import (
    COUNT,
    DECAY,
    FACTOR,
    InvalidParameterError,
    StrOptions,
    brief,
    check_value,
    satisfies,
)
from .._types import Array, Rows
from ..activations import ACTIVATIONS, Activation
from ..compiled import readable
from ..network import Network
from ..schedules import Schedule
from .arrays import as_labels, as_numbers, as_rows

_Part = TypeVar("_Part")

# The dtypes that rows keep, the default first, and the number of elements that take
# next to no time to check.
_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
_FEW = 2**16

# Dtypes that rows to predict keep, too; with float16, SciPy could not compute.
_INTEGERS = tuple(map(np.dtype, "?bBhHiIlLqQ"))

# Advice about a sparse container with invalid indices.
_BUILD_AGAIN = (
    "Were its arrays changed after it was made? Make it again, as in"
    " csr_array((data, indices, indptr), shape=shape), and call its method"
    " check_format()."
)

#: Constraints of the activation of one layer.
ACTIVATION = [StrOptions(set(ACTIVATIONS)), Activation]

#: Constraints of the dropout of one layer.
DROPOUT = DECAY


def check_nested(estimator: Any, params: dict[str, Any]) -> None:
    """Refuse nested parameters such as ``solver__momentum`` if there is no object."""
    for name in params:
        part, _, inner = name.partition("__")
        holder = params.get(part, getattr(estimator, part, None))
        if not inner:
            continue
        if part in ("solver", "lr_schedule") and isinstance(holder, str):
            raise ValueError(
                f"{name!r} is a parameter of a {part} object, but {part} is the name"
                f" {holder!r}. Set {inner!r} of {type(estimator).__name__} itself, or"
                f" pass {part} as an object."
            )
        if (
            part == "lr_schedule"
            and callable(holder)
            and not isinstance(holder, Schedule)
        ):
            raise ValueError(
                f"{name!r} is a parameter of an lr_schedule object, but lr_schedule is"
                f" a function, {holder!r}. Derive a class from Schedule, whose __init__"
                f" takes {inner!r}."
            )
        if part == "activation" and isinstance(holder, (str, list, tuple)):
            raise ValueError(
                f"{name!r} is a parameter of an activation object, but activation is"
                f" {holder!r}. Pass activation as a single object."
            )


def layer_tuple(estimator: Any) -> tuple[int, ...]:
    """Return the number of units of each hidden layer; () is a linear model."""
    given = estimator.hidden_layer_sizes
    sizes: tuple = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(satisfies(k, COUNT) for k in sizes):
        raise InvalidParameterError(
            f"The 'hidden_layer_sizes' parameter of {type(estimator).__name__} must be"
            " an int or a sequence of ints in the range [1, inf), one per hidden layer."
            f" Got {brief(given)} instead."
        )
    return tuple(int(k) for k in sizes)


def check_memory(estimator: Any, network: Network, n_bytes: int) -> None:
    """Refuse a network whose training takes more memory than the machine has.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        Has the sizes of the hidden layers.
    network : Network
        The network.
    n_bytes : int
        Number of bytes per parameter of the network.
    """
    n_parameters, sizes = network.n_parameters, network.layer_sizes
    if n_parameters * n_bytes > memory_of_machine():
        raise MemoryError(
            f"hidden_layer_sizes={estimator.hidden_layer_sizes!r} makes a network too"
            f" large for the memory of this machine: {sizes[0]} features and"
            f" {sizes[-1]} output(s) give it {n_parameters:.3g} parameters, and"
            f" training it takes at least {n_parameters * n_bytes / 2**30:.3g} GiB."
            " Choose fewer units."
        )


def memory_of_machine() -> int:
    """Return the bytes of physical memory, or what can be addressed if unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # no POSIX
        return sys.maxsize


def quantile_tuple(estimator: Any) -> tuple[float, ...]:
    """Return the quantiles to predict, one or several."""
    given = estimator.quantile
    quantiles: tuple = tuple(given) if isinstance(given, Iterable) else (given,)
    if not (
        quantiles
        and all(satisfies(q, FACTOR) for q in quantiles)
        and all(q < r for q, r in pairwise(quantiles))
    ):
        raise InvalidParameterError(
            f"The 'quantile' parameter of {type(estimator).__name__} must be a float in"
            " the range (0, 1), or an increasing sequence of such floats."
            f" Got {brief(given)} instead."
        )
    return tuple(float(q) for q in quantiles)


def read(
    model: Any, X: Any, y: Any, *, reset: bool, order: str | None = None
) -> tuple[Rows, Array]:
    """Return rows and targets as arrays, checked by scikit-learn.

    Parameters
    ----------
    model : estimator
        Gets or has the number and names of the features.
    X, y
        As for ``fit``.
    reset, order
        As for `sklearn.utils.validation.validate_data`.
    """
    if are_plain_rows(X) and are_plain_targets(y, len(X)):
        if reset:
            _set_features(model, X.shape[1])
            return X, y
        if _has_features(model, X):
            return X, y
    is_regressor = isinstance(model, RegressorMixin)
    check_indices(X, "X")
    check_indices(y, "y")
    given = X
    X, y = validate_data(
        model,
        as_rows(given),
        as_numbers(y) if is_regressor else as_labels(y),
        accept_sparse="csr",
        dtype=_FLOATS,
        multi_output=True,
        y_numeric=is_regressor,
        reset=reset,
        order=order,
    )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return with_plain_indices(X, given), y


def read_rows(model: Any, X: Any) -> Rows:
    """Return rows for a fitted model as arrays, checked by scikit-learn.

    Integers and half floats keep their dtype: blocks of them become floats only when
    they are computed, in bounded memory.
    """
    if are_plain_rows(X) and _has_features(model, X):
        return X
    check_indices(X, "X")
    X = as_rows(X)
    stays = isinstance(X, np.ndarray) and X.dtype in (*_INTEGERS, np.float16)
    stays = stays or (issparse(X) and X.dtype in _INTEGERS)
    checked = validate_data(
        model,
        X,
        accept_sparse=("csr", "csc"),
        dtype=None if stays else _FLOATS,
        reset=False,
    )
    return with_plain_indices(checked, X)


def with_plain_indices(X: Rows, given: Any) -> Rows:
    """Return checked rows with index arrays, if any, that are valid and of one dtype.

    Those of the rows given are valid, but not all formats could be checked.
    """
    if not issparse(X):
        return X
    if X is not given:
        check_indices(X, "X")
    return readable(X, X.dtype)


def check_indices(X: Any, name: str) -> None:
    """Refuse a sparse container with indices outside of its shape.

    SciPy checks them only when it makes a container. Later, SciPy and the kernels would
    read or write elsewhere in memory.
    """
    if not issparse(X) or X.ndim != 2:
        return
    if X.format == "coo":
        for indices, size in zip((X.row, X.col), X.shape, strict=True):
            _check_within(indices, len(X.data), size, X, name)
    if X.format not in ("csr", "csc", "bsr"):
        return
    shape = X.shape
    if X.format == "bsr":
        shape = tuple(np.floor_divide(shape, X.blocksize).tolist())
    n_lines, size = reversed(shape) if X.format == "csc" else shape
    starts, n_stored = X.indptr, min(len(X.indices), len(X.data))
    if not (
        starts.ndim == 1
        and starts.dtype.kind in "iu"
        and len(starts) == n_lines + 1
        and starts[0] == 0
        and starts[-1] <= n_stored
        and (starts[:-1] <= starts[1:]).all()
    ):
        raise ValueError(
            f"{name} is a sparse container of format {X.format!r} whose 'indptr' is"
            f" invalid: it must have {n_lines + 1} integers that start at 0, never"
            f" fall, and end at {n_stored} at most. {_BUILD_AGAIN}"
        )
    _check_within(X.indices, int(starts[-1]), size, X, name)


def _check_within(indices: Array, n: int, size: int, X: Any, name: str) -> None:
    """Refuse indices unless the first ``n`` are integers in [0, size)."""
    used = indices[:n]
    if indices.ndim != 1 or indices.dtype.kind not in "iu" or len(used) < n:
        raise ValueError(
            f"{name} is a sparse container of format {X.format!r} whose indices are"
            f" invalid: they must be {n} integers. Got an array of shape"
            f" {indices.shape} and dtype {indices.dtype} instead. {_BUILD_AGAIN}"
        )
    if n and (used.min() < 0 or used.max() >= size):
        raise ValueError(
            f"{name} is a sparse container of format {X.format!r} with indices out of"
            f" range: for its shape {X.shape} they must be in [0, {size - 1}]. Got"
            f" indices from {used.min()} to {used.max()} instead. {_BUILD_AGAIN}"
        )


def check_range(X: Rows, dtype: Any, name: str) -> None:
    """Refuse numbers that would become infinite in a dtype.

    Parameters
    ----------
    X : array or sparse container
        Finite numbers.
    dtype : dtype
        That of the model, which the numbers are converted to.
    name : str
        The name of X in the message.
    """
    values, dtype = X.data if issparse(X) else X, np.dtype(dtype)
    if values.dtype == dtype or values.dtype.kind != "f" or not values.size:
        return
    largest = max(values.max(), -values.min())
    with np.errstate(over="ignore"):
        if np.isfinite(largest.astype(dtype)):
            return
    raise ValueError(
        f"Input {name} contains a value too large for {dtype!r}, in which the model"
        f" computes, since it is fitted to {dtype} rows. Allowed is"
        f" {np.finfo(dtype).max:g} in absolute value. Got {largest:g}. Scale {name}, or"
        " fit the model to float64 rows."
    )


def are_plain_rows(X: Any) -> bool:
    """Tell by a quick check whether rows need neither conversion nor further checks.

    scikit-learn checks all others and raises the errors. Its check takes ten times as
    long as an update of a small network.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in _FLOATS
        and 0 < X.size <= _FEW
        and X.flags.c_contiguous
        and bool(np.isfinite(X).all())
    )


def _has_features(fitted: Any, X: Array) -> bool:
    """Tell whether rows without names have the features of a fitted model."""
    return X.shape[1] == fitted.n_features_in_ and not hasattr(
        fitted, "feature_names_in_"
    )


def _set_features(model: Any, n_features: int) -> None:
    """Set the number of features, which have no names, as scikit-learn does."""
    model.n_features_in_ = n_features
    if hasattr(model, "feature_names_in_"):
        del model.feature_names_in_


def are_plain_targets(y: Any, n_rows: int) -> bool:
    """Tell by a quick check whether y is one number per row."""
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
            " are no hidden activations. Set hidden_layer_sizes to at least one number."
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

    Without hidden layers there is still one, for the draw of the initial weights.
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
    """Return the fraction of units to drop in each hidden layer."""
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
    """Refuse dropout and the L1 penalty, with which L-BFGS cannot minimise."""
    if any(dropout):
        raise ValueError(
            "solver='lbfgs' cannot train with dropout: its line search needs an"
            " objective that does not change between passes. Set dropout=0 or choose"
            f" another solver. Got dropout={estimator.dropout!r}."
        )
    if estimator.alpha > 0 and estimator.l1_ratio > 0:
        raise ValueError(
            "solver='lbfgs' cannot train with an L1 penalty: it needs a smooth"
            " objective. Set l1_ratio=0 or choose another solver."
            f" Got l1_ratio={estimator.l1_ratio!r} with alpha={estimator.alpha!r}."
        )


def _activation(given: str | Activation) -> Activation:
    """Return the object that a name stands for, or a copy of an object."""
    if isinstance(given, str):
        return ACTIVATIONS[given]()
    sigma = with_plain_numbers(copy(given))
    sigma.check()
    return sigma


def with_plain_numbers(part: _Part) -> _Part:
    """Turn NumPy scalars into Python's, which do not change the dtype of arrays."""
    for name, value in vars(part).items():
        if isinstance(value, np.generic):
            setattr(part, name, value.item())
    return part

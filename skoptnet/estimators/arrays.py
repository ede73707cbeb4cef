"""Rows, labels and numeric targets from any container or library, as NumPy arrays.

scikit-learn's checks come after these functions, and word all other errors.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._types import Array

_DURATIONS = (timedelta, np.timedelta64)
_DATES = (date, time, np.datetime64, *_DURATIONS)
_BOOLEANS = (bool, np.bool_)
_NESTED = (list, tuple, set, dict, np.ndarray)

# Advice about missing labels, and about missing numbers.
_LABEL = "give them a label of their own, such as 'unknown'"
_FILL = "fill them in"


def as_numpy(values: Any, name: str) -> Any:
    """Return an array of another library as NumPy's, anything else as it is.

    The estimators compute with NumPy, also where scikit-learn's ``array_api_dispatch``
    is on: arrays of PyTorch, JAX and others in main memory are read without a copy.

    Parameters
    ----------
    values : any
        The argument of a user.
    name : str
        The name of the argument in messages.

    Raises
    ------
    TypeError
        If NumPy cannot read the array, because it lies on a GPU for instance.
    """
    if type(values) is np.ndarray or not _is_foreign(values):
        return values
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        kind = f"{type(values).__module__}.{type(values).__name__}"
        raise TypeError(
            f"{name} must be an array that NumPy can read; the estimators compute with"
            f" NumPy, on the CPU. Got a {kind} instead, and NumPy says: {error}"
        ) from error


def as_rows(X: Any, name: str = "X") -> Any:
    """Return rows as `as_numpy` does; refuse dates, which are not numbers."""
    X = as_numpy(X, name)
    # A data frame has a dtype per column, all else, also a series, has a single one.
    for dtype in [X.dtype] if hasattr(X, "dtype") else getattr(X, "dtypes", []):
        kind = getattr(dtype, "kind", "")
        # A polars dtype has no kind.
        is_temporal = kind in ("M", "m") or getattr(dtype, "is_temporal", bool)()
        if is_temporal:
            durations = kind == "m" or str(dtype).startswith("Duration")
            raise ValueError(_no_dates(name, dtype, durations))
    return X


def as_labels(y: Any, name: str = "y") -> Any:
    """Return class labels as an array of one type; sparse ones and None as they are.

    Integers and booleans keep their type, however they are stored: as Python objects,
    or in the nullable and Arrow types of pandas. Strings stay strings.

    Parameters
    ----------
    y : any
        The labels, or a 0/1 matrix of them.
    name : str, default="y"
        The name of the argument in messages.

    Raises
    ------
    ValueError
        If a label is missing, or the labels are not all integers, all booleans, all
        floats, all strings or all dates.
    """
    array = _as_array(y, name)
    if not isinstance(array, np.ndarray):
        return array
    if not hasattr(y, "dtype") and _is_changed(array):
        objects = np.array(y, dtype=object)
        labels = _of_one_type(objects, name)
        return array if labels is objects else labels
    if array.dtype.kind != "O":
        _check_missing(array, name, _LABEL)
        return array
    labels = _of_one_type(array, name)
    nullable = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    if labels.dtype.kind in "biu" and isinstance(nullable, np.dtype):
        return labels.astype(nullable)  # of the same width
    return labels


def as_numbers(y: Any, name: str = "y") -> Any:
    """Return targets of a regression as numbers; sparse ones and None as they are.

    Parameters
    ----------
    y : any
        The targets.
    name : str, default="y"
        The name of the argument in messages.

    Raises
    ------
    ValueError
        If a target is missing, a date, a duration or no number at all.
    """
    array = _as_array(y, name)
    if not isinstance(array, np.ndarray):
        return array
    if array.dtype.kind in "Mm":
        raise ValueError(_no_dates(name, array.dtype, array.dtype.kind == "m"))
    _check_missing(array, name, _FILL)
    if array.dtype.kind == "O":
        dated = next((v for v in array.flat if isinstance(v, _DATES)), None)
        if dated is not None:
            kind = type(dated).__name__
            raise ValueError(_no_dates(name, kind, isinstance(dated, _DURATIONS)))
    if array.dtype.kind in "OUS":  # scikit-learn looks for NaN in numbers only
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"Input {name} must have numbers only, as a regressor's targets:"
                f" {error}. For class labels, use a classifier."
            ) from error
    return array


def _is_foreign(values: Any) -> bool:
    """Tell whether values are an array of another library than NumPy."""
    if isinstance(values, np.ndarray) or issparse(values):
        return False
    return hasattr(values, "__array_namespace__") or hasattr(values, "__dlpack__")


def _as_array(y: Any, name: str) -> Any:
    """Return targets as an array, if that is possible."""
    if isinstance(y, np.ndarray) and y.dtype.kind in "biuf":
        return y
    if y is None or issparse(y):
        return y
    y = as_numpy(y, name)
    try:
        array = np.asarray(y)
    except (TypeError, ValueError):
        return y
    if array.dtype.kind == "T":  # NumPy's strings of variable width
        array = array.astype(object)
    return array


def _is_changed(array: Array) -> bool:
    """Tell whether NumPy may have given the labels of a list another type.

    It turns numbers and NaN among strings into strings, and some large integers into
    floats.
    """
    if array.dtype.kind == "f":
        return bool((np.abs(array) >= 2**53).any())
    return array.dtype.kind in "US"


def _of_one_type(labels: Array, name: str) -> Array:
    """Return labels that are objects in their own type; strings stay objects."""
    types = set(map(type, labels.ravel().tolist()))

    def are(*kinds: type) -> bool:
        return all(issubclass(kind, kinds) for kind in types)

    if are(str) or are(bytes):
        return labels
    _check_missing(labels, name, _LABEL)
    if any(issubclass(kind, _NESTED) for kind in types):
        return labels
    if are(*_BOOLEANS):
        return labels.astype(bool)
    if are(Integral, *_BOOLEANS):
        return _integers(labels, name)
    if are(float, np.floating, Integral, *_BOOLEANS):
        return labels.astype(np.float64)
    names = ", ".join(sorted(kind.__name__ for kind in types))
    raise ValueError(
        f"Unknown label type: Input {name} has labels of type {names}. They must be"
        " all integers, all booleans or all strings. Convert them, for instance by"
        f" [str(label) for label in {name}]."
    )


def _integers(labels: Array, name: str) -> Array:
    """Return integers that are objects in a type of 64 bits."""
    low, high = int(min(labels.flat)), int(max(labels.flat))
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return labels.astype(dtype)
    raise ValueError(
        f"Unknown label type: Input {name} has integers from {low} to {high}, which do"
        " not fit into 64 bits. Convert the labels to strings."
    )


def _check_missing(values: Array, name: str, remedy: str) -> None:
    """Refuse None, NaN, NaT and pandas.NA."""
    if values.dtype.kind in "fMm":
        missing = np.isnan(values)
    elif values.dtype.kind == "O":
        missing = np.array([_is_missing(value) for value in values.flat], dtype=bool)
        missing = missing.reshape(values.shape)
    else:
        return
    if missing.any():
        first = tuple(int(i) for i in np.argwhere(missing)[0])
        raise ValueError(
            f"Input {name} contains NaN: {missing.sum()} missing value(s), the first in"
            f" row {first[0]} ({values[first]}). Leave such rows out, or {remedy}."
        )


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (str, bytes, int)):
        return False
    try:
        return bool(value != value)
    except TypeError:  # pandas.NA is neither equal to itself nor different
        return True
    except ValueError:  # an array
        return False


def _no_dates(name: str, kind: Any, durations: bool) -> str:
    """Return the message that refuses dates or durations in place of numbers."""
    found, duration = "dates", f"({name} - {name}.min())"
    if durations:
        found, duration = "durations", name
    return (
        f"Input {name} must have numbers. Got {found} ({kind}) instead. Convert them in"
        f" a unit of your choice, such as days: {duration} / np.timedelta64(1, 'D')."
    )

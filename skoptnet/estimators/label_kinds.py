"""Kinds of labels: one per row, or a 0/1 matrix with a column per label."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._types import Array

# Maximum range of integer labels whose numbers are looked up in a table.
_LARGEST_TABLE = 2**12


def checked_kind(y: Any, name: str) -> str:
    """Return scikit-learn's name of the type of target, after its check."""
    kind = type_of_target(y, input_name=name)
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        check_classification_targets(y)  # raises scikit-learn's error
    return kind


def are_plain_labels(y: Any) -> bool:
    """Tell whether y has one label per row, of a type that needs no further check."""
    return isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU"


def classes_of(y: Any) -> Array | None:
    """Return the classes of plain labels, None if scikit-learn must check these.

    It warns, in some releases, if more than half of the rows have classes of their own.
    """
    if not are_plain_labels(y):
        return None
    classes = np.unique(y)
    return classes if 2 * len(classes) <= len(y) else None


def is_multilabel(kind: str) -> bool:
    """Tell whether a type of target is multilabel; refuse several columns of labels."""
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y with several columns must be a 0/1 matrix (multilabel). Got"
            f" {kind} targets; sklearn.multioutput.MultiOutputClassifier handles"
            " these."
        )
    return kind == "multilabel-indicator"


def class_numbers(y: Array, classes: Array) -> Array:
    """Return `numpy.searchsorted` of labels, by a table if the classes are integers."""
    if len(y) and y.dtype == classes.dtype and np.can_cast(y.dtype, np.intp):
        low, high = int(classes[0]), int(classes[-1])
        in_range = low <= int(y.min()) and int(y.max()) <= high
        if in_range and high - low < _LARGEST_TABLE:
            numbers = np.searchsorted(classes, np.arange(low, high + 1))
            return np.take(numbers, np.subtract(y, low, dtype=np.intp))
    return np.searchsorted(classes, y)


def dense(y: Any) -> Array:
    """Return a 0/1 matrix as an array."""
    return y.toarray() if issparse(y) else y

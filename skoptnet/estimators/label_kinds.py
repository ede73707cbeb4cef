"""Kinds of labels: one per row, or a 0/1 matrix with a column per label."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._types import Array


def checked_kind(y: Any, name: str) -> str:
    """Return scikit-learn's name of the type of target, after its check."""
    kind = type_of_target(y, input_name=name)
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        check_classification_targets(y)  # raises scikit-learn's error
    return kind


def are_plain_labels(y: Any) -> bool:
    """Tell whether y has one label per row, of a type that needs no further check."""
    return isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU"


def is_multilabel(kind: str) -> bool:
    """Tell whether a type of target is multilabel; refuse several columns of labels."""
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y with several columns must be a 0/1 matrix (multilabel). Got"
            f" {kind} targets; sklearn.multioutput.MultiOutputClassifier handles"
            " these."
        )
    return kind == "multilabel-indicator"


def dense(y: Any) -> Array:
    """Return a 0/1 matrix as an array."""
    return y.toarray() if issparse(y) else y

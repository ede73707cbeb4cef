"""Class weights: the weight of each row in the loss, by its class."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._params import NOT_NEGATIVE, brief, satisfies
from .._types import Array
from .convergence_warnings import warn

# Several labels leave few rows if the effective number is below this share of that of a
# single label, or below half of it and below this number.
_FEW_SHARE = 0.1
_FEW_ROWS = 10


class ClassWeights:
    """The weight of each class, for one or several columns of labels.

    The weight of a row is the product over the columns, as in
    `sklearn.utils.class_weight.compute_sample_weight`.

    Parameters
    ----------
    given : "balanced", dict or list of dicts
        The parameter ``class_weight``; a list has one dict per column.
    counts : list of int arrays
        Per column, the number of rows of each class; see `class_counts`.
    labels : list of lists
        Per column, the label of each class.
    multilabel : bool
        Whether ``given`` has to be a list instead of a dict.
    """

    def __init__(
        self, given: Any, counts: list[Array], labels: list[list], multilabel: bool
    ):
        self.tables: list[Array]
        if isinstance(given, str):
            self.tables = list(map(_balanced, counts))
            return
        if multilabel != isinstance(given, list):
            raise ValueError(
                "The 'class_weight' parameter must be"
                + (
                    " a list of dicts, one per label, such as [{0: 1, 1: 5}, {}],"
                    if multilabel
                    else " one dict, {class label: weight},"
                )
                + f" 'balanced' or None for these targets. Got {given!r} instead."
            )
        per_column = given if multilabel else [given]
        if len(per_column) != len(labels):
            raise ValueError(
                "The 'class_weight' parameter must have one dict per label:"
                f" {len(labels)}. Got {len(per_column)} instead."
            )
        self.tables = [
            _chosen(weights, names)
            for weights, names in zip(per_column, labels, strict=True)
        ]

    def of(self, codes: Array) -> list[Array]:
        """Return the weight of each row for each column, arrays of shape (n,)."""
        return [
            table[column] for table, column in zip(self.tables, codes.T, strict=True)
        ]

    def warn_of_few_rows(self, codes: Array) -> None:
        """Warn if the product over several labels concentrates the weight on few rows.

        The measure is Kish's effective number of rows, (sum of w)^2 / (sum of w^2):
        that of the product over all labels, compared with the smallest of a single
        label.
        """
        if len(self.tables) == 1:
            return
        with np.errstate(divide="ignore"):  # a weight may be 0
            columns = [np.log(w) for w in self.of(codes)]
        effective = _effective_rows(np.sum(columns, axis=0))
        of_one = min(map(_effective_rows, columns))
        if effective >= min(of_one / 2, max(_FEW_SHARE * of_one, _FEW_ROWS)):
            return
        warn(
            f"class_weight multiplies the weights of {len(columns)} labels, which"
            f" concentrates the weight of the {len(codes)} rows on a few (effective"
            f" number of rows: {effective:.3g}). Pass weights closer to 1 as a list of"
            " dicts, or train one classifier per label, as"
            " sklearn.multioutput.MultiOutputClassifier does.",
            UserWarning,
        )


def _effective_rows(log_w: Array) -> float:
    """Return Kish's effective number of rows, from logarithms that cannot overflow."""
    top = log_w.max()
    if top == -math.inf:  # all weights are 0
        return 0.0
    w = np.exp(log_w - top)
    return float(w.sum() ** 2 / np.square(w).sum())


def class_counts(codes: Array, labels: list[list]) -> list[Array]:
    """Return the number of rows of each class, per column of class numbers."""
    return [
        np.bincount(column, minlength=len(names))
        for column, names in zip(codes.T, labels, strict=True)
    ]


def _balanced(counts: Array) -> Array:
    """Return n / (number of classes that occur * rows of the class).

    This is "balanced" of `sklearn.utils.class_weight.compute_class_weight`, which needs
    the labels of all rows.
    """
    present, table = counts > 0, np.ones(len(counts))
    table[present] = counts.sum() / (present.sum() * counts[present])
    return table


def _chosen(weights: Any, labels: list) -> Array:
    """Return the weights in a dict, 1 for classes that are not in it."""
    if not isinstance(weights, dict):
        raise ValueError(
            "The 'class_weight' parameter must have dicts {class label: weight} in"
            f" its list. Got {weights!r} instead."
        )
    for label, weight in weights.items():
        if not satisfies(weight, NOT_NEGATIVE):
            raise ValueError(
                "The 'class_weight' parameter must have finite weights of at least 0."
                f" Got {brief(weight)} for class {label!r} instead."
            )
    # A dict may name a class that does not occur, as in a fold of cross-validation. If
    # another class has no weight, a label is probably misspelt.
    unknown = [label for label in weights if label not in labels]
    if unknown and any(label not in weights for label in labels):
        raise ValueError(
            f"The 'class_weight' parameter names the classes {unknown}, which are not"
            f" among those of y: {labels}."
        )
    return np.array([weights.get(label, 1.0) for label in labels], dtype=np.float64)

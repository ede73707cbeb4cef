"""Validation split: the rows that early stopping trains on, and those it holds out."""

from __future__ import annotations

import math
from collections import deque
from copy import deepcopy
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import PredefinedSplit, train_test_split

from .._sklearn import n_rows_of
from .._types import Array, Data, Float
from ..training import TrainingSet

# Fewer validation rows have no R2.
_LEAST_VALIDATION = 2


class Given(NamedTuple):
    """The arguments of ``fit`` that a splitter takes, as the user passed them."""

    X: Data
    y: Data
    groups: Data = None


def split(
    data: TrainingSet,
    how: Any,
    given: Given,
    strata: Array | None,
    rng: np.random.RandomState,
) -> tuple[TrainingSet, TrainingSet]:
    """Return training and validation rows; nothing is copied.

    Parameters
    ----------
    data : TrainingSet
        All rows.
    how : float or splitter
        The ``validation_fraction`` parameter.
    given : Given
        The arguments of a splitter.
    strata : array of shape (n,) or None
        The class of each row; None without classes.
    rng : RandomState
        Draws the rows that a fraction holds out. A splitter does not change it.
    """
    if isinstance(how, Real):
        rows = _by_fraction(len(data), float(how), strata, rng)
    else:
        rows = _by_splitter(len(data), how, given, rng)
        _check_classes(rows, strata, how)
    training, validation = data.subset(rows[0]), data.subset(rows[1])
    for name, part in (("training", training), ("validation", validation)):
        if part.w is not None and not part.select(part.w).any():
            raise ValueError(
                f"All {name} rows of the early-stopping split have sample_weight"
                " zero. Change 'validation_fraction' or 'random_state'."
            )
    return training, validation


# By a fraction.


def _by_fraction(
    n: int, fraction: float, strata: Array | None, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Return the rows of a random split, with each class in both parts."""
    n_validation = _validation_size(n, fraction, strata)
    training, validation = train_test_split(
        np.arange(n), test_size=n_validation, random_state=rng, stratify=strata
    )
    if strata is not None:
        validation, training = _with_each_class(validation, training, strata)
        training, validation = _with_each_class(training, validation, strata)
    return training, validation


def _validation_size(n: int, fraction: Float, strata: Array | None) -> int:
    """Return the number of validation rows: the fraction, or the minimum if larger.

    Refuse an impossible split.
    """
    asked = math.ceil(fraction * n)
    labels, counts = np.unique([] if strata is None else strata, return_counts=True)
    if (counts < 2).any():
        raise ValueError(
            "The least populated classes in y have only 1 member, too few for the"
            " stratified split of early_stopping=True. Classes with too few members"
            f" are: {labels[counts < 2].tolist()}. Merge them with others, or pass"
            " X_val and y_val to fit."
        )
    per_class = f", a row of each of the {len(labels)} classes" if len(labels) else ""
    least_training = max(1, len(labels))
    least = max(_LEAST_VALIDATION, len(labels))
    if asked == 0 or n < least + least_training:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the"
            f" size of your dataset: early stopping needs at least {least} validation"
            f" and {least_training} training rows{per_class}. Got"
            f" validation_fraction={fraction} of n_samples={n}."
        )
    n_validation = max(asked, least)
    if n - n_validation < least_training:
        raise ValueError(
            "The training set is too small. Decrease 'validation_fraction': early"
            f" stopping needs at least {least_training} training rows{per_class}. Got"
            f" validation_fraction={fraction} of n_samples={n}, which leaves"
            f" {n - n_validation}."
        )
    return n_validation


def _with_each_class(part: Array, other: Array, strata: Array) -> tuple[Array, Array]:
    """Return both parts, with a row of each class that ``part`` lacks moved there.

    A stratified split draws rows in proportion, so a rare class may have none.
    """
    lacking = np.setdiff1d(strata, strata[part])
    if not len(lacking):
        return part, other
    moved = [np.flatnonzero(strata[other] == label)[-1] for label in lacking]
    return np.append(part, other[moved]), np.delete(other, moved)


# By a splitter.


def _by_splitter(
    n: int, splitter: Any, given: Given, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Return the rows of the last split of a splitter."""
    _check_given(n, splitter, given)
    groups = {} if given.groups is None else {"groups": given.groups}
    try:
        splits = _seeded(splitter, rng).split(given.X, given.y, **groups)
        last = deque(splits, maxlen=1)
    except (TypeError, ValueError) as error:
        hint = ""
        if isinstance(error, TypeError) and groups:
            hint = " The groups must have no missing values, and be of one type."
        elif given.groups is None and "groups" in str(error):
            hint = (
                " Pass groups to fit; a search or pipeline passes them on with metadata"
                " routing, after set_fit_request(groups=True)."
            )
        raise ValueError(f"{_named(splitter)} cannot split X: {error}{hint}") from error
    if not last:
        raise ValueError(f"{_named(splitter)} makes no split of X.")
    try:
        training, validation = last[0]
    except (TypeError, ValueError):
        raise ValueError(
            f"{_named(splitter)} must make splits that are pairs: row numbers to train"
            f" on, and row numbers to validate on. Got {last[0]!r} instead."
        ) from None
    training = _row_numbers(training, n, "training", splitter)
    validation = _row_numbers(validation, n, "validation", splitter)
    both = np.intersect1d(training, validation)
    if len(both):
        raise ValueError(
            f"{_named(splitter)} must not return rows in both parts. Its last split has"
            f" {len(both)} rows in both, row {both[0]} among them."
        )
    if len(validation) < _LEAST_VALIDATION:
        raise ValueError(
            f"{_named(splitter)} must set aside at least {_LEAST_VALIDATION} rows. Its"
            f" last split has {len(validation)}."
        )
    return training, validation


def _seeded(splitter: Any, rng: np.random.RandomState) -> Any:
    """Return a copy of a splitter, so that the original splits alike in a warm start.

    If the splitter would draw from NumPy's global generator, it gets a seed from a copy
    of ``rng``: the estimator's ``random_state`` decides, and ``rng`` does not change.
    """
    twin = deepcopy(splitter)
    if getattr(twin, "__dict__", {}).get("random_state", 0) is None:
        twin.random_state = deepcopy(rng).randint(np.iinfo(np.int32).max)
    return twin


def _check_given(n: int, splitter: Any, given: Given) -> None:
    """Refuse groups, and a predefined split, of another number of rows."""
    if given.groups is not None and n_rows_of(given.groups) != n:
        raise ValueError(
            f"groups must have one entry for each of the {n} rows of X. Got"
            f" {n_rows_of(given.groups)} instead."
        )
    if isinstance(splitter, PredefinedSplit) and len(splitter.test_fold) != n:
        raise ValueError(
            "validation_fraction=PredefinedSplit(...) describes"
            f" {len(splitter.test_fold)} rows, but X has {n}. In a search, X is a part"
            " of the rows: use a splitter of groups there, and pass the groups to fit"
            " by metadata routing."
        )


def _row_numbers(indices: Any, n: int, part: str, splitter: Any) -> Array:
    """Return the rows of a part of a split as numbers, from numbers or a mask."""
    rows = np.asarray(indices)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.size == 0:
        raise ValueError(f"{_named(splitter)} leaves no {part} rows in its last split.")
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(
            f"{_named(splitter)} must return the {part} rows as row numbers, or as a"
            f" mask of {n} booleans. Got an array of dtype {rows.dtype} and shape"
            f" {rows.shape} instead."
        )
    low, high = int(rows.min()), int(rows.max())
    if low < 0 or high >= n:
        raise ValueError(
            f"{_named(splitter)} must return row numbers from 0 to {n - 1}. Got"
            f" {low if low < 0 else high} among the {part} rows of its last split. Was"
            " it made for other data?"
        )
    return rows.astype(np.intp)


def _check_classes(
    rows: tuple[Array, Array], strata: Array | None, splitter: Any
) -> None:
    """Refuse to train without a class, and to validate on a single class."""
    if strata is None:
        return
    training, validation = rows
    lacking = np.setdiff1d(strata, strata[training])
    if len(lacking):
        raise ValueError(
            f"{_named(splitter)} must leave rows of each class to train on. In its last"
            f" split, the training rows lack the classes {lacking.tolist()}."
        )
    held_out = np.unique(strata[validation])
    if len(held_out) < 2:
        raise ValueError(
            f"{_named(splitter)} must set aside rows of at least 2 classes. In its last"
            f" split, all validation rows are of class {held_out.tolist()[0]!r}: a"
            " network that always predicts it would be the best."
        )


def _named(splitter: Any) -> str:
    return f"The splitter validation_fraction={splitter!r}"

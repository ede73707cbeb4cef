"""Folds: the rows that each member of an ensemble leaves out."""

from __future__ import annotations

from copy import deepcopy
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from .._types import Array
from ..estimators.convergence_warnings import warn


class Fold(NamedTuple):
    """The rows of a member, by their numbers.

    Attributes
    ----------
    train : intp array
        Those that it is trained on.
    held_out : intp array
        Those that choose its epoch.
    """

    train: Array
    held_out: Array


def folds_of(
    cv: Any, y: Array, w: Array | None, strata: Array | None, groups: Any, rng: Any
) -> list[Fold]:
    """Return the folds that the parameter ``cv`` stands for.

    Parameters
    ----------
    cv : int, splitter or list of (train, held_out)
        An int shuffles the rows; with fewer rows, there are fewer folds. A splitter
        whose ``random_state`` is None gets a seed from ``rng``.
    y : array
        The targets; also passed to splitters as X.
    w : array of shape (n,) or None
        Weights of the rows. With an int ``cv``, rows of weight 0 are in the training
        part of every fold.
    strata : array of shape (n,) or None
        The class of each row, None for regression and multilabel targets. A class with
        fewer rows than there are folds is in the training part of every fold.
    groups : array-like of shape (n,) or None
        For splitters of groups.
    rng : RandomState
        Shuffles.
    """
    is_splitter = hasattr(cv, "split")
    if groups is not None and not is_splitter:
        given = f"cv={cv}" if isinstance(cv, Integral) else "a list of folds as cv"
        n_folds = cv if isinstance(cv, Integral) else 4
        warn(
            f"groups have no effect with {given}, which does not keep the rows of a"
            f" group together. Set cv=GroupKFold({n_folds}).",
            UserWarning,
        )
    if not isinstance(cv, Integral):
        splits = _seeded(cv, rng).split(y, y, groups) if is_splitter else cv
        folds = _complete(list(splits), len(y), strata)
        _check_weights(folds, w)
        return folds
    codes = np.zeros(len(y), dtype=np.intp)
    if strata is not None:
        codes = np.unique(strata, return_inverse=True)[1]
    has_weight = np.ones(len(y), dtype=bool) if w is None else w > 0
    n_largest = int(np.bincount(codes[has_weight]).max())
    n_folds = min(int(cv), n_largest)
    needed = "rows" if strata is None else "rows of a class"
    if n_folds < 2:
        raise ValueError(
            f"cv={cv} holds out one fold of the rows after the other, which needs at"
            f" least 2 {needed} with a weight. Got {n_largest} (n_samples = {len(y)})."
        )
    if n_folds < int(cv):
        warn(
            f"cv={cv} needs as many {needed}. Got {n_largest}, so {n_folds} networks"
            " are trained.",
            UserWarning,
        )
    Folds = KFold if strata is None else StratifiedKFold
    splitter = Folds(n_folds, shuffle=True, random_state=rng)
    return _shuffled(splitter, codes, has_weight)


def _shuffled(splitter: Any, codes: Array, has_weight: Array) -> list[Fold]:
    """Return the folds of a splitter of classes, given as codes.

    Rows without a weight, and those of classes with fewer rows than there are folds,
    are in the training part of every fold.
    """
    n_rows = np.bincount(codes[has_weight], minlength=codes.max() + 1)
    has_folds = has_weight & (n_rows >= splitter.n_splits)[codes]
    rows, others = np.flatnonzero(has_folds), np.flatnonzero(~has_folds)
    return [
        Fold(np.sort(np.concatenate([rows[train], others])), rows[held_out])
        for train, held_out in splitter.split(rows, codes[rows])
    ]


def _check_weights(folds: list[Fold], w: Array | None) -> None:
    """Refuse a fold with a part whose rows all have the weight 0."""
    for number, fold in enumerate(folds, 1):
        for part, use in zip(fold, ("train on", "hold out"), strict=True):
            if w is not None and not w[part].any():
                raise ValueError(
                    f"Each fold of cv must have rows with a weight to {use}. In fold"
                    f" {number}, sample_weight is zero for all of them."
                )


def _seeded(splitter: Any, rng: Any) -> Any:
    """Return a splitter that draws by ``rng``, not by NumPy's global generator.

    ``rng`` does not change: a splitter that draws nothing is as good as its folds.
    """
    if getattr(splitter, "__dict__", {}).get("random_state", 0) is not None:
        return splitter
    twin = deepcopy(splitter)
    twin.random_state = deepcopy(rng).randint(np.iinfo(np.int32).max)
    return twin


def _complete(splits: list[Any], n: int, strata: Array | None) -> list[Fold]:
    """Return splits as folds.

    Refuse none at all, empty parts, and training parts that lack a class.
    """
    if not splits:
        raise ValueError("cv must have at least one fold. Got none.")
    classes = None if strata is None else np.unique(strata)
    folds = []
    for number, split in enumerate(splits, 1):
        try:
            train, held_out = split
        except (TypeError, ValueError):
            raise ValueError(
                "Each fold of cv must be a pair: row numbers to train on, and row"
                f" numbers to hold out. Fold {number} of cv is {split!r}."
            ) from None
        fold = Fold(*(_row_numbers(part, n, number) for part in (train, held_out)))
        if not (len(fold.train) and len(fold.held_out)):
            raise ValueError(
                f"Each fold of cv must have rows to train on and rows to hold out. Fold"
                f" {number} has {len(fold.train)} and {len(fold.held_out)}."
            )
        if classes is not None and strata is not None:
            missing = np.setdiff1d(classes, strata[fold.train])
            if len(missing):
                raise ValueError(
                    f"Fold {number} of cv has no row of the class(es)"
                    f" {missing.tolist()} to train on. Use a stratified splitter, or"
                    " fewer groups per fold."
                )
        folds.append(fold)
    return folds


def _row_numbers(given: Any, n: int, number: int) -> Array:
    """Return a part of a fold as row numbers, from these or a mask."""
    try:
        rows = np.asarray(given)
    except ValueError:  # rows of different lengths
        rows = np.asarray(given, dtype=object)
    if rows.dtype == bool and rows.shape == (n,):
        return np.flatnonzero(rows)
    if rows.shape == (0,):
        return rows.astype(np.intp)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(
            f"The parts of a fold must be row numbers, or masks of {n} booleans. Fold"
            f" {number} of cv has an array of dtype {rows.dtype} and shape"
            f" {rows.shape}."
        )
    low, high = int(rows.min()), int(rows.max())
    if low < 0 or high >= n:
        raise ValueError(
            f"Row numbers must be from 0 to {n - 1}. Fold {number} of cv has"
            f" {low if low < 0 else high}. Was cv made for other data?"
        )
    return rows.astype(np.intp)

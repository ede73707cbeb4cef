"""Columns of categories: of zeros and ones, and of mean targets."""

from __future__ import annotations

from itertools import repeat
from numbers import Integral
from typing import Any

import numpy as np

from .._types import Array
from .mean_targets import MeanTargets, Targets

#: The code of values that are missing or were not there when fitting.
_UNKNOWN = -1


class Categories:
    """The columns of categories.

    scikit-learn's OrdinalEncoder and OneHotEncoder give almost the same, but each call
    of their `transform` goes through all values of the training data, which takes far
    longer than a single row does here.

    Parameters
    ----------
    max_categories, min_frequency
        As of `TabularPreprocessor`.

    Attributes
    ----------
    values : list of lists
        The values of each column, sorted; their places are their codes.
    slots : list of int arrays
        For each code of a column, its column among those of zeros and ones; the last
        item is for unknown values. Several codes have the place of the rare ones; -1
        means none.
    empty, with_two, with_many : bool arrays, one item per column
        Which columns have no values at all, two values, and more than
        ``max_categories``.
    """

    def __init__(self, max_categories: Any, min_frequency: Any):
        self.max_categories = max_categories
        self.min_frequency = min_frequency

    def fit_transform(self, X: Array, w: Array, targets: Targets | None) -> list[Array]:
        """Learn from a matrix of objects and weights of rows; return blocks of columns.

        With targets, columns of many values get columns of mean targets, too.
        """
        self.values = [_sorted(set(x) - {np.nan}) for x in X[w > 0].T]
        self.code_of = [
            {value: code for code, value in enumerate(values)} for values in self.values
        ]
        codes = self._codes(X)
        n_values = np.array([len(values) for values in self.values])
        limit = np.inf if self.max_categories is None else self.max_categories
        self.empty = n_values == 0
        self.with_two = n_values == 2
        self.with_many = n_values > max(2, limit)
        self.slots = [
            self._slots(x, w, n) for x, n in zip(codes.T, n_values, strict=True)
        ]
        self.encoder = None
        blocks = self._blocks(codes)
        if targets is not None and self.with_many.any():
            self.encoder = MeanTargets()
            many = codes[:, self.with_many]
            blocks.append(self.encoder.fit_transform(many, targets, w > 0))
        return blocks

    def transform(self, X: Array) -> list[Array]:
        """Return blocks of columns for a matrix of objects."""
        codes = self._codes(X)
        blocks = self._blocks(codes)
        if self.encoder is not None:
            blocks.append(self.encoder.transform(codes[:, self.with_many]))
        return blocks

    def names(self, names: Array) -> list[str]:
        """Return the names of the columns of the blocks."""
        two = np.flatnonzero(self.with_two).tolist()
        found = [f"{names[j]}_{self.values[j][1]}" for j in two]
        for name, values, slots in zip(names, self.values, self.slots, strict=True):
            shared = np.bincount(slots + 1)[slots + 1] > 1
            places = zip(values, shared, strict=False)
            found += [f"{name}_{value}" for value, is_rare in places if not is_rare]
            if (shared & (slots >= 0)).any():
                found.append(f"{name}_infrequent")
        if self.encoder is not None:
            found += self.encoder.names(names[self.with_many])
        return found

    def _codes(self, X: Array) -> Array:
        """Return the code of each value."""
        codes = np.empty(X.shape, dtype=np.int64, order="F")
        for j, code_of in enumerate(self.code_of):
            found = map(code_of.get, X[:, j], repeat(_UNKNOWN))
            codes[:, j] = np.fromiter(found, np.int64, len(X))
        return codes

    def _blocks(self, codes: Array) -> list[Array]:
        """Return a block of columns of -1 and 1, and one of zeros and ones."""
        two = codes[:, self.with_two]
        widths = [slots.max() + 1 for slots in self.slots]
        ones = np.zeros((len(codes), sum(widths)), dtype=np.float32)
        start = 0
        for j in np.flatnonzero(widths):
            at = self.slots[j][codes[:, j]]
            rows = np.flatnonzero(at >= 0)
            ones[rows, start + at[rows]] = 1
            start += widths[j]
        return [np.where(two == _UNKNOWN, 0, 2 * two - 1), ones]

    def _slots(self, codes: Array, w: Array, n_values: int) -> Array:
        """Return the slots of a column."""
        slots = np.full(n_values + 1, -1)
        missing = w[codes == _UNKNOWN].any()
        if n_values == 2 or n_values < 2 - missing:
            return slots
        counts = np.bincount(codes + 1, w, minlength=n_values + 1)[1:]
        rare = self._are_rare(counts, w.sum())
        n_frequent = int((~rare).sum())
        if n_frequent or missing:  # else the column of the rare ones is constant
            slots[:-1][~rare] = np.arange(n_frequent)
            slots[:-1][rare] = n_frequent
        return slots

    def _are_rare(self, counts: Array, n_rows: float) -> Array:
        """Return which values share a column, none or at least two of them."""
        least = self.min_frequency or 0
        rare = counts < (least if isinstance(least, Integral) else least * n_rows)
        n_columns = len(counts) - max(0, rare.sum() - 1)
        if self.max_categories is not None and n_columns > self.max_categories:
            frequent = np.argsort(counts, kind="stable")[1 - self.max_categories :]
            rare = np.ones(len(counts), dtype=bool)
            rare[frequent] = False
        return rare if rare.sum() > 1 else np.zeros(len(counts), dtype=bool)


def _sorted(values: set) -> list:
    """Return values in their order, or that of their texts if they have none."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)
